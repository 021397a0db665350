"""An agent's desk on the site in memory: a line that rings, and what is known of its callers."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

from demo_history import NOON, TICKET, make_call
from live_line import NODE, LiveLine
from web_visitor import NAME, Parts

from pbx_bridge.calls.call import CallStep, call_id
from pbx_bridge.store import CallRow, Contract, Customer, Role, TicketStatus
from pbx_bridge.store.call_context import Case
from pbx_bridge.store.callbacks import CallbackLine, Handed
from pbx_bridge.store.callbacks_rules import Kind
from pbx_bridge.store.desk_cards import CardFacts, Party
from pbx_bridge.store.lines import line_of
from pbx_bridge.web.desk.memory import MemoryCards, MemoryWrapUps
from pbx_bridge.web.desk.ports import DeskParts
from pbx_bridge.web.memory import MemoryAgents

SARA, STRANGER = "09121234567", "09355550142"
CALL = call_id(NODE, "1.1")
TODAY = date(2026, 11, 21)


def customer(code: str = "C-1042", name: str = "آریا صنعت") -> Customer:
    return Customer(code=code, name=name, language="fa", tier="gold")


def party(code: str = "C-1042", name: str = "آریا صنعت", days: int = 20) -> Party:
    ends = TODAY + timedelta(days=days)
    case = Case(
        tracking_number=TICKET,
        customer_code=code,
        subject="کندی چاپگر",
        status=TicketStatus.IN_PROGRESS,
        kind="request",
        updated_at=NOON,
        due_by=None,
        promised_on=None,
    )
    contract = Contract(customer_code=code, number="7", starts_on=date(2025, 1, 1), ends_on=ends, level="")
    return Party(customer=customer(code, name), contact="علی رضایی", contract=contract, cases=[case])


def facts(*parties: Party, **told: Any) -> CardFacts:
    steps = [
        CallStep(at=NOON, flow_node="ask", kind="said", data={"text": "کد پیگیری را وارد کنید", "language": "fa"}),
        CallStep(
            at=NOON + timedelta(seconds=2), flow_node="ask", kind="keys", data={"keys": "4712083", "result": "match"}
        ),
    ]
    before = CallRow(call=make_call(9, started_at=NOON - timedelta(days=1)), revision=1)
    return CardFacts(parties=parties, calls=[line_of(before)], steps=steps, notes=(), number="", **told)


def handed(by: str, name: str) -> Handed:
    """A follow-up that somebody gave the agent."""
    line = CallbackLine(
        id="ab" * 8, kind=Kind.FOLLOW_UP, number="+989121234567", customer_code="C-1042", customer_name=name, tier="",
        queue="", about="", why="", owner=NAME, made_by=by, asked_at=NOON, wanted_at=NOON, tries=0, taken_by="",
        taken_until=None, done_at=None, done_by="", result="",
    )  # fmt: skip
    return Handed(line=line, by=by, at=NOON)


class GivenCallbacks:
    """Callbacks that others gave the agent, as told."""

    def __init__(self) -> None:
        self.given: list[Handed] = []

    async def handed(self, user: str) -> list[Handed]:
        return list(self.given)

    async def seen(self, name: str, user: str) -> bool:
        self.given = [one for one in self.given if one.line.id != name]
        return True


class Bench:
    """A line, a site and what is known of its callers."""

    def __init__(self, role: Role = Role.AGENT, extension: str = "101") -> None:
        self.line = LiveLine()
        self.line.connect()
        self.cards = MemoryCards()
        self.cards.known[SARA] = facts(party())
        self.parts = Parts(board=self.line.parts, agents=MemoryAgents({"101": "زهرا", "102": "رضا احمدی"}))
        self.wraps = MemoryWrapUps(lambda: self.parts.now)
        self.handed = GivenCallbacks()
        self.parts.agent_desk = DeskParts(cards=self.cards, wrap_ups=self.wraps, handed=self.handed)
        self.parts.users.roles[NAME] = role
        self.parts.users.extensions[NAME] = extension

    def rings(self, number: str = SARA, extension: str = "101") -> str:
        self.line.calls("1.1", number)
        return self.line.rings("1.1", extension)
