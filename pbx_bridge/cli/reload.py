"""`pbx-bridge reload`."""

from __future__ import annotations

import click

from pbx_bridge.cli.base import cli
from pbx_bridge.config import load
from pbx_bridge.errors import SettingsError


@cli.command("reload")
def reload_command() -> None:
    """Have the running daemon read its settings anew; callers notice nothing.

    Tells which settings count now and which need a restart. Settings with anything wrong in them change nothing.
    A daemon of systemd is asked the same way by `systemctl reload`.

    Example: pbx-bridge reload
    """
    from pbx_bridge.reloading import ask  # the other commands need no signals

    outcome = ask(load().run)
    if outcome.reason:
        raise SettingsError(f"nothing was changed: {outcome.reason}")
    click.echo(f"taken up: {', '.join(outcome.taken) or 'no setting is another; files they name were read anew'}")
    if outcome.waiting:
        click.echo(f"needs a restart: {', '.join(outcome.waiting)}")
