"""`flow try` and `flow test`: a flow without a PBX, by hand and by its cases."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import click

from pbx_bridge.cli.base import progress_line
from pbx_bridge.cli.flow import flow, met_by
from pbx_bridge.config import Settings, load
from pbx_bridge.errors import FlowError, InputError, PromptError

if TYPE_CHECKING:
    from pbx_bridge.ivr.flow import Flow
    from pbx_bridge.ivr.prompts import PromptBook
    from pbx_bridge.ivr.trial.case_file import Case
    from pbx_bridge.ivr.trial.case_real import Comparison
    from pbx_bridge.ivr.trial.cases import House, Verdict
    from pbx_bridge.ivr.trial.player import Player
    from pbx_bridge.ivr.trial.simulation import Visitor


@flow.command("try")
@click.argument("name", metavar="[FLOW]", required=False)
@click.option("--caller", default="", metavar="NUMBER", help="Who calls; default: a hidden number.")
@click.option("--clock", metavar="TIME", help='When, e.g. "1404-05-12 09:00" or ISO 8601; default: now.')
@click.option("--language", default="", metavar="LANG", help="The language the caller has chosen already.")
@click.option("--demo", is_flag=True, help="The demo customers, though HOME has a store.")
@click.option("--services", "ask_services", is_flag=True, help="Ask and tell the services of the settings for real.")
@click.option("--play", "aloud", is_flag=True, help="Play what is said, if it was rendered and a player is here.")
@click.option("--as-case", metavar="NAME", help="At the end, write the call as a case for `flow test`.")
def flow_try(
    name: str | None,
    caller: str,
    clock: str | None,
    language: str,
    demo: bool,
    ask_services: bool,
    aloud: bool,
    as_case: str | None,
) -> None:
    """Be a caller in the terminal: what is said is written, what you type is keyed. Type ? for help.

    FLOW is a shipped flow's name or a file; default: the one that callers meet. Keys may come from a pipe, a line for
    each answer. Customers are those of HOME's store, which is only read; the demo customers where there is none. Exit
    status: 0, or 1 when the flow, a prompt or an option is wrong.

    \b
    Example:
      pbx-bridge flow try support --caller 09121234567 --clock "1404-05-12 09:00"
      printf '2\\n1\\n2047155#\\n' | pbx-bridge flow try
    """
    from pbx_bridge.cli.services import asking
    from pbx_bridge.ivr.trial.simulation import Simulation
    from pbx_bridge.ivr.trial.terminal import Customers, Trial, store_of

    settings = load()
    met, book = met_by(settings, name)
    visitor = _visitor(settings, met, caller, clock, language)
    place = None if demo else store_of(settings.store_place)
    services = asking(settings) if ask_services else None
    customers = Customers(store=place, zone=_zone(settings), region=settings.region, services=services)
    click.echo(f"flow {met.name}, {visitor.now:%Y-%m-%d %H:%M}, {customers.told}; ? helps, Ctrl-D ends")
    with customers.stage(met, book, visitor) as stage:
        trial = Trial(
            simulation=Simulation(stage, visitor),
            visitor=visitor,
            say=click.echo,
            customers=customers,
            player=_player(settings, book) if aloud else None,
            typed_live=sys.stdin.isatty(),
        )
        trial.run(_typed)
    if as_case:
        click.echo(trial.as_case(as_case))


@flow.command("test")
@click.argument("names", metavar="[FLOW]...", nargs=-1)
@click.option("--case", "only", default="", metavar="WORDS", help="Only cases with these words in their name.")
@click.option("--real", is_flag=True, help="Place each call on the running system, too: it must say the same.")
@click.option("-v", "--verbose", is_flag=True, help="Write every call as it was heard.")
def flow_test(names: tuple[str, ...], only: str, real: bool, verbose: bool) -> None:
    """Play the cases beside each flow, and tell what was heard in place of what was expected.

    The cases of flows/my.yaml stand in flows/my.test.yaml. FLOW is a shipped flow's name or a file; default: the
    shipped flows and the one callers meet; with --real only the latter. Exit status: 0 when every case passed, 1 when
    one failed, when there is none, or when a file is wrong.

    \b
    Example:
      pbx-bridge flow test support
      pbx-bridge flow test var/flows/mine.yaml --case "ended contract" -v
    """
    from pbx_bridge.ivr.trial.cases import House, check

    settings = load()
    book = _book(settings)
    failed = played = 0
    for path, met in _flows(settings, names or ((settings.ivr.flow,) if real else ())):
        house = House(flow=met, texts=book, zone=_zone(settings), region=settings.region)
        book.check(met.prompts(), met.languages)
        verdicts: list[Verdict] | list[Comparison]
        if real:
            verdicts = _played_for_real(settings, path, house, book, only)
        else:
            verdicts = [check(case, house) for case in _progressing(path, house, only)]
        played += len(verdicts)
        failed += _tell(path, verdicts, verbose=verbose) if verdicts else 0
    if not played:
        raise FlowError(f"no case was played: none has {only!r} in its name" if only else "no flow has cases")
    if failed:
        sys.exit(1)


def failures_of(settings: Settings, name: str) -> int:
    """How many cases beside a flow fail, which is told; 0 where it has none. Raises FlowError, PromptError."""
    from pbx_bridge.ivr import flow as flows
    from pbx_bridge.ivr.trial import case_file
    from pbx_bridge.ivr.trial.cases import House, check

    path = flows.find(name)
    if not case_file.path_of(path).exists():
        return 0
    met = flows.load(name, _zone(settings), settings.region)
    house = House(flow=met, texts=_book(settings), zone=_zone(settings), region=settings.region)
    return _tell(path, [check(case, house) for case in _progressing(path, house, "")], verbose=False)


def _played_for_real(settings: Settings, path: Path, house: House, book: PromptBook, only: str) -> list[Comparison]:
    from pbx_bridge.config.running import running_system
    from pbx_bridge.health import utc_now
    from pbx_bridge.ivr.trial.terminal import Customers
    from pbx_bridge.pbx.real_case import RealHouse, play_real
    from pbx_bridge.values.hostile import on_terminal

    there = RealHouse(
        house=house,
        book=book,
        customers=Customers(store=settings.store_place, zone=house.zone, region=house.region),
        system=running_system(settings),
        called=settings.pbx.extension,
        now=utc_now,
    )
    done = []
    for case in _progressing(path, house, only):
        if case.simulated_because:
            click.echo(f"{on_terminal(case.name)}: not played: {case.simulated_because}")
        else:
            done.append(play_real(case, there, lambda _: None))
    return done


def _tell(path: Path, verdicts: Sequence[Verdict | Comparison], *, verbose: bool) -> int:
    """Write how a flow's cases came out; how many failed."""
    from pbx_bridge.ivr.trial.case_file import path_of
    from pbx_bridge.values.hostile import on_terminal

    bad = [verdict for verdict in verdicts if not verdict.passed]
    for verdict in verdicts:
        if not verdict.passed:
            click.echo(f"\n{path_of(path)}:{verdict.case.line}: {on_terminal(verdict.case.name)}")
            click.echo("\n".join(f"    {line}" for line in verdict.diff()))
        elif verbose:
            click.echo(f"\n{on_terminal(verdict.case.name)}")
            click.echo("\n".join(f"    {line}" for line in verdict.told()))
    told = f"{len(bad)} of {len(verdicts)} cases failed" if bad else f"{len(verdicts)} cases passed"
    click.echo(f"{path.stem}: {told}")
    return len(bad)


def _progressing(path: Path, house: House, only: str) -> Iterator[Case]:
    from pbx_bridge.ivr.trial import case_file

    cases = case_file.load(case_file.path_of(path), house.flow, zone=house.zone, region=house.region)
    chosen = [case for case in cases if only.casefold() in case.name.casefold()]
    show = progress_line(f"{path.stem}: cases")
    for done, case in enumerate(chosen, start=1):
        yield case
        show(done, len(chosen), case.name)


def _flows(settings: Settings, names: tuple[str, ...]) -> Iterator[tuple[Path, Flow]]:
    """The flows asked for; of those that nobody asked for, the ones that have cases."""
    from pbx_bridge.ivr import flow as flows
    from pbx_bridge.ivr.trial import case_file

    everything = dict.fromkeys([*flows.shipped(), settings.ivr.flow])
    for name in names or everything:
        path = flows.find(name)
        if not names and not case_file.path_of(path).exists():
            click.echo(f"{path.stem}: it has no cases; they would stand in {case_file.path_of(path).name}")
            continue
        yield path, flows.load(name, _zone(settings), settings.region)


def _visitor(settings: Settings, met: Flow, caller: str, clock: str | None, language: str) -> Visitor:
    from pbx_bridge.health import utc_now
    from pbx_bridge.ivr.trial.case_file import clock_of
    from pbx_bridge.ivr.trial.simulation import Visitor

    if language and language not in met.languages:
        raise InputError(f"--language: flow {met.name} offers {', '.join(met.languages)}, not {language!r}")
    zone = _zone(settings)
    try:
        now = clock_of(clock, zone) if clock else utc_now().astimezone(zone)
    except (ValueError, OverflowError) as error:
        raise InputError(f"--clock: {error}") from None
    return Visitor(caller=caller, now=now, language=language)


def _zone(settings: Settings) -> ZoneInfo:
    return ZoneInfo(settings.zone)


def _book(settings: Settings) -> PromptBook:
    from pbx_bridge.ivr.prompts import PromptBook

    return PromptBook.load(extra_folder=settings.home / "prompts")


def _player(settings: Settings, book: PromptBook) -> Player | None:
    """What plays the prompts; None, and why, where nothing can."""
    from pbx_bridge.ivr.trial.player import Player
    from pbx_bridge.pbx.paths import find_paths

    try:
        return Player(book, find_paths(settings.home, settings.asterisk_root).sounds)
    except PromptError as error:
        click.echo(f"  {error}")
        return None


def _typed() -> str | None:
    """The next line; None at the end of input."""
    if sys.stdin.isatty():
        click.echo("> ", nl=False)
    line = sys.stdin.readline()
    return line if line else None
