"""A person's data, erased on request."""

from __future__ import annotations

import asyncio

import click

from pbx_bridge.cli.base import cli, place_of, progress_line
from pbx_bridge.config import load
from pbx_bridge.errors import InputError


@cli.command("erase")
@click.option("--customer", metavar="CODE", help="A customer: all their numbers, names, calls, tickets' texts.")
@click.option("--number", metavar="N", help="A number of somebody outside, whoever's it is.")
@click.option("--dry-run", is_flag=True, help="Show what there is and what would stay, and change nothing.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option(
    "--vacuum", is_flag=True, help="Then write the SQLite file anew; it takes its room twice, writers wait."
)
@click.pass_context
def erase(
    ctx: click.Context, customer: str | None, number: str | None, dry_run: bool, yes: bool, vacuum: bool
) -> None:
    """Erase one person's data: numbers, names, keys, notes, texts, recordings, messages. Their calls stay as counts.

    It cannot be undone. What must stay, and why, is shown. The daemon may run; Ctrl-C at any time, and a second run
    does the rest. The exit status is 1 while something is left, such as a call under way.

    \b
    Examples:
      pbx-bridge erase --customer C-1042 --dry-run
      pbx-bridge erase --number 09121234567 --yes
    """
    if bool(customer) == bool(number):
        raise InputError("one of --customer CODE and --number N is needed, and not both")
    from pbx_bridge.config.sound_files import message_files, recording_files
    from pbx_bridge.spool import erase_command  # the other commands start faster without it

    settings = load()
    place = erase_command.ErasePlace(
        store=place_of(settings),
        recordings=recording_files(settings),
        messages=message_files(settings),
    )
    whole = asyncio.run(
        erase_command.erase(
            place,
            click.echo,
            progress_line("groups of facts looked through"),
            progress_line("calls erased"),
            customer=customer or "",
            number=number or "",
            by="command",
            dry_run=dry_run,
            vacuum=vacuum,
            sure=lambda: None if yes else _ask(),
        )
    )
    ctx.exit(0 if whole else 1)


def _ask() -> None:
    click.confirm("This cannot be undone. Erase?", abort=True, err=True)
