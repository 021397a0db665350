"""`pbx-bridge backup` and `pbx-bridge restore`."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from pbx_bridge import logs
from pbx_bridge.cli.base import cli
from pbx_bridge.cli.keep import db
from pbx_bridge.config import Settings, load
from pbx_bridge.health import utc_now

if TYPE_CHECKING:
    from pbx_bridge.backup import Home, Progress

_MB = 1_000_000


@cli.command()
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path))
@click.option("--sounds", is_flag=True, help="Also the recordings of talks and callers' messages.")
def backup(folder: Path, sounds: bool) -> None:
    """Save the whole system in a new folder below FOLDER, while it runs: store, settings, secrets, flows, words.

    The copy is of one moment, and checked files only get its name. Keep it as private as the system: it holds
    customers, calls and passwords. Nothing is left of a backup that was cut off.

    \b
    Examples:
      pbx-bridge backup /srv/backup
      pbx-bridge backup --sounds /srv/backup
    """
    from pbx_bridge import backup as keeping  # the other commands start faster without it

    settings = load()
    made = keeping.back_up(_home(settings), folder, utc_now(), _shown("copied"), sounds=sounds)
    click.echo(f"saved in {made}")
    keys = settings.encryption.keys
    if keys is not None and not keys.is_relative_to(settings.secrets):
        click.echo(f"not in it: the keys of encrypted sounds in {keys}: keep a copy of them by themselves")


@cli.command()
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--replace", is_flag=True, help="What is there goes into HOME/before-restore-…")
@click.option("--check", "only_check", is_flag=True, help="Only look whether it is whole.")
def restore(folder: Path, replace: bool, only_check: bool) -> None:
    """Put a backup back into PBX_BRIDGE_HOME. Stop the system first.

    Every file is checked before anything is touched. Calls since the backup come back at the next start, as far as
    Asterisk's spool files of that time are still there.

    \b
    Examples:
      pbx-bridge restore --check /srv/backup/pbx-bridge-20261122-031500
      pbx-bridge restore --replace /srv/backup/pbx-bridge-20261122-031500
    """
    from pbx_bridge import backup as keeping  # the other commands start faster without it

    home = _home(load())
    if only_check:
        manifest = keeping.check(home, folder, _shown("checked"))
        click.echo(f"whole: {len(manifest.files)} files, made {manifest.made_at:%Y-%m-%d %H:%M} UTC")
        return
    manifest, before = keeping.restore(home, folder, utc_now(), _shown("checked"), replace=replace)
    click.echo(f"put back: what was saved {manifest.made_at:%Y-%m-%d %H:%M} UTC by {manifest.pbx_bridge}")
    for place in before:
        click.echo(f"what was there before: {place}")


@db.command("upgrade")
@click.option("--backup-to", "folder", type=click.Path(file_okay=False, path_type=Path), help="Default: HOME/backups")
def db_upgrade(folder: Path | None) -> None:
    """Bring the store to this version, after a backup of everything. Stop the system first.

    Starting does the same to the store without a backup. An older version refuses a newer store: with the backup you
    can go back.

    \b
    Example:
      pbx-bridge db upgrade
    """
    from pbx_bridge import backup as keeping  # the other commands start faster without it

    settings = load()
    home, into = _home(settings), folder or settings.home / "backups"
    told = asyncio.run(keeping.upgrade(home, into, utc_now(), _shown("copied")))
    click.echo(told)


def _home(settings: Settings) -> Home:
    from pbx_bridge.app_upgrade import home_of  # the other commands start faster without it

    logs.configure("warning", settings.log.form)
    return home_of(settings)


def _shown(what: str) -> Progress:
    """On one line of a terminal; elsewhere it would only fill a log."""

    def show(done: int, size: int) -> None:
        if sys.stderr.isatty():
            click.echo(f"\r{what}: {done // _MB} of {size // _MB} MB", err=True, nl=done == size)

    return show
