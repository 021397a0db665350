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
from pbx_bridge.errors import BridgeError, PromptError
from pbx_bridge.ivr.prompts import PromptBook
from pbx_bridge.ivr.render import prepare
from pbx_bridge.ivr.speakers import find_prefix, find_speaker
from pbx_bridge.pbx.paths import find_paths
from pbx_bridge.values import digits

if TYPE_CHECKING:
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

    def show(done: int, total: int, _: str) -> None:
        if sys.stderr.isatty():
            click.echo(f"\r{what}: {done} of {total}", err=True, nl=done == total)
        elif done * 10 // total > (done - 1) * 10 // total:
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
        store=settings.store_path,
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
def crm_import(folder: Path) -> None:
    """Import customers.csv, contacts.csv, contracts.csv and tickets.csv from a folder; at least one of them.

    All of it is taken, or nothing when a row is bad. Repeatable, also while the daemon runs. A ticket without a
    tracking number gets one, which is printed. UTF-8; dates ISO or Jalali (1404/12/29), Persian digits as well.

    \b
    The first line of each file:
      customers.csv  code,name,language,tier
      contacts.csv   customer_code,name,phone
      contracts.csv  customer_code,number,starts_on,ends_on,level
      tickets.csv    tracking_number,customer_code,subject,status,created_at,updated_at,promised_on

    \b
    Example:
      pbx-bridge crm import /srv/crm-export
    """
    from pbx_bridge.store import commands  # the other commands start faster without it

    settings = load()
    for line in asyncio.run(commands.import_lines(_place(settings), folder)):
        click.echo(line)


@cli.command()
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line, for programs.")
@click.option("--since", metavar="T", help="Only calls that began since T: 2h, 3d, 2026-11-21, 1405/08/30 14:30.")
@click.option("--limit", type=click.IntRange(min=1), metavar="N", help="At most N calls.")
def calls(as_json: bool, since: str | None, limit: int | None) -> None:
    """The calls on record, newest first.

    \b
    Examples:
      pbx-bridge calls --since 2h
      pbx-bridge calls --json --limit 100
    """
    from pbx_bridge.store import commands  # the other commands start faster without it

    asyncio.run(commands.show_calls(_place(load()), click.echo, as_json=as_json, since=since, limit=limit))


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


def _place(settings: Settings) -> Place:
    from pbx_bridge.store.commands import Place

    logs.configure("warning", settings.log.form)
    return Place(path=settings.store_path, region=settings.region, zone=ZoneInfo(settings.zone))


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
