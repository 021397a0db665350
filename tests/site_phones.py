"""Telephones for a site that is only looked at: the calls in hand are those of a live line, nothing is ever done."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from demo_history import NOON

from pbx_bridge.ami.actions import Actions
from pbx_bridge.ari_handlers import wire
from pbx_bridge.ari_handlers.dial_rules import DialRules
from pbx_bridge.ari_handlers.dialler import Live
from pbx_bridge.ari_handlers.progress import Phase, Progress
from pbx_bridge.ari_handlers.telephone import House, Telephone
from pbx_bridge.errors import AmiUnavailable
from pbx_bridge.store.dials import Dial, DialState
from pbx_bridge.web.board.feed import LiveFeed
from pbx_bridge.web.dial.memory import NoPhones
from pbx_bridge.web.dial.ports import DialParts

DIALS = ("a" * 16, "b" * 16, "c" * 16)
"""One that rings, one in a talk, one that is over."""


class _NoAri:
    async def channels(self) -> list[wire.Channel]:
        return []

    async def hang_up(self, channel: str) -> None:
        raise AmiUnavailable("nothing is done here")


async def _send(action: str, **fields: str) -> dict[str, str]:
    raise AmiUnavailable("nothing is done here")


async def _agents() -> Sequence[str]:
    return ("101", "102", "103")


def site_phones(feed: LiveFeed, user: str, now: datetime = NOON) -> DialParts:
    """What telephony of such a site is made of; the calls that were asked for are this user's."""
    dialler = NoPhones()
    phases = (Phase.RINGS, Phase.TALKS, Phase.OVER)
    dialler.going_on = {
        name: Progress(dial=_dial(name, user, phase, now), phase=phase, since=now - timedelta(seconds=42))
        for name, phase in zip(DIALS, phases, strict=True)
    }
    phones = Telephone(
        actions=Actions(_send),
        ari=_NoAri(),
        live=Live(channels=feed.channels, agents=feed.agents),
        house=House(queues=("support", "services"), mailbox="600"),
        agents=_agents,
        rules=DialRules(),
    )
    return DialParts(dialler=dialler, phones=phones, feed=feed)


def _dial(name: str, user: str, phase: Phase, now: datetime) -> Dial:
    over = phase is Phase.OVER
    return Dial(
        id=name,
        node="pbx1",
        channel=f"pbx1-c2c-{name}",
        extension="101",
        user=user,
        number="09121234567",
        about="customer:C-1042",
        state=DialState.OVER if over else DialState.SENT,
        reason="busy" if over else "",
        asked_at=now - timedelta(minutes=1),
        ended_at=now if over else None,
    )
