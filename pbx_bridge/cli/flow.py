"""The workshop for flows: the group that its commands join."""

from __future__ import annotations

from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from pbx_bridge.cli.base import cli
from pbx_bridge.config import Settings

if TYPE_CHECKING:
    from pbx_bridge.ivr.flow import Flow
    from pbx_bridge.ivr.prompts import PromptBook


@cli.group()
def flow() -> None:
    """The flows that callers meet: check, draw, try, test and deploy them."""


def met_by(settings: Settings, name: str | None) -> tuple[Flow, PromptBook]:
    """The flow of a name with the texts as they are now; without a name what callers meet, with its own texts."""
    from msgspec.structs import replace

    from pbx_bridge.ivr import flow as flows
    from pbx_bridge.ivr.prompts import PromptBook
    from pbx_bridge.ivr.releases import FLOW, PROMPTS, Releases

    zone = ZoneInfo(settings.zone)
    releases = Releases(settings.home / "flows")
    current = None if name else releases.current()
    if current is None:
        return flows.load(name or settings.ivr.flow, zone), PromptBook.load(extra_folder=settings.home / "prompts")
    folder = releases.folder_of(current.version)
    met = replace(flows.load(str(folder / FLOW), zone), version=current.version)
    return met, PromptBook.load(extra_folder=folder / PROMPTS)
