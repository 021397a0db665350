"""Click-to-call: the agent's phone rings first; when it is picked up, the dialplan calls the customer for it.

The dialplan does the dialling, as if the agent had dialled: so an agent reaches by a click what their phone may
reach and nothing else, and no Local channel is made. What Asterisk's rows do not tell, the number asked for, is
journaled before Asterisk is asked.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from pbx_bridge.ari_handlers.requests import Ari
from pbx_bridge.calls.fact_text import live_fact
from pbx_bridge.calls.facts import LiveKind, RawFact
from pbx_bridge.errors import InputError
from pbx_bridge.health import Clock, utc_now
from pbx_bridge.values import phone
from pbx_bridge.values.number_rules import PLAIN, NumberRules

AGENT_CONTEXT = "from-agents"  # asterisk-conf/extensions.conf.j2: what agents' phones may dial
RING_S = 30  # seconds; an agent who asked for a call is at the phone

_NUMBER = re.compile(r"\+?[0-9]{2,15}")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")

Keep = Callable[[Sequence[RawFact]], Awaitable[None]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A call that was asked for: the agent's channel (its uniqueid, chosen by us), and the number as people dial."""

    channel: str
    agent: str
    dialled: str


def dialable(text: str, region: str = "IR") -> str:
    """The number to dial for what a person typed: digits, perhaps a + before them.

    A number of the region without its leading 0 gets it. Raises InputError for anything that is no number: letters,
    `&`, line breaks and control characters are refused, never left out.
    """
    plain = phone.bare(text)
    if _CONTROL.search(text) or not _NUMBER.fullmatch(plain):
        raise InputError(f"{text[:40]!r} is no number to call: digits, perhaps a + before them")
    known = phone.to_e164(plain, region) if len(plain) >= phone.SHORTEST_OUTSIDE else None
    return phone.national(known) if known is not None and plain[0] not in "0+" else plain


class Originator:
    """Places calls for agents.

    Args:
        node: the PBX's systemname.
        keep: journals facts; done when they are on disk.
        agents: extensions a call may be placed for.
        region: whose numbers are those without a country code.
        numbers: how the PBX wants them dialled.
    """

    def __init__(
        self,
        ari: Ari,
        *,
        node: str,
        keep: Keep,
        agents: Sequence[str],
        region: str = "IR",
        numbers: NumberRules = PLAIN,
        clock: Clock = utc_now,
    ) -> None:
        self._ari, self._node, self._keep = ari, node, keep
        self._agents, self._region, self.numbers, self._clock = agents, region, numbers, clock

    async def call(self, agent: str, number: str, ring_s: int = RING_S) -> Asked:
        """Ring the agent's phone, up to so many seconds, then the number. Returns when the phone begins to ring.

        Raises:
            InputError: no such agent, or no such number; nothing was asked.
            AsteriskError: Asterisk refused, e.g. because the agent's phone is not registered.
            StoreError: it could not be journaled; nothing was asked.
        """
        asked = self._asked(agent, number)
        await self.place(asked, ring_s)
        return asked

    async def place(self, asked: Asked, ring_s: int = RING_S) -> None:
        """The same for what was checked and given a channel's id before. Raises AsteriskError, StoreError."""
        data = {"dialled": asked.dialled, "agent": asked.agent}
        at = self._clock()
        fact = live_fact(node=self._node, channel=asked.channel, at=at, event=LiveKind.ORIGINATE, data=data)
        await self._keep([fact])
        await self._ari.originate(
            asked.channel,
            f"PJSIP/{asked.agent}",
            context=AGENT_CONTEXT,
            extension=self.numbers.outgoing(asked.dialled),
            timeout_s=ring_s,
            # What the agent's phone shows. ARI's callerId would also become the number the customer sees.
            variables={"CONNECTEDLINE(num,i)": asked.dialled},
        )

    def _asked(self, agent: str, number: str) -> Asked:
        if agent not in self._agents:
            raise InputError(f"{agent[:40]!r} is no agent: {', '.join(self._agents)}")
        dialled = dialable(number, self._region)
        if dialled == agent:
            raise InputError(f"{agent} cannot call themselves")
        return Asked(channel=f"{self._node}-c2c-{secrets.token_hex(8)}", agent=agent, dialled=dialled)
