"""The agents and queues of the board. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime, timedelta

from pbx_bridge.ami.channels import Channel, Group
from pbx_bridge.ami.events import AWAY, AgentState, Presence
from pbx_bridge.web.board.calls_now import calls_of, extension_of, is_real, party_of, peers_of, talk_of
from pbx_bridge.web.board.model import Doing, Heard, LiveAgent, LiveCall, LiveQueue, State, View

_RINGS = frozenset({Presence.RINGING, Presence.RINGING_IN_CALL})


def view_of(heard: Heard) -> View:
    """The board at that moment."""
    calls = calls_of(heard)
    agents = _agents(heard, calls)
    shown = tuple(sorted(calls, key=lambda call: (call.started_at, call.key)))
    return View(calls=shown, queues=_queues(heard, agents), agents=agents, names=tuple(sorted(heard.names.items())))


def _agents(heard: Heard, calls: Iterable[LiveCall]) -> tuple[LiveAgent, ...]:
    by_phone: dict[str, list[AgentState]] = {}
    for member in heard.members:
        by_phone.setdefault(member.phone or member.interface, []).append(member)
    spoken = _by_channel_phone(heard)
    caller_names = {call.caller: call.name for call in calls if call.name}
    found = [_agent(heard, phone, members, spoken, caller_names) for phone, members in by_phone.items()]
    known = {agent.extension for agent in found}
    found += [
        LiveAgent(extension=extension, name=name, state=State.NO_QUEUE, since=None)
        for extension, name in heard.names.items()
        if extension not in known
    ]
    return tuple(sorted(found, key=lambda agent: (agent.name == "", agent.name, agent.extension)))


def _by_channel_phone(heard: Heard) -> Mapping[str, list[tuple[Channel, Group]]]:
    """The channels of each phone, with the call they belong to."""
    found: dict[str, list[tuple[Channel, Group]]] = {}
    for group in heard.groups or ():
        for one in group:
            found.setdefault(one.phone, []).append((one, group))
    return found


def _agent(
    heard: Heard,
    phone: str,
    members: Sequence[AgentState],
    spoken: Mapping[str, list[tuple[Channel, Group]]],
    caller_names: Mapping[str, str],
) -> LiveAgent:
    state, since, other = _state(heard, members, spoken.get(phone, ()))
    extension = extension_of(phone)
    paused = [member for member in members if member.paused]
    told = next((member.name for member in members if member.name not in (extension, member.interface)), "")
    return LiveAgent(
        extension=extension,
        name=heard.names.get(extension, "") or told,
        state=state,
        since=since,
        other=other,
        other_name=caller_names.get(other, ""),
        paused=bool(paused),
        reason=next((member.paused_reason for member in paused if member.paused_reason), ""),
        queues=tuple(sorted({member.queue for member in members})),
    )


def _state(
    heard: Heard, members: Sequence[AgentState], own: Collection[tuple[Channel, Group]]
) -> tuple[State, datetime | None, str]:
    for one, group in own:
        if peers := peers_of(group, one):
            talk = talk_of(one, peers)
            return (State.HOLD if talk.doing is Doing.HOLD else State.TALK), talk.since, talk.others[0]
    for one, group in own:
        if one.rings_since is not None and not one.bridge:
            lead = next((other for other in group if is_real(other) and other is not one), None)
            return State.RING, one.rings_since, party_of(lead) if lead else ""
    presences = {member.presence for member in members}
    if presences & _RINGS:
        return State.RING, None, ""
    if own or presences & {Presence.IN_CALL, Presence.BUSY, Presence.ON_HOLD}:
        return State.BUSY, min((one.began_at for one, _ in own), default=None), ""
    return _resting(heard, members, presences)


def _resting(
    heard: Heard, members: Sequence[AgentState], presences: Collection[Presence]
) -> tuple[State, datetime | None, str]:
    if not any(presence not in AWAY for presence in presences):
        return State.AWAY, None, ""
    if all(member.paused for member in members):
        return State.PAUSED, max((one.paused_at for one in members if one.paused_at), default=None), ""
    last = max((member.last_call_at for member in members if member.last_call_at), default=None)
    if last is not None and last + timedelta(seconds=_wrap_up(heard, members)) > heard.now:
        return State.WRAP_UP, last, ""
    return State.FREE, last, ""


def _wrap_up(heard: Heard, members: Sequence[AgentState]) -> int:
    return max((member.wrap_up_s for member in members), default=0) or heard.wrap_up_s


def _queues(heard: Heard, agents: Sequence[LiveAgent]) -> tuple[LiveQueue, ...]:
    names = {member.queue for member in heard.members} | {one.queue for one in heard.waiting} | set(heard.levels)
    return tuple(_queue(heard, name, agents) for name in sorted(names))


def _queue(heard: Heard, name: str, agents: Sequence[LiveAgent]) -> LiveQueue:
    waiting = [one for one in heard.waiting if one.queue == name]
    own = [agent for agent in agents if name in agent.queues]
    paused_here = {extension_of(m.phone or m.interface) for m in heard.members if m.queue == name and m.paused}
    there = [one for one in own if one.state is not State.AWAY and one.extension not in paused_here]
    return LiveQueue(
        name=name,
        waiting=len(waiting),
        first_at=min((one.at for one in waiting if one.at is not None), default=None),
        free=sum(agent.state is State.FREE for agent in there),
        there=len(there),
        members=len(own),
        level=heard.levels.get(name),
    )
