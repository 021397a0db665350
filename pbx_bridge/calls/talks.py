"""What was said to whom: the customer's talks, what cut them short (a hold, a consultation), and parking.

Nobody talks in two places: while an agent consults somebody on another line, the customer waits, whether or not the
phone said so. A hold is told by AMI only; without it the record is right, if poorer.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta

from pbx_bridge.calls.call import Segment, SegmentKind
from pbx_bridge.calls.facts import Live, LiveKind
from pbx_bridge.calls.people import Names
from pbx_bridge.calls.rooms import Rooms
from pbx_bridge.calls.spans import Span, overlap, overlaps, union, without
from pbx_bridge.calls.timeline import Leg, Timeline

_SEAM = timedelta(milliseconds=100)  # a Local channel optimised away, a bridge changed: the same talk goes on


@dataclass(frozen=True, slots=True, kw_only=True)
class Talks:
    """By party: when the customer talked, was on hold, and when ours talked among themselves meanwhile."""

    talks: dict[str, list[Span]]
    holds: dict[str, list[Span]]
    consults: dict[str, list[Span]]

    def segments(self) -> Iterator[Segment]:
        """All of it."""
        for kind, told in (
            (SegmentKind.TALK, self.talks),
            (SegmentKind.HOLD, self.holds),
            (SegmentKind.CONSULT, self.consults),
        ):
            for party, spans in told.items():
                for started_at, ended_at in spans:
                    yield Segment(kind=kind, started_at=started_at, ended_at=ended_at, party=party)


def talks_of(timeline: Timeline, customer: Leg, names: Names, live: Sequence[Live]) -> Talks:
    """The talks of one call, seen from the customer."""
    rooms = Rooms(timeline.legs)
    together: dict[str, list[Span]] = defaultdict(list)
    for leg, stay, both in rooms.company(customer):
        together[names.of(leg, stay.name)].append(both)
    together = {party: union(spans, _SEAM) for party, spans in together.items()}
    consults, engaged = _consults(timeline, customer, names, rooms)
    holds = _holds(timeline, customer, names, live, together)
    held = [span for spans in holds.values() for span in spans]
    talks = {party: _cut(spans, [*engaged.get(party, ()), *held]) for party, spans in together.items()}
    return Talks(talks=talks, holds=holds, consults=consults)


def _cut(spans: list[Span], taken: list[Span]) -> list[Span]:
    # The rows of one transfer lie microseconds apart: what is left between them is no talk.
    return [piece for piece in without(spans, taken) if piece in spans or not _is_sliver(piece)]


def _is_sliver(span: Span) -> bool:
    return span[1] is not None and span[1] - span[0] < _SEAM


def _consults(
    timeline: Timeline, customer: Leg, names: Names, rooms: Rooms
) -> tuple[dict[str, list[Span]], dict[str, list[Span]]]:
    """By the party asked; and by every party that took part, so that what they did meanwhile is no talk."""
    asked: dict[str, list[Span]] = defaultdict(list)
    engaged: dict[str, list[Span]] = defaultdict(list)
    for leg in timeline.others():
        if leg is customer:
            continue
        with_customer = [both for other, _, both in rooms.company(leg) if other is customer]
        for other, stay, both in rooms.company(leg):
            while_on = overlap(both, customer.life)
            if other is customer or not _asks(leg, other) or while_on is None:
                continue
            alone = _cut([while_on], with_customer)
            asked[names.of(other, stay.name)] += alone
            for party in (names.of(leg), names.of(other, stay.name)):
                engaged[party] += alone
    return {party: union(spans, _SEAM) for party, spans in asked.items()}, dict(engaged)


def _asks(leg: Leg, other: Leg) -> bool:
    """Of two of ours who talk, the one who called; the other is who was asked."""
    if leg.is_dialled is not other.is_dialled:
        return other.is_dialled
    return (leg.started_at, leg.name) < (other.started_at, other.name)


def _holds(
    timeline: Timeline, customer: Leg, names: Names, live: Sequence[Live], together: dict[str, list[Span]]
) -> dict[str, list[Span]]:
    """By the party who held the other."""
    found: dict[str, list[Span]] = {}
    everybody = [span for spans in together.values() for span in spans]
    for leg in timeline.legs:
        told = [fact for fact in live if fact.uniqueid == leg.first.uniqueid]
        spans = list(_held(leg, told)) if told else []
        if not spans:
            continue
        party = names.of(leg)
        held = overlaps(spans, everybody if leg is customer else together.get(party, []))
        if held:
            found[party] = union([*found.get(party, []), *held])
    return found


def _held(leg: Leg, told: Sequence[Live]) -> Iterator[Span]:
    # An Unhold without a Hold comes at every park and transfer; a Hold without an Unhold ends with the bridge.
    since = None
    for fact in told:
        if fact.event is LiveKind.HOLD and since is None:
            since = fact.at
        elif fact.event is LiveKind.UNHOLD and since is not None:
            yield since, fact.at
            since = None
    if since is not None:
        left = [stay.ended_at for stay in leg.stays if stay.ended_at is not None and stay.ended_at >= since]
        yield since, min(left, default=leg.ended_at)


def parks_of(customer: Leg, live: Sequence[Live]) -> Iterator[Segment]:
    """When the customer was parked; the party is the slot, which only AMI tells."""
    slots = [fact for fact in live if fact.event is LiveKind.PARKED and fact.uniqueid == customer.first.uniqueid]
    for span in customer.parks:
        near = (str(f.data.get("slot", "")) for f in slots if overlap((f.at, f.at + 2 * _SEAM), _widened(span)))
        yield Segment(kind=SegmentKind.PARK, started_at=span[0], ended_at=span[1], party=next(near, ""))


def _widened(span: Span) -> Span:
    return span[0] - timedelta(seconds=1), span[1]
