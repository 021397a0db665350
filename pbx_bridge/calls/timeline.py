"""The timeline of one group: its channels, and when each was in which application and bridge.

The reading of CEL: it knows what Asterisk's rows mean and nothing of outcomes. Repeated rows change nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime

from pbx_bridge.calls.facts import CelRow
from pbx_bridge.calls.keys import HOLDING
from pbx_bridge.calls.spans import Span

# Channels that are no person: Asterisk's plumbing, recorders, announcers, spies.
_NOBODY = ("Local/", "Recorder/", "Announcer/", "CBAnn/", "CBRec/", "Snoop/", "UnicastRTP/", "MulticastRTP/")


@dataclass(slots=True, kw_only=True)
class Visit:
    """A channel's time in one dialplan application that CEL follows (Stasis, Queue, Dial, VoiceMail)."""

    app: str
    data: str
    started_at: datetime
    ended_at: datetime | None = None

    @property
    def span(self) -> Span:
        return self.started_at, self.ended_at


@dataclass(slots=True, kw_only=True)
class Stay:
    """A channel's time in one bridge. `name`: what the channel was called then; a pickup changes it."""

    bridge: str
    holding: bool
    name: str
    started_at: datetime
    ended_at: datetime | None = None

    @property
    def span(self) -> Span:
        return self.started_at, self.ended_at


@dataclass(slots=True, kw_only=True)
class Leg:
    """One channel's life. `cause` and `hung_up_by` (a channel name) are as its HANGUP row tells them."""

    first: CelRow
    answered_at: datetime | None = None
    hung_up_at: datetime | None = None
    ended_at: datetime | None = None
    cause: int | None = None
    hung_up_by: str = ""
    picked_up: bool = False  # while it rang, somebody took the call on another phone
    came_in: bool = False  # our dialplan told that it is somebody outside
    visits: list[Visit] = field(default_factory=list)
    stays: list[Stay] = field(default_factory=list)
    parks: list[Span] = field(default_factory=list)
    names: dict[str, None] = field(default_factory=dict)  # in the order it bore them; a pickup gives another's

    @property
    def name(self) -> str:
        return self.first.channel_name

    @property
    def started_at(self) -> datetime:
        return self.first.at

    @property
    def is_dialled(self) -> bool:
        """Rung by the PBX; a channel that came in, or was originated, starts a linkedid of its own."""
        return self.first.uniqueid != self.first.linkedid

    @property
    def is_person(self) -> bool:
        return not self.name.startswith(_NOBODY)

    @property
    def is_local(self) -> bool:
        """One half of a Local channel."""
        return self.first.is_local

    @property
    def party(self) -> str:
        """`101` for `PJSIP/101-0000002a`. The number on a dialled channel is the caller's, so the name tells."""
        return peer_name(self.name)

    @property
    def life(self) -> Span:
        return self.started_at, self.ended_at


@dataclass(frozen=True, slots=True, kw_only=True)
class Timeline:
    """What one group's CEL rows tell. `last_at`: the latest of them."""

    root: Leg
    legs: tuple[Leg, ...]
    rows: tuple[CelRow, ...]
    last_at: datetime

    @property
    def closed_at(self) -> datetime | None:
        """When the last channel of a person ended; None while any channel lives."""
        if any(leg.ended_at is None for leg in self.legs):
            return None
        return max(leg.ended_at for leg in self.legs if leg.is_person and leg.ended_at is not None)

    def others(self) -> Iterator[Leg]:
        """The people on the call besides the root channel's."""
        return (leg for leg in self.legs if leg is not self.root and leg.is_person)


def peer_name(channel_or_device: str) -> str:
    """`101` for `PJSIP/101-0000002a`, for `PJSIP/101` and for `101`."""
    device = channel_or_device.rpartition("/")[2]
    return device.rpartition("-")[0] or device


def dialplan_word(row: CelRow) -> str:
    """What our dialplan told of the call here, `fallback` or `voicemail=FAILED`; empty for any other row."""
    # Asterisk 16 writes a user event under its own name, 22 as USER_DEFINED with the name in user_type.
    ours = row.event == "PBXB" or (row.event == "USER_DEFINED" and row.user_type == "PBXB")
    return str(row.extra.get("extra", "")) if ours else ""


def read_timeline(rows: Iterable[CelRow]) -> Timeline | None:
    """The timeline of one group's rows, in any order; None before its root channel is known.

    The root is the earliest channel that is no plumbing. Ids are texts a client may choose: only time orders them.
    """
    # Within one channel rows of the same microsecond are in file order; across channels file order says nothing.
    ordered = sorted(rows, key=_order)
    legs: dict[str, Leg] = {}
    for row in ordered:
        if row.event == "CHAN_START":
            legs.setdefault(row.uniqueid, Leg(first=row))
        if (leg := legs.get(row.uniqueid)) is not None:
            leg.names[row.channel_name] = None
            if (note := _NOTES.get(row.event)) is not None:
                note(leg, row)
    root = next((leg for leg in legs.values() if leg.is_person), None)
    if root is None:
        return None
    return Timeline(root=root, legs=tuple(legs.values()), rows=tuple(ordered), last_at=ordered[-1].at)


def _order(row: CelRow) -> tuple[datetime, str, int]:
    return row.at, row.file, row.offset


def _answer(leg: Leg, row: CelRow) -> None:
    leg.answered_at = leg.answered_at or row.at


def _pick_up(leg: Leg, row: CelRow) -> None:
    leg.picked_up = True


def _hear(leg: Leg, row: CelRow) -> None:
    leg.came_in = leg.came_in or dialplan_word(row) == "inbound"


def _enter_app(leg: Leg, row: CelRow) -> None:
    last = leg.visits[-1] if leg.visits else None
    if last is not None and (last.app, last.data, last.started_at) == (row.app, row.app_data, row.at):
        return
    if last is not None and last.ended_at is None:
        last.ended_at = row.at
    leg.visits.append(Visit(app=row.app, data=row.app_data, started_at=row.at))


def _leave_app(leg: Leg, row: CelRow) -> None:
    if leg.visits and leg.visits[-1].ended_at is None and leg.visits[-1].app == row.app:
        leg.visits[-1].ended_at = row.at


def _enter_bridge(leg: Leg, row: CelRow) -> None:
    bridge = str(row.extra.get("bridge_id", ""))
    last = leg.stays[-1] if leg.stays else None
    if last is not None and last.ended_at is None:
        if last.bridge == bridge:
            return
        last.ended_at = row.at
    holding = row.extra.get("bridge_technology") == HOLDING
    leg.stays.append(Stay(bridge=bridge, holding=holding, name=row.channel_name, started_at=row.at))


def _leave_bridge(leg: Leg, row: CelRow) -> None:
    last = leg.stays[-1] if leg.stays else None
    if last is not None and last.ended_at is None and last.bridge == str(row.extra.get("bridge_id", "")):
        last.ended_at = row.at


def _park(leg: Leg, row: CelRow) -> None:
    if not leg.parks or leg.parks[-1][1] is not None:
        leg.parks.append((row.at, None))


def _unpark(leg: Leg, row: CelRow) -> None:
    if leg.parks and leg.parks[-1][1] is None:
        leg.parks[-1] = (leg.parks[-1][0], row.at)


def _hang_up(leg: Leg, row: CelRow) -> None:
    if leg.hung_up_at is not None:
        return
    cause = row.extra.get("hangupcause")
    leg.hung_up_at = row.at
    leg.cause = cause if isinstance(cause, int) else None
    leg.hung_up_by = str(row.extra.get("hangupsource", ""))


def _end(leg: Leg, row: CelRow) -> None:
    if leg.ended_at is not None:
        return
    leg.ended_at = row.at
    for visit in leg.visits:
        visit.ended_at = visit.ended_at or row.at
    for stay in leg.stays:
        stay.ended_at = stay.ended_at or row.at
    _unpark(leg, row)


# What a row changes in its channel's life; transfers and other user events are read by others.
_NOTES: dict[str, Callable[[Leg, CelRow], None]] = {
    "ANSWER": _answer,
    "APP_START": _enter_app,
    "APP_END": _leave_app,
    "BRIDGE_ENTER": _enter_bridge,
    "BRIDGE_EXIT": _leave_bridge,
    "PICKUP": _pick_up,
    "PBXB": _hear,
    "USER_DEFINED": _hear,
    "PARK_START": _park,
    "PARK_END": _unpark,
    "HANGUP": _hang_up,
    "CHAN_END": _end,
}
