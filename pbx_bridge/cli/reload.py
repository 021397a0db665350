"""`pbx-bridge reload`."""

from __future__ import annotations

import click

from pbx_bridge.cli.base import cli
from pbx_bridge.config import Settings, load
from pbx_bridge.errors import FlowError, SettingsError


@cli.command("reload")
def reload_command() -> None:
    """Have the running daemon read its settings anew; callers notice nothing.

    Tells which settings count now and which need a restart. Settings with anything wrong in them change nothing;
    another ivr.flow is linted at once, though it waits for the restart.
    A daemon of systemd is asked the same way by `systemctl reload`.

    Example: pbx-bridge reload
    """
    from pbx_bridge.reloading import ask  # the other commands need no signals

    settings = load()
    outcome = ask(settings.run)
    if outcome.reason:
        raise SettingsError(f"nothing was changed: {outcome.reason}")
    click.echo(f"taken up: {', '.join(outcome.taken) or 'no setting is another; files they name were read anew'}")
    if outcome.waiting:
        click.echo(f"needs a restart: {', '.join(outcome.waiting)}")
    if "ivr.flow" in outcome.waiting:
        _prove(settings)


def _prove(settings: Settings) -> None:
    """Better known now than at the restart. Raises FlowError, PromptError."""
    from pbx_bridge.cli.flow_lint import errors_of

    wrong = errors_of(settings, settings.ivr.flow)
    if wrong:
        raise FlowError(f"with this ivr.flow it would not start again: {wrong[0]}")
