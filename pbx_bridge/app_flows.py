"""The composition of flows: what makes them ready for this PBX, and those that callers meet."""

from __future__ import annotations

from zoneinfo import ZoneInfo

import structlog

from pbx_bridge.ari_handlers.repertoire import LoadedFlow, Repertoire
from pbx_bridge.config import Settings
from pbx_bridge.health import utc_now
from pbx_bridge.ivr.announcer import Announcer
from pbx_bridge.ivr.flow import Flow
from pbx_bridge.ivr.loader import Loader
from pbx_bridge.ivr.reading.beside import unknown_holidays
from pbx_bridge.ivr.releases import Releases
from pbx_bridge.ivr.sounds.ahead import MadeAhead
from pbx_bridge.pbx import paths as pbx_paths

log = structlog.get_logger()


def loader_of(settings: Settings) -> Loader:
    """What makes flows ready for this PBX. Raises PbxError when there is no Asterisk yet."""
    paths = pbx_paths.find_paths(settings.home, settings.asterisk_root)
    return Loader(
        releases=Releases(settings.home / "flows"),
        prompts=settings.home / "prompts",
        sounds=paths.sounds,
        seen_as=paths.inside(paths.sounds),
        ahead=MadeAhead(paths.sounds, paths.inside(paths.sounds)),
        # Of a PBX that is not ours we do not know them.
        queues=settings.pbx.queue_names if settings.ari.url is None else None,
        zone=ZoneInfo(settings.zone),
        region=settings.region,
        services=settings.services_known(),
    )


def repertoire_of(settings: Settings, loader: Loader) -> Repertoire:
    """The flows that callers meet, checked whole. Raises FlowError, PromptError."""
    numbers = settings.number_rules()
    lines = {}
    for line in ("", *numbers.flow_names):
        flow, announcer = loader.newest(settings.flow_of_line(line), line)
        for finding in unknown_holidays(flow, utc_now().astimezone(loader.zone).date()):
            log.warning("holidays_not_known", flow=flow.name, reason=finding.sentence)
        lines[line] = loaded(flow, announcer)
    return Repertoire(lines.pop(""), lines, numbers.flow_of)


def loaded(flow: Flow, announcer: Announcer) -> LoadedFlow:
    """A flow with the words and the voice of its own release."""
    return LoadedFlow(flow=flow, texts=announcer.book, speaker=announcer)
