"""`pbx-bridge db work-out`."""

from __future__ import annotations

import asyncio

import click

from pbx_bridge.cli.base import place_of, progress_line
from pbx_bridge.cli.keep import db
from pbx_bridge.config import load


@db.command("work-out")
@click.option("--status", is_flag=True, help="Only tell how far it came.")
def db_work_out(status: bool) -> None:
    """Work out what searches and reports need of the calls from before an update, now, as fast as it goes.

    The daemon does it by itself, slowly. Cut off or run again, it goes on where it was; calls may come meanwhile.

    \b
    Examples:
      pbx-bridge db work-out
      pbx-bridge db work-out --status
    """
    from pbx_bridge.store import upkeep_commands  # the other commands start faster without it

    work = upkeep_commands.work_out(place_of(load()), click.echo, progress_line("calls"), only_tell=status)
    asyncio.run(work)
