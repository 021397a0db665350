"""How a call was handed on: by whom, to whom, and whether they had spoken first."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from pbx_bridge.calls.call import Transfer, TransferKind
from pbx_bridge.calls.facts import CelRow
from pbx_bridge.calls.keys import NO_CHANNEL
from pbx_bridge.calls.people import Names
from pbx_bridge.calls.timeline import Leg, Timeline

_AT_ONCE = timedelta(seconds=2)  # a blind transfer to a parking place parks within this
_ASKED = "Local/"
_RINGING = frozenset({"Dial", "Queue"})  # what a consultation that nobody has answered yet is in


def transfers_of(timeline: Timeline, names: Names) -> tuple[Transfer, ...]:
    """Every transfer, by time; parking by a blind transfer is parking."""
    return tuple(dict.fromkeys(_told(timeline, names)))


def _told(timeline: Timeline, names: Names) -> Iterator[Transfer]:
    for row in timeline.rows:
        if row.event == "BLINDTRANSFER" and not _parks(timeline, row):
            to = str(row.extra.get("extension", ""))
            yield Transfer(kind=TransferKind.BLIND, at=row.at, by=names.of_channel(row.channel_name), to=to)
        elif row.event == "ATTENDEDTRANSFER":
            kind = _kind(row)
            to = _target(timeline, row, names)
            yield Transfer(kind=kind, at=row.at, by=names.of_channel(row.channel_name), to=to)


def _parks(timeline: Timeline, row: CelRow) -> bool:
    parked = _leg(timeline, str(row.extra.get("transferee_channel_uniqueid", "")))
    return parked is not None and any(row.at - _AT_ONCE < start < row.at + _AT_ONCE for start, _ in parked.parks)


def _kind(row: CelRow) -> TransferKind:
    # Without a second bridge the consultation was still in an application: ringing, or at a mailbox.
    ringing = row.extra.get("app") in _RINGING
    return TransferKind.BLONDE if ringing and not row.extra.get("bridge2_id") else TransferKind.ATTENDED


def _target(timeline: Timeline, row: CelRow, names: Names) -> str:
    target = str(row.extra.get("transfer_target_channel_name", ""))
    if target.startswith(_ASKED):
        return _asked(target)
    if target not in NO_CHANNEL:
        return names.of_channel(target)
    line = _leg(timeline, str(row.extra.get("channel2_uniqueid", "")))
    if line is not None and line.first.uniqueid == row.uniqueid:  # the page's consultation has no line of its own
        asked = [leg.first.channel_name for leg in timeline.legs if leg.first.is_local and leg.started_at <= row.at]
        return _asked(asked[-1]) if asked else ""
    return "" if line is None else line.first.exten


def _asked(channel_name: str) -> str:
    """Whom Asterisk called for an agent who asks from the page: 102 of Local/102@from-agents-0000002a;1."""
    return channel_name.removeprefix(_ASKED).partition("@")[0]


def _leg(timeline: Timeline, uniqueid: str) -> Leg | None:
    return next((leg for leg in timeline.legs if leg.first.uniqueid == uniqueid), None)
