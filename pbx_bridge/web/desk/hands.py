"""Which calls ring or talk at an extension, and whom they are with. Pure.

Told by AMI's channels, so that a phone that rings is known at once, however it came to ring: from a queue, dialled
directly, by a transfer before it is answered, by a colleague who asks first, picked up from another phone; or the
agent's own call.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from pbx_bridge.ami.channels import Channel, Group
from pbx_bridge.ami.events import CallerJoined
from pbx_bridge.calls.call import Call, Direction, call_id
from pbx_bridge.store.lines import name_of
from pbx_bridge.web.board.calls_now import extension_of, is_real, peers_of
from pbx_bridge.web.board.feed import Standing
from pbx_bridge.web.desk.model import Hand, Passing, Stage
from pbx_bridge.web.desk.past import Past

_NO_NUMBER = frozenset({"", "s", "h", "i", "t"})  # the dialplan's own words where a number would stand


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """What is heard at one moment, of one node."""

    node: str
    groups: Sequence[Group]
    waiting: Sequence[CallerJoined] = ()
    standings: Mapping[str, Standing] = field(default_factory=dict)
    calls: Sequence[Call] = ()
    past: Past = field(default_factory=dict)


def hands_by_extension(line: Line) -> Mapping[str, tuple[Hand, ...]]:
    """Every phone's calls, the first to come first."""
    known = {call.root: call for call in line.calls if call.node == line.node}
    found: dict[str, dict[str, Hand]] = {}
    for group in line.groups:
        for one in group:
            extension = extension_of(one.phone)
            if is_real(one) and extension.isdigit() and (hand := _hand(line, known, group, one)) is not None:
                told = found.setdefault(extension, {})
                told[hand.call_id] = _nearer(told.get(hand.call_id), hand)
    return {phone: tuple(sorted(told.values(), key=_order)) for phone, told in found.items()}


def _order(hand: Hand) -> tuple[datetime, str]:
    return hand.began_at, hand.call_id


def _nearer(known: Hand | None, hand: Hand) -> Hand:
    """Of two phones of one extension in one call: who talks, else who rings."""
    stages = (Stage.TALK, Stage.HOLD, Stage.RING, Stage.CALLING)
    return hand if known is None or stages.index(hand.stage) < stages.index(known.stage) else known


def _hand(line: Line, known: Mapping[str, Call], group: Group, own: Channel) -> Hand | None:
    others = [one for one in group if is_real(one) and extension_of(one.phone) != extension_of(own.phone)]
    stage, since = _stage(group, own, others)
    standing = _standing(line, group)
    if stage is None or (standing is not None and standing.run.channel == own.channel):
        return None  # an agent who calls the menu is a caller, not an agent
    asked_of = _consulted_on(line, others) if stage is not Stage.CALLING else None
    if asked_of is not None:
        return _consulted(line, known, asked_of, own, stage, since)
    return _told(line, known, group, own, others, stage, since)


def _stage(group: Group, own: Channel, others: Sequence[Channel]) -> tuple[Stage | None, datetime | None]:
    peers = peers_of(group, own)
    if peers:
        begun = [one.bridged_at for one in (own, *peers)]
        since = None if None in begun else max(at for at in begun if at is not None)
        return (Stage.HOLD if any(one.held for one in (own, *peers)) else Stage.TALK), since
    if own.rings_since is not None and not own.bridge:
        # Rung by nobody: the daemon placed the call, and the agent's phone comes first.
        return (Stage.RING if others else Stage.CALLING), own.rings_since
    rung = [one.rings_since for one in others if one.rings_since is not None and not one.bridge]
    return (Stage.CALLING, min(rung)) if rung and own is _lead(group) else (None, None)


def _told(
    line: Line,
    known: Mapping[str, Call],
    group: Group,
    own: Channel,
    others: Sequence[Channel],
    stage: Stage,
    since: datetime | None,
) -> Hand:
    call, root = _call_of(known, group)
    far, standing = _far(group, own, others), _standing(line, group)
    outgoing = own is _lead(group)
    by, passing = _passed(line, call, standing, far, extension_of(own.phone))
    colleague = bool(others) and standing is None and all(extension_of(one.phone).isdigit() for one in others)
    return Hand(
        call_id=call.call_id if call else call_id(line.node, root),
        node=line.node,
        root=root,
        channel=own.channel,
        stage=stage,
        since=since,
        began_at=call.started_at if call else group[0].began_at,
        outgoing=outgoing,
        colleague=colleague and (call is None or _is_inside(call)),
        number=_number(call, standing, own, far, outgoing=outgoing),
        name=_name(call, standing, far, outgoing=outgoing),
        called=call.called if call else standing.run.called if standing else "",
        queue=_queue(line, group),
        steps_of=standing.run.channel if standing else call.root if call and call.steps else "",
        steps=standing.run.steps if standing else 0,
        customer_code=_code(call, standing),
        by=by,
        passing=passing,
    )


def _consulted_on(line: Line, others: Sequence[Channel]) -> tuple[Group, Channel] | None:
    """What a colleague on the other end has on hold meanwhile: it is that which they ask about."""
    if len(others) != 1 or not extension_of(others[0].phone).isdigit():
        return None
    asks = others[0]
    for group in line.groups:
        for one in group:
            if one.phone != asks.phone or one is asks or not is_real(one):
                continue
            if any(not extension_of(peer.phone).isdigit() for peer in peers_of(group, one)):
                return group, one
    return None


def _consulted(
    line: Line,
    known: Mapping[str, Call],
    asked_of: tuple[Group, Channel],
    own: Channel,
    stage: Stage,
    since: datetime | None,
) -> Hand:
    """The card of whom the colleague has on hold."""
    group, asks = asked_of
    others = [one for one in group if is_real(one) and one is not asks]
    told = _told(line, known, group, asks, others, stage, since)
    return replace(told, channel=own.channel, by=extension_of(asks.phone), passing=Passing.CONSULT, outgoing=False)


def _call_of(known: Mapping[str, Call], group: Group) -> tuple[Call | None, str]:
    """The call on record that these channels are, if there is one, and the channel it follows from."""
    ids = dict.fromkeys([one.channel for one in group] + [one.linkedid for one in group])
    call = min((known[name] for name in ids if name in known), key=lambda one: one.started_at, default=None)
    if call is not None:
        return call, call.root
    lead = _lead(group)
    inner = {one.channel for one in group if one.inner}
    # Whoever began the call may have left it: its linkedid stays.
    return None, lead.channel if lead.linkedid in inner else lead.linkedid


def _lead(group: Group) -> Channel:
    return next((one for one in group if is_real(one)), group[0])


def _far(group: Group, own: Channel, others: Sequence[Channel]) -> Channel | None:
    """Whom it is with: somebody outside before one of ours, who talks before who does not."""
    peers = peers_of(group, own)
    return min(others, key=lambda one: (extension_of(one.phone).isdigit(), one not in peers), default=None)


def _standing(line: Line, group: Group) -> Standing | None:
    ids = dict.fromkeys([one.channel for one in group] + [one.linkedid for one in group])
    return next((line.standings[name] for name in ids if name in line.standings), None)


def _number(
    call: Call | None, standing: Standing | None, own: Channel, far: Channel | None, *, outgoing: bool
) -> str:
    if outgoing:
        told = call.called if call else own.exten
        return "" if told in _NO_NUMBER else told
    if standing is not None:
        return standing.run.caller
    if far is not None and extension_of(far.phone).isdigit():
        return extension_of(far.phone)
    if call is not None:  # a trunk's channel has the number of whom we called only once they answered
        return call.called if call.direction is Direction.OUTBOUND else call.caller
    return far.number if far is not None else ""


def _name(call: Call | None, standing: Standing | None, far: Channel | None, *, outgoing: bool) -> str:
    if standing is not None and standing.run.customer is not None and standing.run.customer.name:
        return standing.run.customer.name
    if outgoing:
        return ""
    return name_of(call) if call else far.number_name if far else ""


def _code(call: Call | None, standing: Standing | None) -> str:
    if standing is not None and standing.run.customer is not None:
        return standing.run.customer.code
    return call.customer_code if call else ""


def _queue(line: Line, group: Group) -> str:
    ids = {one.channel for one in group}
    return next((one.queue for one in line.waiting if one.channel in ids), "")


def _is_inside(call: Call) -> bool:
    return not call.steps and call.direction is Direction.INTERNAL


def _passed(
    line: Line, call: Call | None, standing: Standing | None, far: Channel | None, mine: str
) -> tuple[str, Passing]:
    """Who of ours had them last before this agent. The record tells what was before the daemon began to hear."""
    heard = line.past.get(far.channel, ()) if far is not None else ()
    told = heard or (call.agents if call else ())
    before = [extension for extension in told if extension != mine]
    if not before:
        return "", Passing.NONE
    gave_back = standing is not None and standing.run.talked is not None
    return before[-1], Passing.EARLIER if gave_back else Passing.TRANSFER
