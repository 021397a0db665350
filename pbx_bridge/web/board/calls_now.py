"""The calls of the board: what goes on in each. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from pbx_bridge.ami.channels import Channel, Group
from pbx_bridge.calls.call import Call, Direction, SegmentKind, call_id
from pbx_bridge.store.lines import name_of
from pbx_bridge.web.board.feed import Standing
from pbx_bridge.web.board.model import Doing, Heard, LiveCall

# Channels at whose end nobody is: they play, record and watch.
_NOBODY = frozenset({"CBAnn", "CBRec", "Announcer", "Recorder", "Snoop", "Message", "Surrogate", "Bridge"})


def extension_of(phone: str) -> str:
    """`101` of PJSIP/101, Local/101@pbxb-forward or PJSIP/101@trunk."""
    return (phone.partition("/")[2] or phone).partition("@")[0]


def calls_of(heard: Heard) -> list[LiveCall]:
    if heard.groups is None:
        return [_of_record(heard, call) for call in heard.calls] + _runs_alone(heard)
    by_root = {call.root: call for call in heard.calls if call.node == heard.node}
    shown = [_of_group(heard, group, by_root) for group in heard.groups if any(map(is_real, group))]
    return shown + [_of_record(heard, call) for call in heard.calls if call.node != heard.node]


def _runs_alone(heard: Heard) -> list[LiveCall]:
    roots = {call.root for call in heard.calls if call.node == heard.node}
    return [_of_run(heard, one) for channel, one in heard.standings.items() if channel not in roots]


def _of_run(heard: Heard, standing: Standing) -> LiveCall:
    run = standing.run
    return LiveCall(
        key=call_id(heard.node, run.channel),
        started_at=run.entered_at,
        recorded=False,
        caller=run.caller,
        name=_name(run.caller_name, standing),
        called=run.called,
        direction=Direction.INBOUND,
        doing=Doing.MENU,
        since=standing.since,
        at=(run.version, run.at),
    )


def _of_record(heard: Heard, call: Call) -> LiveCall:
    """What the record alone says, and the flow run where there is one."""
    standing = heard.standings.get(call.root) if call.node == heard.node else None
    goes_on = [part for part in call.segments if part.ended_at is None]
    last = max(goes_on, key=lambda part: part.started_at, default=None)
    told = _told(last.kind) if last else Doing.OTHER
    in_flow = standing is not None and not standing.given
    return LiveCall(
        key=call.call_id,
        started_at=call.started_at,
        recorded=True,
        caller=call.caller,
        name=name_of(call),
        called=call.called,
        direction=call.direction,
        doing=Doing.MENU if in_flow else told,
        since=standing.since if standing and in_flow else last.started_at if last else None,
        queue=last.party if last and told is Doing.QUEUE and not in_flow else "",
        others=(last.party,) if last and last.party and told in (Doing.RING, Doing.TALK, Doing.HOLD) else (),
        at=(standing.run.version, standing.run.at) if standing and in_flow else ("", ""),
    )


def _told(kind: SegmentKind) -> Doing:
    return {
        SegmentKind.IVR: Doing.MENU,
        SegmentKind.WAIT: Doing.QUEUE,
        SegmentKind.RING: Doing.RING,
        SegmentKind.TALK: Doing.TALK,
        SegmentKind.CONSULT: Doing.TALK,
        SegmentKind.HOLD: Doing.HOLD,
        SegmentKind.PARK: Doing.PARK,
        SegmentKind.VOICEMAIL: Doing.VOICEMAIL,
    }[kind]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Moment:
    """What goes on in a group of channels."""

    doing: Doing
    since: datetime | None
    queue: str = ""
    place: int = 0
    others: tuple[str, ...] = ()
    at: tuple[str, str] = ("", "")


def _of_group(heard: Heard, group: Group, by_root: Mapping[str, Call]) -> LiveCall:
    ids = dict.fromkeys([one.channel for one in group] + [one.linkedid for one in group])
    known = [by_root[name] for name in ids if name in by_root]
    call = min(known, key=lambda one: one.started_at, default=None)
    lead = next((one for one in group if is_real(one)), group[0])
    standing = next((heard.standings[name] for name in ids if name in heard.standings), None)
    moment = _moment(heard, group, lead, standing, call)
    own_name = name_of(call) if call else lead.number_name
    return LiveCall(
        key=call.call_id if call else call_id(heard.node, lead.channel),
        started_at=call.started_at if call else lead.began_at,
        recorded=call is not None,
        caller=call.caller if call else standing.run.caller if standing else lead.number,
        name=_name(own_name, standing),
        called=call.called if call else standing.run.called if standing else lead.exten,
        direction=call.direction if call else _direction(lead, standing),
        doing=moment.doing,
        since=moment.since,
        queue=moment.queue,
        place=moment.place,
        others=moment.others,
        at=moment.at,
    )


def _direction(lead: Channel, standing: Standing | None) -> str:
    """As far as it can be told before the record has it: from one of our phones it may lead outside as well."""
    if standing is not None:
        return Direction.INBOUND
    return Direction.INTERNAL if extension_of(lead.phone).isdigit() else ""


def _name(told: str, standing: Standing | None) -> str:
    customer = standing.run.customer if standing else None
    return customer.name if customer is not None and customer.name else told


def _moment(heard: Heard, group: Group, lead: Channel, standing: Standing | None, call: Call | None) -> _Moment:
    if lead.parked:
        return _Moment(doing=Doing.PARK, since=lead.bridged_at, others=(lead.parked,))
    peers = peers_of(group, lead)
    if peers:
        return talk_of(lead, peers)
    ringing = [one for one in group if one.rings_since is not None and not one.bridge and is_real(one)]
    who = tuple(dict.fromkeys(party_of(one) for one in ringing))
    ids = {one.channel for one in group}
    waits = next((one for one in heard.waiting if one.channel in ids), None)
    if waits is not None:
        return _Moment(doing=Doing.QUEUE, since=waits.at, queue=waits.queue, place=waits.position, others=who)
    if ringing:
        return _Moment(doing=Doing.RING, since=min(one.rings_since for one in ringing if one.rings_since), others=who)
    if standing is not None and not standing.given:
        at = (standing.run.version, standing.run.at)
        return _Moment(doing=Doing.MENU, since=standing.since, at=at)
    return _without_lead(group, lead) or _by_record(standing, call)


def _without_lead(group: Group, lead: Channel) -> _Moment | None:
    """The others may go on talking when the one who began is elsewhere."""
    for one in group:
        if is_real(one) and one is not lead and (peers := peers_of(group, one)):
            return talk_of(one, peers)
    return None


def _by_record(standing: Standing | None, call: Call | None) -> _Moment:
    goes_on = [part for part in call.segments if part.ended_at is None] if call else []
    if any(part.kind is SegmentKind.VOICEMAIL for part in goes_on):
        return _Moment(doing=Doing.VOICEMAIL, since=goes_on[-1].started_at)
    if standing is not None:
        return _Moment(doing=Doing.OTHER, since=standing.since, at=(standing.run.version, standing.run.at))
    return _Moment(doing=Doing.OTHER, since=None)


def talk_of(one: Channel, peers: Sequence[Channel]) -> _Moment:
    begun = [channel.bridged_at for channel in (one, *peers)]
    since = max((at for at in begun if at is not None), default=None) if None not in begun else None
    held = any(channel.held for channel in (one, *peers))
    others = tuple(dict.fromkeys(party_of(channel) for channel in peers))
    return _Moment(doing=Doing.HOLD if held else Doing.TALK, since=since, others=others)


def peers_of(group: Group, one: Channel) -> list[Channel]:
    if not one.bridge:
        return []
    return [other for other in group if other.bridge == one.bridge and other is not one and is_real(other)]


def party_of(channel: Channel) -> str:
    """Who is at the end of a channel: of a trunk its number, of a phone its extension."""
    extension = extension_of(channel.phone)
    return extension if extension.isdigit() else channel.number or extension


def is_real(channel: Channel) -> bool:
    return not channel.inner and channel.phone.partition("/")[0] not in _NOBODY
