"""The engine against the shipped flow: what callers do, and what they then hear."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pbx_bridge.calls.facts import StepKind
from pbx_bridge.ivr import engine, flow
from pbx_bridge.ivr.known import ContractFacts, CustomerFacts, TicketFacts
from pbx_bridge.ivr.run import (
    Effect,
    Found,
    GivenBack,
    Gone,
    HandOver,
    HangUp,
    Happening,
    KeyPressed,
    LookUp,
    LookupFailed,
    Phase,
    Place,
    Play,
    PromptEnded,
    Resumed,
    Run,
    StartTimer,
    StopPlaying,
    TimeUp,
    WriteStep,
)
from pbx_bridge.values.tracking import with_check_digit

SUPPORT = flow.load("support")
NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)
TICKET = with_check_digit("471296")
WRONG = TICKET[:-1] + str((int(TICKET[-1]) + 1) % 10)

KEY_1 = {"key": "1"}  # with which callers of `support` leave a queue


@dataclass
class Conversation:
    """A caller and the engine, with no Asterisk between them."""

    crm: dict[tuple[str, str], object] = field(default_factory=dict)
    now: datetime = NOON
    heard: list[str] = field(default_factory=list)
    effects: list[Effect] = field(default_factory=list)
    steps: list[WriteStep] = field(default_factory=list)
    run: Run = field(init=False)
    answers_lookups: bool = True

    def __post_init__(self) -> None:
        self.run, effects = engine.begin(
            SUPPORT, node="pbx1", channel="c1", caller="09121234567", caller_name="", called="100", now=self.now
        )
        self.take(effects)

    def take(self, effects: tuple[Effect, ...]) -> None:
        self.effects = list(effects)
        for effect in effects:
            if isinstance(effect, Play):
                self.heard += [f"{part.language}:{part.prompt}" for part in effect.parts]
            elif isinstance(effect, WriteStep):
                self.steps.append(effect)
        for effect in effects:
            if isinstance(effect, LookUp) and self.answers_lookups:
                answer = self.crm.get((effect.question.what, msgspec.structs.astuple(effect.question)[0]))
                assert answer is None or isinstance(answer, CustomerFacts | TicketFacts | ContractFacts)
                self.happen(Found(effect.lookup, answer))

    def happen(self, happening: Happening) -> None:
        self.run, effects = engine.advance(SUPPORT, self.run, happening, self.now)
        self.take(effects)

    def keys(self, keys: str) -> Conversation:
        for key in keys:
            self.happen(KeyPressed(key))
        return self

    def listen(self) -> Conversation:
        """Hear the prompt out."""
        assert self.run.playback, "nothing is playing"
        self.happen(PromptEnded(self.run.playback))
        return self

    def silence(self) -> Conversation:
        """Hear the prompt out and key nothing until the timer ends."""
        if self.run.playback:
            self.listen()
        self.happen(TimeUp(self.run.timer))
        return self

    def last(self, kind: type[Effect]) -> Effect:
        return next(e for e in reversed(self.effects) if isinstance(e, kind))

    def kinds(self) -> list[StepKind]:
        return [step.kind for step in self.steps]


def known(language: str = "fa") -> dict[tuple[str, str], object]:
    return {("caller", "09121234567"): CustomerFacts(code="1001", name="آرمان", language=language)}


def with_ticket(**changes: object) -> dict[tuple[str, str], object]:
    ticket = TicketFacts(
        tracking_number=TICKET, status="in_progress", updated_on=date(2026, 11, 1), promised_on=date(2026, 12, 1)
    )
    return {**known(), ("tracking", TICKET): msgspec.structs.replace(ticket, **changes)}


def with_contract(days_left: int) -> dict[tuple[str, str], object]:
    ends = NOON.date() + timedelta(days=days_left)
    return {**known(), ("contract", "1001"): ContractFacts(number="K-7", ends_on=ends, days_left=days_left)}


def test_a_known_language_is_not_asked_for() -> None:
    talk = Conversation(known("en"))
    assert talk.heard == ["en:welcome"]
    assert talk.listen().heard[-1] == "en:menu"


def test_an_unknown_caller_chooses_the_language_each_said_in_its_own() -> None:
    talk = Conversation()
    assert talk.heard == ["fa:choose_language", "en:choose_language"]
    assert talk.keys("2").heard[-1] == "en:welcome"
    assert any(isinstance(e, StopPlaying) for e in talk.effects), "a key cuts the prompt"


def test_two_silences_give_the_default_language() -> None:
    talk = Conversation().silence().silence()
    assert talk.heard[-1] == "fa:welcome"
    told = next(s for s in talk.steps if s.kind is StepKind.LANGUAGE)
    assert told.data == {"language": "fa", "by": "default"}


def test_status_is_heard_and_serves() -> None:
    talk = Conversation(with_ticket()).listen().keys("1").keys(f"{TICKET}#")
    assert talk.heard[-1] == "fa:ticket_status"
    play = talk.last(Play)
    assert isinstance(play, Play)
    assert play.values["ticket"]["promised_on"] == date(2026, 12, 1)
    talk.listen()
    heard = [s for s in talk.steps if s.kind is StepKind.HEARD and s.data["serves"]]
    assert len(heard) == 1
    assert talk.heard[-1] == "fa:after_status"


def test_a_ticket_without_a_promise_has_its_own_words() -> None:
    talk = Conversation(with_ticket(promised_on=None)).listen().keys("1").keys(f"{TICKET}#")
    assert talk.heard[-1] == "fa:ticket_status_no_promise"


def test_status_cut_short_is_not_served_and_the_key_counts() -> None:
    talk = Conversation(with_ticket()).listen().keys("1").keys(f"{TICKET}#").keys("1")
    assert talk.heard[-2:] == ["fa:ticket_status", "fa:ticket_status"], "1 repeats it"
    assert not [s for s in talk.steps if s.kind is StepKind.HEARD and s.data["serves"]]


def test_keys_typed_ahead_count() -> None:
    talk = Conversation(with_ticket()).keys(f"1{TICKET}#")
    assert talk.heard == ["fa:welcome", "fa:ask_tracking", "fa:ticket_status"]


def test_a_wrong_check_digit_is_refused_before_any_lookup() -> None:
    talk = Conversation(with_ticket()).listen().keys("1").keys(f"{WRONG}#")
    assert talk.heard[-1] == "fa:tracking_wrong"
    assert not any(isinstance(e, LookUp) for e in talk.effects)
    assert talk.keys(f"{TICKET}#").heard[-1] == "fa:ticket_status"


@pytest.mark.parametrize("tries", [[f"{WRONG}#"] * 3, ["", f"{WRONG}#", ""], [with_check_digit("999999") + "#"] * 3])
def test_three_failures_of_any_kind_bring_a_person(tries: list[str]) -> None:
    talk = Conversation(with_ticket()).listen().keys("1")
    for keys in tries:
        talk = talk.keys(keys) if keys else talk.silence()
    assert talk.heard[-1] == "fa:too_many_tries"
    talk.listen()
    assert talk.last(HandOver) == HandOver(Place.QUEUE, "support", "fa")
    assert talk.run.phase is Phase.QUEUED


def test_digits_without_an_end_key_are_taken_after_a_pause() -> None:
    talk = Conversation(with_ticket()).listen().keys("1").keys(TICKET)
    assert isinstance(talk.last(StartTimer), StartTimer)
    talk.happen(TimeUp(talk.run.timer))
    assert talk.heard[-1] == "fa:ticket_status"


@pytest.mark.parametrize("after", ["#1", "1"])
def test_the_end_key_after_a_number_of_full_length_means_nothing_more(after: str) -> None:
    full = with_check_digit("47129600000")
    facts = TicketFacts(tracking_number=full, status="new", updated_on=NOON.date(), promised_on=None)
    talk = Conversation({**known(), ("tracking", full): facts}).listen().keys("1").keys(full)
    talk.listen().keys(after)  # status, then the menu after it, whose key 1 says it again
    assert talk.heard.count("fa:ticket_status_no_promise") == 2
    assert "fa:menu_wrong" not in talk.heard


@pytest.mark.parametrize(
    ("days", "prompt", "queue"),
    [
        (400, "contract_valid", "support"),
        (31, "contract_valid", "support"),
        (30, "contract_ending", "support"),
        (0, "contract_ending", "support"),
        (-1, "contract_ended", "services"),
    ],
)
def test_support_by_contract(days: int, prompt: str, queue: str) -> None:
    talk = Conversation(with_contract(days)).listen().keys("2")
    assert talk.heard[-1] == f"fa:{prompt}"
    assert talk.listen().last(HandOver) == HandOver(Place.QUEUE, queue, "fa", KEY_1)


def test_an_unknown_caller_is_asked_for_the_customer_code() -> None:
    crm = with_contract(-5)
    crm[("customer_code", "1001")] = crm.pop(("caller", "09121234567"))
    talk = Conversation(crm).keys("1").listen().keys("2")
    assert talk.heard[-1] == "fa:ask_customer_code"
    assert talk.keys("77#").heard[-1] == "fa:code_unknown"
    assert talk.keys("1001#").heard[-1] == "fa:contract_ended"
    assert [s.data["code"] for s in talk.steps if s.kind is StepKind.CUSTOMER] == ["1001"]


def test_menu_wrong_key_and_silence_have_their_own_words_and_way_out() -> None:
    talk = Conversation(known()).listen()
    assert talk.keys("7").heard[-2:] == ["fa:menu_wrong", "fa:menu"]
    assert talk.silence().heard[-2:] == ["fa:menu_silence", "fa:menu"]
    assert talk.keys("8").heard[-1] == "fa:too_many_tries"


def test_silence_after_the_status_ends_with_goodbye() -> None:
    talk = Conversation(with_ticket()).listen().keys("1").keys(f"{TICKET}#").listen().silence().silence()
    assert talk.heard[-1] == "fa:goodbye"
    talk.listen()
    assert isinstance(talk.last(HangUp), HangUp)
    assert talk.steps[-1].kind is StepKind.ENDED
    assert talk.steps[-1].data == {"by": "flow"}


def test_a_slow_lookup_is_excused_then_answered() -> None:
    talk = Conversation(with_ticket()).listen().keys("1")
    talk.answers_lookups = False
    talk.keys(f"{TICKET}#")
    timer = talk.last(StartTimer)
    assert isinstance(timer, StartTimer)
    assert timer.seconds <= 2
    talk.happen(TimeUp(talk.run.timer))
    assert talk.heard[-1] == "fa:one_moment"
    talk.listen()
    talk.happen(Found(talk.run.lookup, with_ticket()[("tracking", TICKET)]))  # type: ignore[arg-type]
    assert talk.heard[-1] == "fa:ticket_status"


@pytest.mark.parametrize("how", ["never", "error", "late filler"])
def test_a_failing_lookup_brings_a_person(how: str) -> None:
    talk = Conversation(with_ticket()).listen().keys("1")
    talk.answers_lookups = False
    talk.keys(f"{TICKET}#")
    if how == "error":
        talk.happen(LookupFailed(talk.run.lookup, "OperationalError"))
    else:
        talk.happen(TimeUp(talk.run.timer))
        if how == "never":
            talk.listen()
        talk.happen(TimeUp(talk.run.timer))
    assert talk.heard[-1] == "fa:unavailable"
    assert talk.heard.count("fa:one_moment") == (0 if how == "error" else 1)
    assert talk.listen().last(HandOver) == HandOver(Place.QUEUE, "support", "fa")


def test_a_late_answer_changes_nothing() -> None:
    talk = Conversation(with_ticket()).listen().keys("1")
    talk.answers_lookups = False
    talk.keys(f"{TICKET}#")
    late = talk.run.lookup
    talk.happen(LookupFailed(late, "gone"))
    before = talk.run
    talk.happen(Found(late, None))
    assert talk.run == before


@pytest.mark.parametrize(
    ("status", "prompt"),
    [("JOINEMPTY", "nobody"), ("LEAVEEMPTY", "nobody"), ("TIMEOUT", "queue_timeout"), ("FULL", "nobody")],
)
def test_a_queue_where_nobody_answered_is_told(status: str, prompt: str) -> None:
    talk = Conversation(known("en")).listen().keys("0").listen()
    assert talk.run.phase is Phase.QUEUED
    talk.happen(GivenBack("queue", "support", status))
    assert talk.heard[-1] == f"en:{prompt}"
    talk.listen()
    assert talk.heard[-1] == "en:callback_confirm"


def test_after_a_person_comes_the_survey() -> None:
    talk = Conversation(known()).listen().keys("0").listen()
    talk.happen(GivenBack("queue", "support", "CONTINUE"))
    assert talk.heard[-1] == "fa:survey"
    talk.listen().keys("1").keys("5").listen()
    assert isinstance(talk.last(HangUp), HangUp)
    assert talk.run.phase is Phase.OVER


def test_resumed_says_the_prompt_of_the_node_again() -> None:
    talk = Conversation(with_ticket()).listen().keys("1")
    stored = msgspec.json.decode(msgspec.json.encode(talk.run), type=Run)
    assert stored == talk.run
    talk.run = stored
    talk.happen(Resumed())
    assert talk.heard[-2:] == ["fa:ask_tracking", "fa:ask_tracking"]
    assert talk.kinds()[-1] is StepKind.RESUMED


def test_resumed_into_a_lookup_that_takes_long_the_caller_is_told_soon() -> None:
    talk = Conversation(with_ticket()).listen().keys("1")
    talk.answers_lookups = False
    talk.keys(f"{TICKET}#")
    talk.run = msgspec.structs.replace(talk.run, at="contract", customer=CustomerFacts(code="1001", name="آرمان"))
    talk.happen(Resumed())
    assert talk.run.phase is Phase.LOOKING
    timer = talk.last(StartTimer)
    assert isinstance(timer, StartTimer)
    assert timer.seconds < 0.5
    talk.happen(TimeUp(talk.run.timer))
    assert talk.heard[-1] == "fa:one_moment"


def test_resumed_between_deciding_and_doing_hands_over() -> None:
    talk = Conversation(known()).listen().keys("0").listen()
    talk.happen(Resumed())
    assert talk.last(HandOver) == HandOver(Place.QUEUE, "support", "fa", KEY_1)


def test_a_caller_in_the_menus_for_too_long_goes_to_a_person() -> None:
    talk = Conversation(known()).listen()
    talk.now += timedelta(minutes=16)
    talk.keys("9")
    assert talk.last(HandOver) == HandOver(Place.QUEUE, "support", "fa")


ROUND = b"""
flow: round
languages: [fa]
start: one
person: help
filler: one_moment
nodes:
  one: {kind: choose, given: customer, known: help, missing: two}
  two: {kind: choose, given: customer, known: help, missing: one}
  help: {kind: queue, queue: support, nobody: end, timeout: end}
  end: {kind: hang_up}
"""


def test_a_flow_that_goes_round_in_circles_ends_with_a_person() -> None:
    endless = flow.parse(ROUND, Path("round.yaml"))
    run, effects = engine.begin(endless, node="pbx1", channel="c1", caller="", caller_name="", called="100", now=NOON)
    assert run.phase is Phase.QUEUED
    assert HandOver(Place.QUEUE, "support", "fa") in effects
    assert any(isinstance(e, WriteStep) and e.kind is StepKind.TROUBLE for e in effects)


@settings(max_examples=150, deadline=None)
@given(st.lists(st.sampled_from([*"0123456789#*", "listen", "silence", "gone", "resumed", "returned"]), max_size=60))
def test_whatever_a_caller_does_the_run_waits_for_something_or_is_over(acts: list[str]) -> None:
    talk = Conversation(with_ticket() | with_contract(3))
    for act in acts:
        match act:
            case "listen":
                talk.happen(PromptEnded(talk.run.playback))
            case "silence":
                talk.happen(TimeUp(talk.run.timer))
            case "gone":
                talk.happen(Gone())
            case "resumed":
                talk.happen(Resumed())
            case "returned":
                if talk.run.phase is Phase.QUEUED:
                    talk.happen(GivenBack("queue", "support", "TIMEOUT"))
            case _:
                talk.keys(act)
        run = talk.run
        waits = run.playback or run.timer or run.lookup or run.phase in (Phase.QUEUED, Phase.OVER)
        assert waits, f"dead air at {run.at} after {act}"
        assert [s.sequence for s in talk.steps] == list(range(len(talk.steps)))
