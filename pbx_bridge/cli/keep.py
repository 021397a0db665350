"""What is kept beside the calls: customers, and the database itself."""

from __future__ import annotations

import asyncio
from pathlib import Path

import click

from pbx_bridge.cli.base import cli, place_of, progress_line
from pbx_bridge.config import load
from pbx_bridge.errors import InputError


@cli.group()
def crm() -> None:
    """Customers, contracts and tickets."""


@crm.command("import")
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--all-contacts", is_flag=True, help="contacts.csv is the whole list: others are removed.")
def crm_import(folder: Path, all_contacts: bool) -> None:
    """Import customers.csv, contacts.csv, contracts.csv, tickets.csv and agents.csv from a folder; at least one.

    All of it is taken, or nothing when a row is bad. Repeatable, also while the daemon runs. A ticket without a
    tracking number gets one, which is printed. UTF-8; dates ISO or Jalali (1404/12/29), Persian digits as well.
    Past calls of a number whose contacts changed are linked anew: by the daemon, or here if none runs.

    \b
    The first line of each file:
      customers.csv  code,name,language,tier
      contacts.csv   customer_code,name,phone
      contracts.csv  customer_code,number,starts_on,ends_on,level
      tickets.csv    tracking_number,customer_code,subject,status,created_at,updated_at,promised_on
      agents.csv     extension,name

    \b
    Example:
      pbx-bridge crm import /srv/crm-export
    """
    from pbx_bridge.store import commands  # the other commands start faster without it

    settings = load()
    progress = progress_line("numbers whose past calls are linked anew")
    done = commands.import_lines(place_of(settings), folder, all_contacts=all_contacts, progress=progress)
    for line in asyncio.run(done):
        click.echo(line)


@crm.command("export")
@click.argument("folder", type=click.Path(path_type=Path))
def crm_export(folder: Path) -> None:
    """Write customers, contacts, contracts, tickets and agents' names into a new FOLDER, as CSV that `import` reads.

    Beside a running daemon. PINs are kept as hashes alone and are left out; a text that a spreadsheet would take for
    a formula gets an apostrophe before it. The folder is readable by you alone: it holds all customers.

    \b
    Example:
      pbx-bridge crm export /srv/crm-now
    """
    from pbx_bridge.store import commands  # the other commands start faster without it

    for line in asyncio.run(commands.export_lines(place_of(load()), folder)):
        click.echo(line)


@cli.group()
def db() -> None:
    """Where everything is kept."""


@db.command("pack")
def db_pack() -> None:
    """Pack the facts of calls that are over for a day, now. The daemon does it by itself, slowly.

    The file does not shrink: the room is used for what comes.

    \b
    Example:
      pbx-bridge db pack
    """
    from pbx_bridge.store import upkeep_commands  # the other commands start faster without it

    asyncio.run(upkeep_commands.pack_facts(place_of(load()), click.echo, progress_line("groups")))


@db.command("copy")
@click.option("--to", "url", required=True, metavar="URL", help="postgresql://USER@HOST/DATABASE, no password.")
def db_copy(url: str) -> None:
    """Copy the SQLite store into a PostgreSQL database while calls go on, and prove that both are equal.

    Cut off or run again, it goes on where they differ. The password stands in HOME/secrets/postgres, or in libpq's
    own ~/.pgpass; a database that a daemon has written to since is left alone.

    \b
    Example:
      pbx-bridge db copy --to postgresql://pbx@127.0.0.1/pbx
    """
    from pbx_bridge.store.copy import copy_store  # the other commands start faster without it

    settings = load()
    try:
        target = settings.postgres(url)
    except ValueError as error:
        raise InputError(f"--to: {error}") from error
    report = asyncio.run(copy_store(settings.store_path, target, progress_line("rows")))
    for line in report.lines():
        click.echo(line)
