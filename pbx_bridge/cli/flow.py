"""The workshop for flows: the group that its commands join."""

from __future__ import annotations

from pbx_bridge.cli.base import cli


@cli.group()
def flow() -> None:
    """The flows that callers meet: check, draw, try, test and deploy them."""
