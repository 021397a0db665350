"""The PBX itself: the group that its commands join."""

from __future__ import annotations

from pbx_bridge.cli.base import cli


@cli.group()
def pbx() -> None:
    """The PBX's own configuration: made from the settings, put in place, taken back."""
