"""What callers leave for people to do, in the engine: tickets, complaints and callbacks."""

from __future__ import annotations

from datetime import date, datetime, time

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from left_flow import FLOW, NOON

from pbx_bridge.calls.facts import StepKind
from pbx_bridge.ivr import engine
from pbx_bridge.ivr.known import (
    Answer,
    CallbackFacts,
    ComplaintFacts,
    CustomerFacts,
    Kept,
    OpeningFacts,
    TicketFacts,
)
from pbx_bridge.ivr.nodes.request import MOST_REQUESTS
from pbx_bridge.ivr.questions import AskForCallback, FileComplaint, OpenTicket, Question
from pbx_bridge.ivr.run import (
    Effect,
    Found,
    Gone,
    Happening,
    KeyPressed,
    LookUp,
    LookupFailed,
    Phase,
    Play,
    PromptEnded,
    Resumed,
    Run,
    TimeUp,
    WriteStep,
)
from pbx_bridge.values.dates import TEHRAN

ARIA = CustomerFacts(code="1001", name="Aria")
TICKET = TicketFacts(tracking_number="1000002", status="new", updated_on=date(2026, 11, 22))
COMPLAINT = ComplaintFacts(tracking_number="1000015", answer_by=date(2026, 12, 2))
PROMISED = CallbackFacts(number="09121234567", on=date(2026, 11, 22), at=time(12))

ANSWERS: dict[str, Answer] = {"ticket": TICKET, "complaint": COMPLAINT, "callback": PROMISED}


class Talk:
    """A caller in that flow."""

    def __init__(
        self, key: str, *, customer: CustomerFacts | None = ARIA, caller: str = "+989121234567", **kept: Kept
    ):
        self.steps: list[tuple[StepKind, dict[str, object]]] = []
        self.effects: tuple[Effect, ...] = ()
        self.run, _ = engine.begin(
            FLOW, node="pbx1", channel="c1", caller=caller, caller_name="", called="100", now=NOON
        )
        self.run = msgspec.structs.replace(self.run, customer=customer, kept=kept)
        self.happen(KeyPressed(key))

    def happen(self, what: Happening) -> Talk:
        self.run, self.effects = engine.advance(FLOW, self.run, what, NOON)
        self.steps += [(effect.kind, dict(effect.data)) for effect in self.effects if isinstance(effect, WriteStep)]
        return self

    def found(self, answer: Answer) -> Talk:
        return self.happen(Found(self.run.lookup, answer))

    def hear(self) -> Talk:
        return self.happen(PromptEnded(self.run.playback))

    def killed(self) -> Talk:
        """The daemon dies and another one takes the run from its checkpoint."""
        self.run = msgspec.json.decode(msgspec.json.encode(self.run), type=Run)
        return self.happen(Resumed())

    @property
    def asked(self) -> Question:
        [question] = [effect.question for effect in self.effects if isinstance(effect, LookUp)]
        return question

    @property
    def said(self) -> list[str]:
        return [part.prompt for effect in self.effects if isinstance(effect, Play) for part in effect.parts]

    @property
    def values(self) -> dict[str, object]:
        [play] = [effect for effect in self.effects if isinstance(effect, Play)]
        return dict(play.values)


# --- tickets -------------------------------------------------------------------------------------------------------


def test_a_ticket_is_asked_for_with_what_was_kept() -> None:
    talk = Talk("1", problem=Kept("text", "m-1.wav"))
    assert talk.asked == OpenTicket("pbx1:c1:ticket:0", "1001", "a call broke off", "m-1.wav")
    assert talk.run.phase is Phase.LOOKING


def test_its_number_can_be_said_and_is_on_the_record() -> None:
    talk = Talk("1", problem=Kept("text", "m-1.wav")).found(TICKET)
    assert (talk.run.at, talk.said) == ("told", ["opened"])
    assert talk.values["ticket"] == msgspec.structs.asdict(TICKET)
    told = {"sort": "request", "tracking_number": "1000002", "message": "m-1.wav"}
    assert talk.steps[-1] == (StepKind.TICKET_OPENED, told)


def test_killed_while_it_is_opened_it_asks_the_same_again() -> None:
    talk = Talk("1")
    before = talk.asked
    assert talk.killed().asked == before
    assert talk.killed().asked == before
    assert talk.found(TICKET).run.at == "told"


def test_killed_after_it_was_opened_it_opens_no_other() -> None:
    talk = Talk("1").found(TICKET).killed()
    assert (talk.said, talk.values["ticket"]) == (["opened"], msgspec.structs.asdict(TICKET))


def test_a_second_one_in_the_same_call_is_another_one() -> None:
    talk = Talk("1").found(TICKET).hear().happen(KeyPressed("1"))
    assert isinstance(talk.asked, OpenTicket)
    assert talk.asked.origin == "pbx1:c1:ticket:1"


def test_what_failed_is_asked_for_again_as_the_same() -> None:
    talk = Talk("1")
    origin = talk.asked
    talk.happen(LookupFailed(talk.run.lookup, "StoreError"))
    assert talk.run.at == "person"
    assert talk.run.requests == 0
    again = Talk("1")
    assert again.asked == origin


@pytest.mark.parametrize("key", ["1", "2"])
def test_without_a_customer_there_is_none(key: str) -> None:
    assert Talk(key, customer=None).run.at == "person"
    assert Talk(key).found(None).run.at == "person"


def test_a_caller_leaves_no_more_than_a_person_would() -> None:
    talk = Talk("1")
    for _ in range(MOST_REQUESTS - 1):
        talk.found(TICKET).hear().happen(KeyPressed("1"))
    talk.found(TICKET).hear().happen(KeyPressed("1"))
    assert talk.run.at == "person"
    assert (StepKind.TROUBLE, {"reason": "the caller left too many things in one call"}) in talk.steps
    assert talk.run.requests == MOST_REQUESTS


# --- complaints ----------------------------------------------------------------------------------------------------


def test_a_complaint_has_its_reason_and_its_deadlines() -> None:
    talk = Talk("2", reason=Kept("digits", "2"))
    assert talk.asked == FileComplaint("pbx1:c1:complaint:0", "1001", "complaint by telephone", "2", 24, 10, "")
    talk.found(COMPLAINT)
    assert talk.values["complaint"] == msgspec.structs.asdict(COMPLAINT)
    assert talk.steps[-1] == (
        StepKind.TICKET_OPENED,
        {"sort": "complaint", "tracking_number": "1000015", "message": ""},
    )


# --- callbacks -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("caller", "said"),
    [
        ("+989121234567", "09121234567"),
        ("09121234567", "09121234567"),
        ("۰۹۱۲ ۱۲۳ ۴۵۶۷", "09121234567"),
        ("+982188776655", "02188776655"),
        ("101", "101"),
    ],
)
def test_the_number_is_read_back_as_people_dial_it(caller: str, said: str) -> None:
    talk = Talk("3", caller=caller)
    assert talk.said == ["callback_confirm"]
    assert talk.run.callback == CallbackFacts(number=said, on=date(2026, 11, 22), at=time(12))
    assert talk.values["callback"] == msgspec.structs.asdict(talk.run.callback)


@pytest.mark.parametrize("caller", ["", "anonymous", "+98x", "*72", "1" * 16, "+", "\u202e0912"])
def test_a_number_that_cannot_be_called_is_not_offered(caller: str) -> None:
    talk = Talk("3", caller=caller)
    assert (talk.run.at, talk.run.callback) == ("number", None)


def test_confirmed_it_is_promised() -> None:
    talk = Talk("3").happen(KeyPressed("1"))
    assert talk.asked == AskForCallback(
        origin="pbx1:c1:callback:0",
        node="pbx1",
        channel="c1",
        number="+989121234567",
        queue="support",
        wanted_at=NOON,
        customer_code="1001",
    )
    talk.found(PROMISED)
    assert (talk.run.at, talk.run.callback) == ("promised", PROMISED)
    told = {"number": "09121234567", "queue": "support", "wanted_at": "2026-11-22T12:00+03:30", "again": False}
    assert talk.steps[-1] == (StepKind.CALLBACK_ASKED, told)


def test_another_number_is_wanted() -> None:
    talk = Talk("3").happen(KeyPressed("2"))
    assert talk.run.at == "number"
    kept = Talk("6", phone=Kept("text", "+982188776655"))
    assert kept.run.callback is not None
    assert kept.run.callback.number == "02188776655"
    asked = kept.happen(KeyPressed("*")).asked
    assert isinstance(asked, AskForCallback)
    assert asked.number == "+982188776655"
    assert Talk("6").run.at == "number"  # none was kept, and the caller's own was not asked for


def test_a_key_before_the_number_was_heard_confirms_nothing() -> None:
    talk = Talk("7", customer=None)
    for key in "31":
        talk.happen(KeyPressed(key))
    talk.found(None)
    assert (talk.run.at, talk.run.phase, talk.said) == ("callback", Phase.COLLECTING, ["callback_confirm"])


def test_wrong_keys_and_silences_lead_out() -> None:
    talk = Talk("3").happen(KeyPressed("5"))
    assert talk.said == ["menu_wrong", "callback_confirm"]
    talk.hear().happen(TimeUp(talk.run.timer))
    assert talk.said == ["callback_confirm"]
    talk.hear().happen(TimeUp(talk.run.timer))
    assert talk.run.at == "person"


def test_killed_after_the_yes_it_need_not_be_said_again() -> None:
    talk = Talk("3").happen(KeyPressed("1"))
    before = talk.asked
    talk.killed()
    assert (talk.said, talk.asked) == ([], before)
    assert talk.found(PROMISED).run.at == "promised"


def test_killed_before_the_yes_the_number_is_read_again() -> None:
    assert Talk("3").killed().said == ["callback_confirm"]


def test_what_could_not_be_promised_must_be_confirmed_anew() -> None:
    talk = Talk("3").happen(KeyPressed("1"))
    talk.happen(LookupFailed(talk.run.lookup, "StoreError"))
    assert talk.run.at == "person"
    assert talk.run.callback is not None
    assert not talk.run.callback.confirmed


def test_a_caller_who_hangs_up_has_said_yes() -> None:
    """The question was asked; that the caller left does not take it back."""
    talk = Talk("3").happen(KeyPressed("1"))
    assert isinstance(talk.asked, AskForCallback)
    assert talk.happen(Gone()).run.phase is Phase.OVER


@pytest.mark.parametrize(
    ("key", "kept", "opening", "wanted"),
    [
        ("4", Kept("date", "2026-11-25"), None, datetime(2026, 11, 25, tzinfo=TEHRAN)),
        ("4", Kept("date", "2026-11-22"), None, NOON),
        ("4", Kept("date", "2020-01-01"), None, NOON),
        ("4", Kept("time", "16:30"), None, datetime(2026, 11, 22, 16, 30, tzinfo=TEHRAN)),
        ("4", Kept("time", "09:00"), None, datetime(2026, 11, 23, 9, tzinfo=TEHRAN)),
        ("4", Kept("digits", "5"), None, NOON),
        ("4", None, None, NOON),
        ("5", None, time(8), datetime(2026, 11, 23, 8, tzinfo=TEHRAN)),
        ("5", None, None, NOON),
    ],
)
def test_when_it_is_wanted(key: str, kept: Kept | None, opening: time | None, wanted: datetime) -> None:
    talk = Talk("9", day=kept) if kept else Talk("9")
    if opening is not None:
        facts = OpeningFacts(because="hours", day="tomorrow", on=date(2026, 11, 23), at=opening)
        talk.run = msgspec.structs.replace(talk.run, opening=facts)
    asked = talk.happen(KeyPressed(key)).happen(KeyPressed("1")).asked
    assert isinstance(asked, AskForCallback)
    assert asked.wanted_at == wanted


@given(keys=st.text("0123456789*#", max_size=40), deaths=st.sets(st.integers(0, 40)), waits=st.integers(1, 3))
def test_whatever_is_keyed_and_whenever_it_dies_one_origin_is_one_thing(
    keys: str, deaths: set[int], waits: int
) -> None:
    """What was answered is asked for no more, and what was not is asked for as the same again."""
    talk, answered = Talk("1"), set[str]()
    pending = [talk.asked]
    for count, key in enumerate(keys):
        if count in deaths:
            talk.killed()
            pending += [effect.question for effect in talk.effects if isinstance(effect, LookUp)]
        if talk.run.phase is Phase.LOOKING and count % waits == 0:
            origins = {getattr(question, "origin", None) for question in pending}
            assert len(origins) == 1
            assert not origins & answered
            answered |= {origin for origin in origins if origin}
            talk.found(ANSWERS.get(pending[0].what))
            # Keys that were keyed ahead may have led to the next question at once.
            pending = [effect.question for effect in talk.effects if isinstance(effect, LookUp)]
        if talk.run.phase is Phase.QUEUED:
            break
        talk.happen(KeyPressed(key))
        pending += [effect.question for effect in talk.effects if isinstance(effect, LookUp)]
    assert talk.run.requests == len(answered)
