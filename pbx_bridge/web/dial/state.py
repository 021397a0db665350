"""One agent's phone as their page shows it: what it does, the call in hand, whom it can go to, pauses."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from aiohttp import web

from pbx_bridge.ari_handlers.telephone import Denied, Hand
from pbx_bridge.web import keys
from pbx_bridge.web.board.model import LiveAgent, State
from pbx_bridge.web.dial.hub import PhoneHub, Phones
from pbx_bridge.web.dial.ports import PARTS, DialParts

HUB = web.AppKey("phone_hub", PhoneHub)


@dataclass(frozen=True, slots=True, kw_only=True)
class Goal:
    """Whom a call can be handed to. `state`: of a colleague, a key of `board.state.`; empty of the others."""

    to: str
    name: str
    state: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class PhoneState:
    """An agent's phone.

    Attributes:
        known: whether AMI tells of the present.
        state: a key of `board.state.`. since: when that began, aware UTC; None: not known.
        other: with whom; hostile text. queues: whether any queue may ring them.
        colleagues, queues_to, mailbox: where the call in hand can go; no colleagues where there is none.
        reasons: that a pause may have. missing: classes that our AMI user lacks.
        denied: why what they just asked for was not done.
    """

    extension: str
    known: bool
    state: str
    since: datetime | None
    other: str
    paused: bool
    reason: str
    queues: bool
    hand: Hand | None
    colleagues: tuple[Goal, ...]
    queues_to: tuple[str, ...]
    mailbox: str
    reasons: tuple[str, ...]
    missing: tuple[str, ...] = ()
    denied: Denied | None = None

    def is_as(self, other: PhoneState) -> bool:
        """Whether nothing differs but what colleagues do."""
        return replace(self, colleagues=other.colleagues) == other

    @property
    def may_call(self) -> bool:
        """Whether what is done to a talk can be done."""
        return "call" not in self.missing

    @property
    def may_pause(self) -> bool:
        """Whether pauses can be."""
        return "agent" not in self.missing


def state_of(
    extension: str, phones: Phones, parts: DialParts, missing: Sequence[str] = (), denied: Denied | None = None
) -> PhoneState:
    """The phone of an extension. Pure."""
    agent, hand = phones.agents.get(extension), phones.hands.get(extension)
    return PhoneState(
        extension=extension,
        known=phones.known,
        state=State.NO_QUEUE if agent is None else agent.state,
        since=None if agent is None else agent.since,
        other="" if agent is None else agent.other,
        paused=agent is not None and agent.paused,
        reason="" if agent is None else agent.reason,
        queues=agent is not None and bool(agent.queues),
        hand=hand,
        colleagues=() if hand is None or hand.consults else _colleagues(extension, phones.agents),
        queues_to=parts.phones.house.queues,
        mailbox=parts.phones.house.mailbox,
        reasons=parts.reasons,
        missing=tuple(missing),
        denied=denied,
    )


def _colleagues(extension: str, agents: Mapping[str, LiveAgent]) -> tuple[Goal, ...]:
    """Who is free first; who is away last."""
    others = [agent for agent in agents.values() if agent.extension != extension]
    others.sort(key=lambda one: (_ORDER.get(one.state, 1), one.name or one.extension, one.extension))
    return tuple(Goal(to=one.extension, name=one.name, state=one.state) for one in others)


_ORDER = {State.FREE: 0, State.AWAY: 2}


async def state_for(request: web.Request, denied: Denied | None = None) -> PhoneState:
    """The phone of whoever asks. Raises StoreError."""
    phones, parts = await request.app[HUB].look(), request.app[PARTS]
    missing = await parts.phones.missing() if phones.known else ()
    return state_of(request[keys.USER].extension, phones, parts, missing, denied)
