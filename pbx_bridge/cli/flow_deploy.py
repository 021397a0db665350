"""`flow deploy`, `flow history` and `flow rollback`: another flow on a running system."""

from __future__ import annotations

import getpass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from pbx_bridge.cli.base import progress_line
from pbx_bridge.cli.flow import flow
from pbx_bridge.config import Settings, load
from pbx_bridge.errors import FlowError

if TYPE_CHECKING:
    from pbx_bridge.ivr.deploy import Signed
    from pbx_bridge.ivr.loader import Loader
    from pbx_bridge.ivr.releases import Deployment

_LINE = "{:<1} {:<19}  {:<12}  {:<20}  {:<8}  {:<10}  {}"


@flow.command("deploy")
@click.argument("name", metavar="FLOW")
@click.option("--note", default="", help="Why; stands in the history.")
@click.option("--line", default="", metavar="NAME", help="For the numbers that lead to it (pbx.numbers).")
@click.option("--no-cases", is_flag=True, help="Do not play the cases beside the flow.")
def flow_deploy(name: str, note: str, line: str, no_cases: bool) -> None:
    """Check a flow and take it into use for new calls, without a restart.

    FLOW is a shipped flow's name or a file. It must lint without errors and pass its cases; sounds it lacks are
    rendered. Callers who are inside finish on the version they began with. With it goes what it needs: the texts in
    HOME/prompts, holiday files, flows it calls; later changes to these files count when it is deployed again. From
    the first deployment on, the setting ivr.flow no longer counts. With --line it is for the numbers whose flow has
    that name in pbx.numbers, and for no others; see docs/numbers.md. Exit status: 0 when the daemon uses it, or will
    at its next start; 1 when nothing, or nothing more than the history, has changed.

    \b
    Example:
      pbx-bridge flow deploy mine.yaml --note "survey after each talk"
    """
    from pbx_bridge.app_flows import loader_of
    from pbx_bridge.ivr.deploy import deploy

    settings = load()
    setting = settings.flow_of_line(line)
    loader = loader_of(settings)
    with loader.releases.alone():
        _check(settings, name, no_cases=no_cases)
        _render(settings)
        made = deploy(loader, name, _signed(note, line), setting=setting)
        _await(settings, loader, made)


@flow.command("rollback")
@click.argument("version", required=False, default="")
@click.option("--note", default="", help="Why; stands in the history.")
@click.option("--line", default="", metavar="NAME", help="For the numbers that lead to it (pbx.numbers).")
def flow_rollback(version: str, note: str, line: str) -> None:
    """Take an earlier release into use again: VERSION of `flow history`, or the one before the present one.

    Exit status: 0 when the daemon uses it, or will at its next start; 1 when not.

    \b
    Example:
      pbx-bridge flow rollback --note "callers got lost in the new menu"
    """
    from pbx_bridge.app_flows import loader_of
    from pbx_bridge.ivr.deploy import roll_back

    settings = load()
    settings.flow_of_line(line)
    loader = loader_of(settings)
    with loader.releases.alone():
        made = roll_back(loader, _signed(note, line), to=version)
        _await(settings, loader, made)


@flow.command("history")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line, for programs.")
def flow_history(as_json: bool) -> None:
    """What was taken into use when, by whom and why; newest first, what is in use marked with *.

    One for some numbers alone (pbx.numbers) stands with the name of their line.

    \b
    Example:
      pbx-bridge flow history
    """
    import msgspec

    from pbx_bridge.ivr.releases import Releases

    settings = load()
    history = Releases(settings.home / "flows").history()
    if not history and not as_json:
        click.echo(f"nothing was deployed yet: callers meet {settings.ivr.flow}, as ivr.flow says")
        return
    present = {told.line: told for told in history}
    for told in reversed(history):
        in_use = told is present[told.line]
        click.echo(msgspec.json.encode(told).decode() if as_json else _line(settings, told, in_use=in_use))


def _check(settings: Settings, name: str, *, no_cases: bool) -> None:
    from pbx_bridge.cli.flow_lint import errors_of
    from pbx_bridge.cli.flow_try import failures_of

    wrong = errors_of(settings, name)
    for line in wrong:
        click.echo(line, err=True)
    if wrong:
        raise FlowError(f"not deployed, errors: {len(wrong)}; nothing has changed")
    failed = 0 if no_cases else failures_of(settings, name)
    if failed:
        raise FlowError(f"not deployed, cases that failed: {failed}; nothing has changed")


def _render(settings: Settings) -> None:
    from pbx_bridge.cli.system import render_prompts

    report = render_prompts(settings, progress_line("prompts"))
    if report.rendered:
        click.echo(f"prompts: {report.rendered} clips rendered, {report.seconds:.1f} s", err=True)


def _signed(note: str, line: str) -> Signed:
    from pbx_bridge.health import utc_now
    from pbx_bridge.ivr.deploy import Signed

    return Signed(by=getpass.getuser(), at=utc_now(), note=note, line=line)


def _await(settings: Settings, loader: Loader, made: Deployment) -> None:
    from pbx_bridge.ivr.deploy import await_answer

    where = f", line {made.line}" if made.line else ""
    told = f"flow {made.flow}, release {made.version}{where}"
    if await_answer(loader.releases, made.version, lambda: _runs(settings.run / "daemon.pid"), line=made.line):
        click.echo(f"{told}: new callers meet it now")
    else:
        click.echo(f"{told}: no daemon runs here; it will be used from the next start on")


def _runs(pid_file: Path) -> bool:
    from pbx_bridge.pbx.child import read_pid
    from pbx_bridge.process import lives

    pid = read_pid(pid_file)
    return pid is not None and lives(pid)


def _line(settings: Settings, told: Deployment, *, in_use: bool) -> str:
    from zoneinfo import ZoneInfo

    moment: datetime = told.at.astimezone(ZoneInfo(settings.zone))
    when, mark = f"{moment:%Y-%m-%d %H:%M:%S}", "*" if in_use else ""
    flow = f"{told.flow} ({told.line})" if told.line else told.flow
    return _LINE.format(mark, when, told.version, flow, told.what, told.by, told.note).rstrip()
