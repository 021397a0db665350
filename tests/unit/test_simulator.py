"""The simulator: what a caller hears for what they do, always the same, whatever else is simulated meanwhile."""

from __future__ import annotations

import random
from collections.abc import Generator
from datetime import datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pbx_bridge.health import Clock
from pbx_bridge.ivr import flow as flows
from pbx_bridge.ivr.known import Answer, CustomerFacts
from pbx_bridge.ivr.lookups import Lookups
from pbx_bridge.ivr.prompts import PromptBook
from pbx_bridge.ivr.questions import Question
from pbx_bridge.ivr.run import Run
from pbx_bridge.ivr.trial.caller import play
from pbx_bridge.ivr.trial.cases import crm_lookups
from pbx_bridge.ivr.trial.moves import Move, parse_move, parse_moves, written
from pbx_bridge.ivr.trial.simulation import Delay, Simulation, Stage, Visitor, at_once
from pbx_bridge.ivr.trial.transcript import Broken, Left, Pressed, Said, Transcript, Undone, shown, texts, words
from pbx_bridge.store.crm_memory import demo_batch, memory_crm

TEHRAN = ZoneInfo("Asia/Tehran")
NOON = datetime(2026, 11, 21, 12, tzinfo=TEHRAN)
SUPPORT, BOOK = flows.load("support"), PromptBook.load()
DEMO = crm_lookups(memory_crm(demo_batch(NOON.date(), TEHRAN, "IR")), TEHRAN, "IR")
ENGLISH, PERSIAN, UNKNOWN = "02144556677", "02188776655", "09350000000"


def begun(caller: str = ENGLISH, **changes: object) -> Simulation:
    delays = changes.pop("delays", {})
    assert isinstance(delays, dict)
    return Simulation(Stage(flow=SUPPORT, texts=BOOK, lookups=DEMO, delays=delays), Visitor(caller=caller, now=NOON))


def called(keys: str, caller: str = ENGLISH, **changes: object) -> Simulation:
    simulation = begun(caller, **changes)
    for _ in play(simulation, parse_moves(keys)):
        pass
    return simulation


def prompts(simulation: Simulation) -> list[str]:
    return [entry.line.prompt for entry in simulation.transcript if isinstance(entry.line, Said)]


def seconds_of(simulation: Simulation, prompt: str) -> float:
    return next(e.at for e in simulation.transcript if isinstance(e.line, Said) and e.line.prompt == prompt)


# --- what happens when --------------------------------------------------------------------------------------------


def test_prompts_take_time_and_a_key_cuts_them() -> None:
    heard_out, cut = called("1"), called("early 1")
    assert prompts(heard_out) == ["welcome", "menu", "ask_tracking"]
    assert prompts(cut) == ["welcome", "ask_tracking"]
    assert 1.0 < seconds_of(heard_out, "menu") < 6.0
    assert seconds_of(cut, "ask_tracking") < seconds_of(heard_out, "ask_tracking")


def test_silence_takes_as_long_as_the_flow_waits() -> None:
    simulation = called("silence")
    menu = next(e for e in simulation.transcript if isinstance(e.line, Said) and e.line.prompt == "menu")
    again = seconds_of(simulation, "menu_silence")
    assert isinstance(menu.line, Said)
    assert again == pytest.approx(menu.at + len(menu.line.text) / 18.0 + 5.0)


def test_a_slow_lookup_is_excused_and_answers() -> None:
    simulation = called("1,5279647#", delays={"tracking": Delay(seconds=3.0)})
    pressed = max(e.at for e in simulation.transcript if isinstance(e.line, Pressed))
    assert prompts(simulation)[-3:] == ["one_moment", "ticket_status", "after_status"]
    assert seconds_of(simulation, "one_moment") - pressed < 2.0 + 8 * 0.25
    assert simulation.ends == "self_served"


@pytest.mark.parametrize("delay", [Delay(fails=True), Delay(seconds=3600.0)])
def test_a_lookup_without_an_answer_brings_a_person(delay: Delay) -> None:
    simulation = called("1,5279647#", delays={"tracking": delay})
    assert prompts(simulation)[-1] == "unavailable"
    assert simulation.ends == "queue support"


def test_a_lookup_that_raises_is_unavailable() -> None:
    class Broke:
        async def answer(self, question: Question) -> Answer:
            raise ConnectionError(question.what)

    stage = Stage(flow=SUPPORT, texts=BOOK, lookups=lambda _: Broke())
    simulation = Simulation(stage, Visitor(caller=ENGLISH, now=NOON))
    for _ in play(simulation, ()):
        pass
    assert "looked up caller: unavailable (ConnectionError)" in texts(simulation.transcript)


def test_lookups_see_the_clock_of_the_call() -> None:
    seen: list[datetime] = []

    class Looking:
        def __init__(self, clock: Clock) -> None:
            self._clock = clock

        async def answer(self, question: Question) -> Answer:
            seen.append(self._clock())
            return CustomerFacts(code="1", name="one", language="en")

    lookups: list[Lookups] = []

    def made(clock: Clock) -> Lookups:
        lookups.append(Looking(clock))
        return lookups[-1]

    simulation = Simulation(Stage(flow=SUPPORT, texts=BOOK, lookups=made), Visitor(caller="1", now=NOON))
    for _ in play(simulation, parse_moves("2")):
        pass
    assert seen[0] == NOON
    assert seen[1] > NOON


def test_a_lookup_that_waits_for_something_is_refused() -> None:
    class Waits:
        def __await__(self) -> Generator[None, None, None]:
            yield

    async def waiting() -> Answer:
        await Waits()
        return None

    with pytest.raises(RuntimeError, match="must not wait"):
        at_once(waiting())


def test_the_chosen_language_is_spoken_from_the_begin_on() -> None:
    visitor = Visitor(caller=PERSIAN, now=NOON, language="en")
    simulation = Simulation(Stage(flow=SUPPORT, texts=BOOK, lookups=DEMO), visitor)
    for _ in play(simulation, ()):
        pass
    assert {e.line.language for e in simulation.transcript if isinstance(e.line, Said)} == {"en"}


def test_a_missing_prompt_is_told_and_the_call_goes_on() -> None:
    book = PromptBook({"en": {"menu": BOOK.prompt("menu", "en")}})
    simulation = Simulation(Stage(flow=SUPPORT, texts=book, lookups=DEMO), Visitor(caller=ENGLISH, now=NOON))
    for _ in play(simulation, ()):
        pass
    assert [e.line for e in simulation.transcript if isinstance(e.line, Broken)] != []
    assert prompts(simulation) == ["menu"]


# --- how it ends --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("keys", "ends"),
    [
        ("hang up", "abandoned_ivr"),
        ("early hang up", "abandoned_ivr"),
        ("1,5279647#,hang up", "self_served"),
        ("1,5279647#,early hang up", "abandoned_ivr"),
        ("1,5279647#,0", "queue support"),
        ("1,5279647#,0,timeout", "missed"),
        ("0", "queue support"),
        ("0,hang up", "abandoned_queue"),
        ("0,answered", "answered"),
        ("0,nobody", "missed"),
        ("0,timeout", "missed"),
        ("2", "queue services"),
    ],
)
def test_the_outcome_is_the_records(keys: str, ends: str) -> None:
    assert called(keys).ends == ends


@pytest.mark.parametrize(
    ("keys", "reason"),
    [
        ("0,7", "nothing asks for keys"),
        ("0,silence", "nothing asks for keys"),
        ("0,listen,listen", "nothing is said"),
        ("answered", "the caller was not handed to anybody"),
        ("0,message", "it cannot end so at queue support"),
        ("hang up,hang up", "the call was over"),
        ("hang up,1", "nothing asks for keys"),
    ],
)
def test_what_the_call_gives_no_occasion_for_is_told(keys: str, reason: str) -> None:
    undone = [e.line for e in called(keys).transcript if isinstance(e.line, Undone)]
    assert [line.reason for line in undone] == [reason]


def test_hanging_up_is_one_line_at_its_time() -> None:
    last = called("0,hang up").transcript[-1]
    assert isinstance(last.line, Left)
    assert shown(last).endswith("  the caller hung up")


# --- what people write --------------------------------------------------------------------------------------------


def test_moves_are_read_as_they_are_written() -> None:
    moves = parse_moves("1, ۴۱۸#,silence, listen,hang up,early 12,early hang up,answered,nobody,timeout,busy,message")
    assert parse_moves([written(move) for move in moves]) == moves
    assert written(moves[1]) == "418#"
    assert parse_move("H") == parse_move("hang  up")
    assert parse_move("  ") == parse_move("silence")


@pytest.mark.parametrize("text", ["A", "1+2", "hangup now", "early", "early silence", "1" * 41, "\x1b[2J", "½"])
def test_other_words_are_no_moves(text: str) -> None:
    with pytest.raises(ValueError, match="nor one of: silence, listen"):
        parse_move(text)


def test_nothing_said_acts_on_a_terminal() -> None:
    line = Said(playback=1, prompt="p", language="fa", text="a\x1b[2J\u202eb می\u200cشود", listens=False)
    assert words(line) == "fa «a?[2J?b می\u200cشود»"


# --- side by side -------------------------------------------------------------------------------------------------

KEYS = st.text("0123456789*#", min_size=1, max_size=9)
NUMBERS = st.sampled_from(["5279647#", "2047155#", "5279648#", "1003#", "1", "2", "0"])
WORDS = st.sampled_from(["silence", "listen", "hang up", "answered", "nobody", "timeout", "early hang up"])
MOVES = st.lists(KEYS | NUMBERS | WORDS | KEYS.map(lambda keys: f"early {keys}"), max_size=8).map(parse_moves)


def one_after_the_other(callers: list[tuple[str, tuple[Move, ...]]]) -> list[tuple[Transcript, str, Run]]:
    told = []
    for caller, moves in callers:
        simulation = begun(caller)
        for _ in play(simulation, moves):
            pass
        told.append((simulation.transcript, simulation.ends, simulation.run))
    return told


def side_by_side(callers: list[tuple[str, tuple[Move, ...]]], seed: int) -> list[tuple[Transcript, str, Run]]:
    """Each simulation goes one happening further in turn, in an order of chance."""
    simulations = [begun(caller) for caller, _ in callers]
    going = [play(simulation, moves) for simulation, (_, moves) in zip(simulations, callers, strict=True)]
    chance, left = random.Random(seed), list(range(len(going)))
    while left:
        place = chance.randrange(len(left))
        if next(going[left[place]], "over") == "over":
            left[place] = left[-1]
            left.pop()
    return [(simulation.transcript, simulation.ends, simulation.run) for simulation in simulations]


def test_a_thousand_calls_side_by_side_are_as_one_after_the_other() -> None:
    chance = random.Random(4)
    habits = ["1", "2", "0", "9", "7", "5279647#", "2047155#", "4187301#", "12345#", "1003#", "silence", "listen"]
    habits += ["early 1", "early 25", "hang up", "timeout", "nobody", "answered"]
    callers = [
        (chance.choice([ENGLISH, PERSIAN, UNKNOWN, ""]), parse_moves(chance.choices(habits, k=chance.randrange(8))))
        for _ in range(1000)
    ]
    alone = one_after_the_other(callers)
    assert side_by_side(callers, seed=1) == alone
    assert side_by_side(callers, seed=2) == alone
    assert len({ends for _, ends, _ in alone}) >= 7, "the calls end in all sorts of ways"


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(st.sampled_from([ENGLISH, PERSIAN, UNKNOWN]), MOVES), min_size=2, max_size=5), st.integers()
)
def test_any_calls_side_by_side_are_as_one_after_the_other(
    callers: list[tuple[str, tuple[Move, ...]]], seed: int
) -> None:
    assert side_by_side(callers, seed) == one_after_the_other(callers)


@settings(max_examples=100, deadline=None)
@given(st.sampled_from([ENGLISH, PERSIAN, UNKNOWN, "x"]), MOVES)
def test_whatever_a_caller_does_the_call_comes_to_rest(caller: str, moves: tuple[Move, ...]) -> None:
    simulation = begun(caller)
    for _ in play(simulation, moves):
        pass
    assert simulation.asks or simulation.waits or simulation.over
    at = [entry.at for entry in simulation.transcript]
    assert at == sorted(at)
