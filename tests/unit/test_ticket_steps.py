"""The states of a ticket, pair by pair, and what each step means for its promises."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pbx_bridge.calls.promises import Promises, Stands
from pbx_bridge.errors import RequestRefused
from pbx_bridge.store.crm import TicketStatus
from pbx_bridge.store.ticket_steps import (
    Assign,
    FullTicket,
    Move,
    PromiseDay,
    Remark,
    Reopen,
    Step,
    TellCallers,
    is_theirs,
    take,
)

AT = datetime(2026, 11, 21, 5, 30, tzinfo=UTC)
PROMISES = Promises()
NEW, ASSIGNED, DOING, WAITING, RESOLVED, CLOSED = TicketStatus
# Which state may follow which, as people agreed on it; a row is the state it is in.
ALLOWED = {
    NEW: {DOING, WAITING, RESOLVED, CLOSED},
    ASSIGNED: {DOING, WAITING, RESOLVED, CLOSED},
    DOING: {WAITING, RESOLVED},
    WAITING: {DOING, RESOLVED, CLOSED},
    RESOLVED: {CLOSED},
    CLOSED: set(),
}
TICKET = FullTicket(
    tracking_number="2047155",
    customer_code="1001",
    customer_name="Aria",
    subject="no dial tone",
    kind="request",
    status=NEW,
    created_at=AT,
    updated_at=AT,
    respond_by=AT + timedelta(hours=4),
    resolve_by=AT + timedelta(hours=24),
)


def after(ticket: FullTicket, step: Step, hours: float = 1) -> FullTicket:
    return take(ticket, step, PROMISES, by="sara", now=AT + timedelta(hours=hours))[0]


def stands(ticket: FullTicket, hours: float) -> list[Stands]:
    now = AT + timedelta(hours=hours)
    return [one.stands(now, now + timedelta(hours=1)) for one in ticket.promises]


@pytest.mark.parametrize("status", TicketStatus)
@pytest.mark.parametrize("to", TicketStatus)
def test_which_state_may_follow_which(status: TicketStatus, to: TicketStatus) -> None:
    ticket = replace(TICKET, status=status)
    if to in ALLOWED[status]:
        assert after(ticket, Move(to)).status is to
        return
    with pytest.raises(RequestRefused) as refused:
        after(ticket, Move(to))
    assert refused.value.key == ("same" if to is status else "step")


@pytest.mark.parametrize("status", TicketStatus)
def test_it_is_given_to_somebody_and_taken_away(status: TicketStatus) -> None:
    ticket = replace(TICKET, status=status)
    if not status.is_open:
        with pytest.raises(RequestRefused, match="given to nobody"):
            after(ticket, Assign("reza"))
        return
    given = after(ticket, Assign("reza"))
    assert (given.assigned_to, given.status) == ("reza", ASSIGNED if status in (NEW, ASSIGNED) else status)
    assert after(given, Assign("")).status is (NEW if status in (NEW, ASSIGNED) else status)
    with pytest.raises(RequestRefused, match="so already"):
        after(given, Assign("reza"))


@pytest.mark.parametrize(("owner", "status"), [("", NEW), ("reza", ASSIGNED)])
def test_a_customer_who_is_not_content_opens_it_again(owner: str, status: TicketStatus) -> None:
    over = replace(after(TICKET, Move(RESOLVED), 2), assigned_to=owner)
    again = after(over, Reopen(), 30)
    assert (again.status, again.reopened, again.resolved_at, again.stopped_at) == (status, 1, None, None)
    # It was resolved 22 hours before its deadline; these are left again, the 28 hours between are not counted.
    assert again.resolve_by == AT + timedelta(hours=52)
    with pytest.raises(RequestRefused, match="is open"):
        after(again, Reopen())


def test_waiting_for_the_customer_stops_the_clock() -> None:
    waiting = after(TICKET, Move(WAITING), 4)
    assert stands(waiting, 400) == [Stands.KEPT, Stands.STOPPED]
    again = after(waiting, Move(DOING), 100)
    assert again.resolve_by == AT + timedelta(hours=120)
    done = after(waiting, Move(RESOLVED), 300)  # the customer wrote that it works
    assert (stands(done, 400), done.resolved_at) == ([Stands.KEPT, Stands.KEPT], AT + timedelta(hours=300))


def test_late_stays_late_whatever_is_done() -> None:
    late = after(TICKET, Move(WAITING), 30)
    assert stands(late, 31) == [Stands.BROKEN, Stands.BROKEN]
    assert after(late, Move(DOING), 40).resolve_by == TICKET.resolve_by
    assert stands(after(after(late, Move(RESOLVED), 41), Move(CLOSED), 42), 50) == [Stands.BROKEN, Stands.BROKEN]


@pytest.mark.parametrize(
    ("step", "is_response"),
    [
        (Assign("reza"), False),
        (Remark("ask Reza"), False),
        (Move(DOING), True),
        (Move(CLOSED), True),
        (PromiseDay(date(2026, 12, 1)), True),
        (TellCallers("a technician is on the way"), True),
    ],
)
def test_the_first_response_is_what_the_customer_can_see_or_hear(step: Step, is_response: bool) -> None:
    first = after(TICKET, step, 2)
    assert first.responded_at == (AT + timedelta(hours=2) if is_response else None)
    if is_response and first.status.is_open:
        assert after(first, Remark("later"), 9).responded_at == first.responded_at
    complaint = replace(TICKET, kind="complaint")
    if not isinstance(step, Move):
        assert after(complaint, step).responded_at is None  # it is acknowledged, which is a step of its own
    else:
        with pytest.raises(RequestRefused, match="acknowledged, answered"):
            after(complaint, step)


@pytest.mark.parametrize(
    ("step", "key"),
    [(Remark(" \n\u202e"), "note_empty"), (TellCallers("x" * 201), "word_long"), (PromiseDay(None), "same")],
)
def test_steps_that_say_nothing_or_too_much(step: Step, key: str) -> None:
    with pytest.raises(RequestRefused) as refused:
        after(TICKET, step)
    assert refused.value.key == key


def test_whoever_saw_an_older_one_is_told() -> None:
    is_theirs(TICKET, None)
    is_theirs(TICKET, 1)
    with pytest.raises(RequestRefused, match="somebody else changed it"):
        is_theirs(replace(TICKET, revision=2), 1)


STEPS = st.one_of(
    st.sampled_from(TicketStatus).map(Move),
    st.just(Reopen()),
    st.sampled_from(["", "reza"]).map(Assign),
    st.just(TellCallers("soon")),
    st.just(Remark("x")),
)


@given(st.lists(st.tuples(STEPS, st.integers(0, 40)), max_size=25))
def test_whatever_people_do_a_ticket_stays_whole(steps: list[tuple[Step, int]]) -> None:
    ticket, now = TICKET, AT
    for step, hours in steps:
        now += timedelta(hours=hours)
        before = ticket
        try:
            ticket, event = take(ticket, step, PROMISES, by="sara", now=now)
        except RequestRefused:
            continue
        assert (event.at, event.user) == (now, "sara")
        assert (ticket.resolved_at is not None) == (not ticket.status.is_open)
        assert (ticket.stopped_at is not None) == (not ticket.status.is_open or ticket.status is WAITING)
        assert ticket.resolve_by is not None
        assert before.resolve_by is not None
        assert ticket.resolve_by >= before.resolve_by  # no step takes time away
        assert (ticket.status is NEW) <= (not ticket.assigned_to)
