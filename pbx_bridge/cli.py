"""The commands; one thin function each. Errors of ours become one line on stderr and exit status 1."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import click

from pbx_bridge import logs
from pbx_bridge.config import Settings, load
from pbx_bridge.errors import BridgeError, InputError, PromptError
from pbx_bridge.ivr.prompts import PromptBook
from pbx_bridge.ivr.render import prepare
from pbx_bridge.ivr.speakers import find_prefix, find_speaker
from pbx_bridge.pbx.paths import find_paths
from pbx_bridge.values import digits

if TYPE_CHECKING:
    from pbx_bridge.spool.recording_commands import RecordingPlace
    from pbx_bridge.store.commands import Place


class _Commands(click.Group):
    """A group whose commands end with one clear line instead of a traceback when the fault is known."""

    def invoke(self, ctx: click.Context) -> object:
        try:
            return super().invoke(ctx)
        except BridgeError as error:
            click.echo(f"pbx-bridge: {error}", err=True)
            ctx.exit(1)


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="pbx-bridge")
def cli() -> None:
    """The bridge between an Asterisk PBX and a company's customer records."""


@cli.group()
def prompts() -> None:
    """What callers hear."""


@prompts.command("render")
@click.option("--to", type=click.Path(file_okay=False, path_type=Path), help="Sounds folder; default: Asterisk's.")
def prompts_render(to: Path | None) -> None:
    """Render every prompt that has no sound yet.

    English by piper, Persian by espeak-ng; a recording HOME/recordings/LANGUAGE/KEY.wav wins. Texts in
    HOME/prompts/LANGUAGE.yaml add to the shipped ones and replace them.

    \b
    Example:
      pbx-bridge prompts render
    """
    settings = load()
    if to is None and not (settings.home / "asterisk").exists():
        raise PromptError(f"no Asterisk was set up in {settings.home} yet: run it first, or say --to FOLDER")
    prefix = find_prefix(settings.asterisk_root)
    speakers = {
        "fa": find_speaker(settings.ivr.voice_fa, prefix),
        "en": find_speaker(settings.ivr.voice_en, prefix),
    }
    report = prepare(
        PromptBook.load(extra_folder=settings.home / "prompts"),
        to or find_paths(settings.home, settings.asterisk_root).sounds,
        speakers,
        prefix=prefix,
        recordings=settings.home / "recordings",
        progress=progress_line("prompts"),
    )
    click.echo(
        f"prompts: {report.rendered} clips rendered, {report.kept} kept, {report.recorded} recordings, "
        f"{report.seconds:.1f} s"
    )


def progress_line(what: str) -> Callable[[int, int, str], None]:
    """Shows done and total on one line of a terminal; anywhere else, a line for each tenth."""
    tenths = 0

    def show(done: int, total: int, _: str) -> None:
        nonlocal tenths
        if sys.stderr.isatty():
            click.echo(f"\r{what}: {done} of {total}", err=True, nl=done == total)
        elif done * 10 // total > tenths:
            tenths = done * 10 // total
            click.echo(f"{what}: {done} of {total}", err=True)

    return show


@cli.command()
def daemon() -> None:
    """Run the daemon alone, in the foreground, against an Asterisk that runs already.

    `pbx-bridge run` starts it together with a private Asterisk.

    Example: pbx-bridge daemon
    """
    from pbx_bridge import app  # the other commands start faster without it

    asyncio.run(app.run_daemon(load()))


@cli.command("run")
def run_command() -> None:
    """Set up and run everything in the foreground: a private Asterisk, the daemon, the pages. Ctrl-C stops it.

    The first start installs what is missing and takes a minute or two; the next ones take seconds. All it writes
    stands in var/, or where PBX_BRIDGE_HOME says.

    Example: PBX_BRIDGE_WEB__PORT=8090 pbx-bridge run
    """
    from pbx_bridge import run  # the other commands start faster without it

    run.run_system(load(), lambda line: click.echo(line))


@cli.command("prepare")
@click.option("--asterisk", "version", required=True, metavar="VERSION", help="As `asterisk -V` says it.")
@click.option("--container", is_flag=True, help="Asterisk is alone in a container, with ports published on loopback.")
def prepare_command(version: str, container: bool) -> None:
    """Lay the configuration, the prompts and the store in PBX_BRIDGE_HOME, and start nothing.

    For an Asterisk that something else starts, such as a container: asterisk -f -C HOME/asterisk/etc/asterisk.conf

    Example: pbx-bridge prepare --asterisk 22.10.1
    """
    from pbx_bridge import run  # the other commands start faster without it

    run.prepare_system(load(), version, container, click.echo)


@cli.command()
def agents() -> None:
    """Who may register as an agent, and the password to type into the softphone.

    Example: pbx-bridge agents
    """
    from pbx_bridge import run  # the other commands start faster without it

    for line in run.agent_lines(load()):
        click.echo(line)


@cli.command("call")
@click.option("--agent", required=True, metavar="EXTENSION", help="Whose phone rings first.")
@click.option("--ring", "ring_s", type=click.IntRange(1, 300), default=30, show_default=True, metavar="S")
@click.argument("number")
def call_command(agent: str, number: str, ring_s: int) -> None:
    """Ring an agent's phone and, when it is picked up, NUMBER: a click-to-call without a page.

    The phone rings up to --ring seconds. The number is dialled as if the agent had dialled it, and stands on the
    call's record.

    \b
    Example:
      pbx-bridge call --agent 101 09121234567
    """
    from pbx_bridge import app  # the other commands start faster without it

    settings = load()
    logs.configure("warning", settings.log.form)
    asked = asyncio.run(app.place_call(settings, digits.to_ascii(agent), number, ring_s))
    click.echo(f"{asked.agent}'s phone rings; picked up, it calls {asked.dialled} ({asked.channel})")


@cli.command("try-call")
@click.option("--from", "caller", required=True, metavar="NUMBER", help="The number to call from.")
@click.option("--to", "called", metavar="NUMBER", help="The number to dial; default: the demo's, 100.")
@click.option("--keys", default="", metavar="KEYS", help="Keys to press, a group for each question: 2,1,471293#")
@click.option("--stay", default=3.0, show_default=True, metavar="S", help="Seconds on the line after the answer.")
@click.option("--at-most", default=120.0, show_default=True, metavar="S", help="Hang up after S seconds anyway.")
@click.option("--json", "as_json", is_flag=True, help="The record as one JSON line, as `calls --json` prints it.")
def try_call_command(caller: str, called: str | None, keys: str, stay: float, at_most: float, as_json: bool) -> None:
    """Place a call to the running system without a phone: what the caller hears, as it is heard, then the record.

    Each group of --keys is pressed when a prompt that takes keys has begun since the group before. After the last
    group the caller stays until the answer was heard (or another question comes), --stay seconds more, and hangs
    up; in a queue, until somebody else does. Ctrl-C hangs up at once.

    \b
    Example (English, ticket status, tracking number 2047155):
      pbx-bridge try-call --from 09121234567 --keys 2,1,2047155#
    """
    from pbx_bridge.pbx import try_call  # the other commands start faster without it

    settings = load()
    trial = try_call.TrialCall(
        caller=digits.to_ascii(caller).strip(),
        called=called or settings.pbx.extension,
        keys=try_call.parse_keys(keys),
        stay_s=stay,
        at_most_s=at_most,
    )
    system = try_call.RunningSystem(
        host=settings.pbx.host,
        sip_port=settings.pbx.sip_port,
        node=settings.pbx.systemname,
        store=settings.store_place,
        pid_file=settings.run / "daemon.pid",
        region=settings.region,
    )
    row = asyncio.run(try_call.try_call(trial, system, click.echo))
    for line in try_call.record_lines(row, as_json=as_json):
        click.echo(line)


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
    done = commands.import_lines(_place(settings), folder, all_contacts=all_contacts, progress=progress)
    for line in asyncio.run(done):
        click.echo(line)


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

    asyncio.run(commands.show_calls(_place(load()), click.echo, as_json=as_json, since=since, limit=limit))


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
            _place(settings),
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
        shortfall_commands.show_gaps(_place(load()), click.echo, as_json=as_json, since=since, unread=unread)
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

    asyncio.run(shortfall_commands.show_unreadable(_place(load()), click.echo, as_json=as_json, limit=limit))


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
            _place(settings),
            files,
            click.echo,
            as_json=as_json,
            since=since,
            progress=progress_line("files, percent"),
        )
    )
    ctx.exit(1 if wrong else 0)


@cli.group()
def users() -> None:
    """Who may sign in to the pages."""


@users.command("add")
@click.argument("name")
@click.option("--role", type=click.Choice(["admin", "lead", "agent"]), default="lead", show_default=True)
def users_add(name: str, role: str) -> None:
    """Add a user. The password is asked for, or read from standard input.

    \b
    Example:
      pbx-bridge users add sara --role lead
    """
    from pbx_bridge.store import commands  # the other commands start faster without it

    asyncio.run(commands.add_user(_place(load()), name, _new_password(), role))
    click.echo(f"{name} may sign in as {role}")


@users.command("passwd")
@click.argument("name")
def users_passwd(name: str) -> None:
    """Give a user a new password. It is asked for, or read from standard input.

    \b
    Example:
      pbx-bridge users passwd sara < password.txt
    """
    from pbx_bridge.store import commands  # the other commands start faster without it

    asyncio.run(commands.set_password(_place(load()), name, _new_password()))
    click.echo(f"{name} has a new password")


@users.command("list")
def users_list() -> None:
    """Every user and their role.

    \b
    Example:
      pbx-bridge users list
    """
    from pbx_bridge.store import commands  # the other commands start faster without it

    for line in asyncio.run(commands.user_lines(_place(load()))):
        click.echo(line)


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
        upkeep_commands.rebuild_calls(_place(load()), click.echo, progress_line("calls"), since=since)
    )
    ctx.exit(0 if whole else 1)


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

    asyncio.run(upkeep_commands.pack_facts(_place(load()), click.echo, progress_line("groups")))


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


def _place(settings: Settings) -> Place:
    from pbx_bridge.store.commands import Place

    logs.configure("warning", settings.log.form)
    return Place(
        path=settings.store_place,
        region=settings.region,
        zone=ZoneInfo(settings.zone),
        daemon_pid=settings.run / "daemon.pid",
    )


def _recording_place(settings: Settings) -> RecordingPlace:
    from pbx_bridge.spool.recording_commands import RecordingPlace

    return RecordingPlace(
        store=_place(settings),
        node=settings.pbx.systemname,
        spool=settings.recordings.spool or find_paths(settings.home, settings.asterisk_root).monitor,
        kept=settings.recordings_path,
        keep_days=settings.recordings.keep_days,
    )


def _new_password() -> str:
    if sys.stdin.isatty():
        answer: str = click.prompt("Password", hide_input=True, confirmation_prompt=True, err=True)
        return answer
    return sys.stdin.readline().rstrip("\r\n")


def main() -> None:
    """Entry point of the `pbx-bridge` command."""
    try:
        cli(standalone_mode=True)
    except KeyboardInterrupt:
        sys.exit(130)


if __name__ == "__main__":
    main()
