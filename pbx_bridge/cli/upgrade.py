"""`pbx-bridge upgrade`."""

from __future__ import annotations

import sys

import click

from pbx_bridge.cli.base import cli
from pbx_bridge.config import load


@cli.command("upgrade")
def upgrade_command() -> None:
    """Put this version in the place of the daemon that runs, without losing a caller.

    The new process gets ready beside the old one: settings, flows, prompts and store are checked, Asterisk is asked.
    Only then it takes over, within a fraction of a second: callers in a menu hear their prompt again, those in queues
    and talks notice nothing. Where anything is wrong the old one goes on, and the exit status is 1. A store of an
    older version is saved in HOME/backups first. The version that takes over is the one whose command this is, so the
    way back is the command of the version before, as long as the store is of its version.

    Run it as the daemon's user. Ctrl-C ends the waiting, not the upgrade.

    \b
    Example:
      git pull && tools/setup.sh venv run && .venv/bin/pbx-bridge upgrade
    """
    from pbx_bridge.upgrading import ask  # the other commands need no signals

    # Not from the folder in which the daemon was started: that may hold another version.
    told = ask(load().run, (sys.executable, "-P", "-m", "pbx_bridge.cli"), click.echo)
    click.echo(f"process {told.pid} serves now; for {told.alone_s:.2f} s nobody looked after callers")
