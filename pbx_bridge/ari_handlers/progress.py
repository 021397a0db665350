"""How far a call that an agent asked for has come, and how it ended. Pure."""

from __future__ import annotations

import enum
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from pbx_bridge.ami.channels import Group
from pbx_bridge.calls.call import Call, Outcome, SegmentKind
from pbx_bridge.store.dials import Dial


class Phase(enum.StrEnum):
    """What goes on now."""

    ASKED = "asked"
    RINGS = "rings"  # the agent's own phone
    DIALS = "dials"  # the agent waits for the other side
    TALKS = "talks"
    OVER = "over"


_ORDER = tuple(Phase)


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """A call, and what goes on. Times are aware UTC.

    Attributes:
        since: of the phase; None where nobody saw it begin.
        seen: whether its channel was ever seen alive. gone_at: since when it is not.
    """

    dial: Dial
    phase: Phase
    since: datetime | None = None
    seen: bool = False
    gone_at: datetime | None = None

    def at(self, phase: Phase, now: datetime) -> Progress:
        """The same in a phase in which it is alive; it never goes back, as when the other side hangs up first."""
        phase = max(phase, self.phase, key=_ORDER.index)
        since = self.since if phase is self.phase else now
        return replace(self, phase=phase, since=since, seen=True, gone_at=None)

    def gone(self, now: datetime) -> Progress:
        """The same without its channel."""
        return replace(self, gone_at=self.gone_at or now)


def phase_of(dial: Dial, groups: Sequence[Group]) -> Phase | None:
    """The phase by the live channels; None: its channel is not there."""
    for group in groups:
        own = next((one for one in group if one.channel == dial.channel), None)
        if own is None:
            continue
        others = [one for one in group if one is not own and not one.inner]
        if own.bridge and any(one.bridge == own.bridge for one in others):
            return Phase.TALKS
        return Phase.DIALS if others else Phase.RINGS
    return None


def reason_of(call: Call, extension: str) -> str:
    """How it ended for its asker: an outcome, or that they did not pick up themselves; empty: not known yet.

    A call that they handed on is answered while it goes on without them.
    """
    if call.outcome is None:
        return Outcome.ANSWERED.value if call.answered_at is not None else ""
    if call.outcome is Outcome.FAILED:
        rings = [s.result for s in call.segments if s.kind is SegmentKind.RING and s.party == extension]
        if rings:
            return "not_picked_up" if rings[-1] == "no_answer" else "declined"
    return call.outcome.value
