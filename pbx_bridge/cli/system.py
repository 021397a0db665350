"""The system itself: set up, run, place a call, render what callers hear."""

from __future__ import annotations

import asyncio
from pathlib import Path

import click

from pbx_bridge import logs
from pbx_bridge.cli.base import cli, progress_line
from pbx_bridge.config import Settings, load
from pbx_bridge.errors import PromptError
from pbx_bridge.ivr.prompts import PromptBook
from pbx_bridge.ivr.sounds.render import Progress, RenderReport, prepare
from pbx_bridge.ivr.sounds.speakers import Speaker, find_prefix, find_speaker
from pbx_bridge.pbx.paths import find_paths
from pbx_bridge.values import digits


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
    report = render_prompts(load(), progress_line("prompts"), to)
    click.echo(
        f"prompts: {report.rendered} clips rendered, {report.kept} kept, {report.recorded} recordings, "
        f"{report.seconds:.1f} s"
    )


def render_prompts(settings: Settings, progress: Progress, to: Path | None = None) -> RenderReport:
    """Render what has no sound yet, into the given folder or Asterisk's. Raises PromptError."""
    if to is None and not (settings.home / "asterisk").exists():
        raise PromptError(f"no Asterisk was set up in {settings.home} yet: run it first, or say --to FOLDER")
    prefix = find_prefix(settings.asterisk_root)
    return prepare(
        PromptBook.load(extra_folder=settings.home / "prompts"),
        to or find_paths(settings.home, settings.asterisk_root).sounds,
        speakers_of(settings, prefix),
        prefix=prefix,
        recordings=settings.home / "recordings",
        progress=progress,
    )


def speakers_of(settings: Settings, prefix: tuple[str, ...]) -> dict[str, Speaker]:
    """Who speaks each language. Raises PromptError saying what to install."""
    return {
        "fa": find_speaker(settings.ivr.voice_fa, prefix),
        "en": find_speaker(settings.ivr.voice_en, prefix),
    }


@cli.command()
@click.option("--take-over", type=int, hidden=True, help="What a daemon says to the successor it starts.")
def daemon(take_over: int | None) -> None:
    """Run the daemon alone, in the foreground, against an Asterisk that runs already.

    `pbx-bridge run` starts it together with a private Asterisk.

    Example: pbx-bridge daemon
    """
    from pbx_bridge import app  # the other commands start faster without it

    asyncio.run(app.run_daemon(load(), take_over))


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
@click.option(
    "--ring",
    "ring_s",
    type=click.IntRange(1, 300),
    default=30,
    show_default=True,
    metavar="S",
    help="So many seconds the phone rings.",
)
@click.argument("number")
def call_command(agent: str, number: str, ring_s: int) -> None:
    """Ring an agent's phone and, when it is picked up, NUMBER: a click-to-call without a page.

    The phone rings up to --ring seconds. The number is dialled as if the agent had dialled it, and stands on the
    call's record.

    \b
    Example:
      pbx-bridge call --agent 101 09121234567
    """
    from pbx_bridge import app_phones  # the other commands start faster without it

    settings = load()
    logs.configure("warning", settings.log.form)
    asked = asyncio.run(app_phones.place_call(settings, digits.to_ascii(agent), number, ring_s))
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
    from pbx_bridge.config.running import running_system
    from pbx_bridge.pbx import try_call  # the other commands start faster without them

    settings = load()
    trial = try_call.TrialCall(
        caller=digits.to_ascii(caller).strip(),
        called=called or settings.pbx.extension,
        keys=try_call.parse_keys(keys),
        stay_s=stay,
        at_most_s=at_most,
    )
    row = asyncio.run(try_call.try_call(trial, running_system(settings), click.echo))
    for line in try_call.record_lines(row, as_json=as_json):
        click.echo(line)
