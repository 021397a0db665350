"""The record: what calls there were, what it may lack, whether it is true, and their recordings."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING

import click

from pbx_bridge.cli.base import cli, place_of, progress_line
from pbx_bridge.config import Settings, load
from pbx_bridge.pbx.paths import find_paths

if TYPE_CHECKING:
    from pbx_bridge.spool.recording_commands import RecordingPlace


@cli.group(invoke_without_command=True)
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line, for programs.")
@click.option("--since", metavar="T", help="Only calls that began since T: 2h, 3d, 2026-11-21, 1405/08/30 14:30.")
@click.option("--limit", type=click.IntRange(min=1), metavar="N", help="At most N calls.")
@click.pass_context
def calls(ctx: click.Context, as_json: bool, since: str | None, limit: int | None) -> None:
    """The calls on record, newest first; or what is done with them.

    \b
    Examples:
      pbx-bridge calls --since 2h
      pbx-bridge calls --json --limit 100
    """
    if ctx.invoked_subcommand is not None:
        return
    from pbx_bridge.store import commands  # the other commands start faster without it

    asyncio.run(commands.show_calls(place_of(load()), click.echo, as_json=as_json, since=since, limit=limit))


@calls.command("import")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--format", "format_", type=click.Choice(["master", "freepbx"]), help="Default: found out.")
@click.option("--node", metavar="NAME", help="The PBX that wrote the file; default: pbx.systemname.")
@click.option("--zone", metavar="ZONE", help="Where its times are, such as UTC; default: the setting zone.")
@click.pass_context
def calls_import(ctx: click.Context, file: Path, format_: str | None, node: str | None, zone: str | None) -> None:
    """Take history from before our time into the record: Asterisk's Master.csv, or FreePBX's cdr table as CSV.

    One call a line, marked with source `cdr`. Repeatable, also with exports that overlap; a call already on record
    from CEL stays as it is. A row that cannot be read is kept aside and named: then the exit status is 1.

    \b
    Examples:
      pbx-bridge calls import /var/log/asterisk/cdr-csv/Master.csv
      pbx-bridge calls import cdr-export.csv --format freepbx --node pbx2 --zone Asia/Tehran
    """
    from pbx_bridge.store import commands  # the other commands start faster without it

    settings = load()
    whole = asyncio.run(
        commands.import_calls(
            place_of(settings),
            click.echo,
            file,
            node=node or settings.pbx.systemname,
            zone=zone,
            format=format_,
            progress=progress_line(f"percent of {file.name}"),
        )
    )
    ctx.exit(0 if whole else 1)


@calls.command("gaps")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line, for programs.")
@click.option("--since", metavar="T", help="Only windows that reached beyond T: 2h, 2026-11-21, 1405/08/30 14:30.")
@click.option("--open", "unread", is_flag=True, help="Only what was not read since; exit status 1 if there is any.")
@click.pass_context
def calls_gaps(ctx: click.Context, as_json: bool, since: str | None, unread: bool) -> None:
    """The windows in which a source was not read or not heard, and whether each has been read since.

    cel and queue are Asterisk's files: what they held is read later. ari and ami send nothing again.

    \b
    Examples:
      pbx-bridge calls gaps --since 2d
      pbx-bridge calls gaps --open
    """
    from pbx_bridge.store import shortfall_commands  # the other commands start faster without it

    found = asyncio.run(
        shortfall_commands.show_gaps(place_of(load()), click.echo, as_json=as_json, since=since, unread=unread)
    )
    ctx.exit(1 if unread and found else 0)


@calls.command("unreadable")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line, with the whole row, for programs.")
@click.option("--limit", type=click.IntRange(min=1), metavar="N", help="At most N rows.")
def calls_unreadable(as_json: bool, limit: int | None) -> None:
    """The rows of Asterisk's files that could not be read, with the reason, the latest found first.

    \b
    Example:
      pbx-bridge calls unreadable --limit 20
    """
    from pbx_bridge.store import shortfall_commands  # the other commands start faster without it

    asyncio.run(shortfall_commands.show_unreadable(place_of(load()), click.echo, as_json=as_json, limit=limit))


@calls.command("verify")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line for each disagreement, for programs.")
@click.option("--since", metavar="T", help="Only calls that began since T: 2h, 3d, 2026-11-21, 1405/08/30 14:30.")
@click.pass_context
def calls_verify(ctx: click.Context, as_json: bool, since: str | None) -> None:
    """Compare the record with Asterisk's own files: CEL, queue_log and CDRs, as far as they are still on disk.

    Every disagreement is shown with both sides, and with what explains it: an estimated end, a gap, rows not read
    yet. The exit status is 1 if nothing explains one. Changes nothing; the daemon may run.

    \b
    Example:
      pbx-bridge calls verify --since 1d
    """
    from pbx_bridge.spool import verify_command  # the other commands start faster without it
    from pbx_bridge.spool.verify import Files

    settings = load()
    paths = find_paths(settings.home, settings.asterisk_root)
    files = Files(
        node=settings.pbx.systemname,
        cel=settings.spool.cel or paths.cel,
        queue_log=settings.spool.queue_log or paths.queue_log,
        cdr=paths.log / "cdr-custom" / "cdr.csv",
    )
    wrong = asyncio.run(
        verify_command.show_disagreements(
            place_of(settings),
            files,
            click.echo,
            as_json=as_json,
            since=since,
            progress=progress_line("files, percent"),
        )
    )
    ctx.exit(1 if wrong else 0)


@calls.command("rebuild")
@click.option("--since", metavar="T", help="Only calls that began since T: 2h, 3d, 2026-11-21, 1405/08/30 14:30.")
@click.pass_context
def calls_rebuild(ctx: click.Context, since: str | None) -> None:
    """Fold calls anew from their facts, each under its own id. What comes out the same is not touched.

    The daemon may run, and goes first. Ctrl-C at any time: the store is right, and a second run does the rest. The
    exit status is 1 if a call could not be folded.

    \b
    Examples:
      pbx-bridge calls rebuild
      pbx-bridge calls rebuild --since 30d
    """
    from pbx_bridge.store import upkeep_commands  # the other commands start faster without it

    whole = asyncio.run(
        upkeep_commands.rebuild_calls(place_of(load()), click.echo, progress_line("calls"), since=since)
    )
    ctx.exit(0 if whole else 1)


@cli.group()
def recordings() -> None:
    """The voices of calls, as Asterisk recorded them."""


@recordings.command("list")
@click.option("--since", metavar="T", help="Only those that began since T: 2h, 3d, 2026-11-21, 1405/08/30 14:30.")
def recordings_list(since: str | None) -> None:
    """Every recording, oldest first: when, what became of it, length, size, call, file.

    \b
    Example:
      pbx-bridge recordings list --since 2d
    """
    from pbx_bridge.spool import recording_commands  # the other commands start faster without it

    asyncio.run(recording_commands.show_recordings(_recording_place(load()), click.echo, since=since))


@recordings.command("check")
@click.option("--since", metavar="T", help="Look only for files of recordings that began since T.")
@click.pass_context
def recordings_check(ctx: click.Context, since: str | None) -> None:
    """List recordings without a file and files without a recording; exit status 1 if there are any.

    \b
    Example:
      pbx-bridge recordings check
    """
    from pbx_bridge.spool import recording_commands  # the other commands start faster without it

    found = asyncio.run(recording_commands.check_recordings(_recording_place(load()), click.echo, since=since))
    ctx.exit(1 if found else 0)


@recordings.command("expire")
@click.option("--dry-run", is_flag=True, help="Show what would be removed, and remove nothing.")
def recordings_expire(dry_run: bool) -> None:
    """Remove the recordings whose time is up by recordings.keep_days. The daemon does it once a day.

    \b
    Example:
      pbx-bridge recordings expire --dry-run
    """
    from pbx_bridge.spool import recording_commands  # the other commands start faster without it

    asyncio.run(recording_commands.expire_recordings(_recording_place(load()), click.echo, dry_run=dry_run))


def _recording_place(settings: Settings) -> RecordingPlace:
    from pbx_bridge.spool.recording_commands import RecordingPlace

    return RecordingPlace(
        store=place_of(settings),
        node=settings.pbx.systemname,
        spool=settings.recordings.spool or find_paths(settings.home, settings.asterisk_root).monitor,
        kept=settings.recordings_path,
        keep_days=settings.recordings.keep_days,
        keys=settings.sound_keys,
    )
