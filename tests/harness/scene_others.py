"""More scenes: pickup, forwards, a conference, and calls that agents place."""

from __future__ import annotations

import asyncio

from harness.scene_kit import SHORT_S, TALK_S, Told, by_agent, inbound, scene
from harness.scenes import Stage, audible


@scene("PICKUP")
async def pickup(s: Stage) -> Told:
    """It rings at the first agent's, a colleague takes it."""
    caller = await s.call("direct")
    await s.rung(1)
    await asyncio.sleep(SHORT_S)
    taken = s.now()
    other = await s.dial(2, f"**{s.ext(1)}")
    await audible(other)
    await asyncio.sleep(TALK_S)
    ended = await s.hang_up(caller)
    bob, charlie = s.ext(1), s.ext(2)
    segments = (("ring", bob, "picked_up"), ("talk", charlie, ""))
    told = {"talk_s": ended - taken, "ended_by": "caller", "destination": charlie, "agents": [charlie]}
    return inbound(s, "direct", "answered", *segments, **told)


@scene("PICKUP")
async def pickup_from_queue(s: Stage) -> Told:
    """A queue rings the first agent, a colleague takes it."""
    queued = s.now()
    caller = await s.call("line")
    await s.rung(1)
    await asyncio.sleep(SHORT_S)
    taken = s.now()
    other = await s.dial(3, f"**{s.ext(1)}")
    await audible(other)
    await asyncio.sleep(TALK_S)
    ended = await s.hang_up(caller)
    bob, third = s.ext(1), s.ext(3)
    segments = (("wait", f"line{s.number}", "answered"), ("ring", bob, "picked_up"), ("talk", third, ""))
    told = {"wait_s": taken - queued, "talk_s": ended - taken, "ended_by": "caller"}
    return inbound(s, "line", "answered", *segments, destination=third, agents=[third], **told)


async def _forwarded(s: Stage, first: tuple[tuple[str, str, str], ...]) -> Told:
    """What follows once it rings at the second agent's."""
    caller = await s.call("direct")
    if first:
        ringing = await s.rung(1)
        if first[0][2] == "busy":
            ringing.reject(486)
    _, talk = await s.answer(2)
    await asyncio.sleep(TALK_S)
    ended = await s.hang_up(caller)
    charlie = s.ext(2)
    segments = (*first, ("ring", charlie, "answered"), ("talk", charlie, ""))
    told = {"talk_s": ended - talk, "ended_by": "caller", "destination": charlie, "agents": [charlie]}
    return inbound(s, "direct", "answered", *segments, **told)


@scene()
async def forward_always(s: Stage) -> Told:
    """The PBX sends every call of the first agent's to a colleague."""
    await s.theatre.database("put", "pbxb-always", s.ext(1), s.ext(2))
    try:
        return await _forwarded(s, ())
    finally:
        await s.theatre.database("del", "pbxb-always", s.ext(1))


@scene()
async def forward_busy(s: Stage) -> Told:
    """The first agent is busy: the PBX calls a colleague."""
    await s.theatre.database("put", "pbxb-busy", s.ext(1), s.ext(2))
    try:
        return await _forwarded(s, (("ring", s.ext(1), "busy"),))
    finally:
        await s.theatre.database("del", "pbxb-busy", s.ext(1))


@scene()
async def forward_no_answer(s: Stage) -> Told:
    """The first agent does not answer: the PBX calls a colleague."""
    await s.theatre.database("put", "pbxb-noanswer", s.ext(1), s.ext(2))
    try:
        return await _forwarded(s, (("ring", s.ext(1), "no_answer"),))
    finally:
        await s.theatre.database("del", "pbxb-noanswer", s.ext(1))


@scene("FORWARD")
async def forward_by_phone(s: Stage) -> Told:
    """The first agent's phone answers 302: it was told to send calls to a colleague."""
    caller = await s.call("direct")
    (await s.rung(1)).redirect(f"sip:{s.ext(2)}@{s.server}")
    _, talk = await s.answer(2)
    await asyncio.sleep(TALK_S)
    ended = await s.hang_up(caller)
    charlie = s.ext(2)
    segments = (("ring", s.ext(1), "forwarded"), ("ring", charlie, "answered"), ("talk", charlie, ""))
    told = {"talk_s": ended - talk, "ended_by": "caller", "destination": charlie, "agents": [charlie]}
    return inbound(s, "direct", "answered", *segments, **told)


@scene('"ConfBridge"')
async def conference(s: Stage) -> Told:
    """The first agent sends the caller into the room; both agents go there; the caller leaves first."""
    caller = await s.call("line")
    agent, talk = await s.answer(1)
    await asyncio.sleep(SHORT_S)
    sent = await s.blind(agent, "800")
    joined = s.now()
    first = await s.dial(1, "800")
    await audible(first)
    await asyncio.sleep(SHORT_S)
    second = await s.dial(2, "800")
    await audible(second)
    await asyncio.sleep(TALK_S)
    ended = await s.hang_up(caller)
    await s.hang_up(first)
    await s.hang_up(second)
    bob, charlie = s.ext(1), s.ext(2)
    segments = (
        ("wait", f"line{s.number}", "answered"),
        ("ring", bob, "answered"),
        ("talk", bob, ""),
        ("talk", bob, ""),
        ("talk", charlie, ""),
    )
    who = {"destination": charlie, "agents": [bob, charlie], "transfer": "blind", "ended_by": "caller"}
    return inbound(s, "line", "answered", *segments, talk_s=sent - talk + ended - joined, **who)


# Calls that agents place


def _number(s: Stage) -> str:
    return f"0935{s.caller_number[-7:]}"


@scene("@trunk")
async def outbound_answered(s: Stage) -> Told:
    """An agent calls a customer, who answers."""
    number, begun = _number(s), s.now()
    call = await s.dial(1, number)
    customer = await s.world.rung(number)
    await asyncio.sleep(SHORT_S)
    customer.answer()
    talk = s.now()
    await audible(customer)
    await asyncio.sleep(TALK_S)
    ended = await s.hang_up(customer)
    await call.ended()
    segments = (("ring", number, "answered"), ("talk", s.ext(1), ""))
    told = {"ring_s": talk - begun, "talk_s": ended - talk, "destination": number, "agents": [s.ext(1)]}
    return by_agent(s, "outbound", number, "answered", *segments, ended_by="caller", **told)


async def _unanswered(s: Stage, outcome: str, status: int) -> Told:
    number = _number(s)
    call = await s.dial(1, number)
    customer = await s.world.rung(number)
    await asyncio.sleep(SHORT_S)
    if status:
        customer.reject(status)
    await call.ended(15)
    told = {"destination": number, "ended_by": "caller" if status else "system"}
    return by_agent(s, "outbound", number, outcome, ("ring", number, outcome), **told)


@scene()
async def outbound_busy(s: Stage) -> Told:
    """The customer's line is busy."""
    return await _unanswered(s, "busy", 486)


@scene()
async def outbound_rejected(s: Stage) -> Told:
    """The customer declines."""
    return await _unanswered(s, "rejected", 603)


@scene()
async def outbound_no_answer(s: Stage) -> Told:
    """The customer does not answer."""
    return await _unanswered(s, "no_answer", 0)


@scene()
async def outbound_cancelled(s: Stage) -> Told:
    """The agent gives up while it rings."""
    number = _number(s)
    call = await s.dial(1, number)
    customer = await s.world.rung(number)
    await call.ringing()
    await asyncio.sleep(SHORT_S)
    await s.hang_up(call)
    await customer.ended()
    told = {"destination": number, "ended_by": "agent"}
    return by_agent(s, "outbound", number, "cancelled", ("ring", number, "cancelled"), **told)


@scene()
async def internal_call(s: Stage) -> Told:
    """One agent calls another."""
    begun = s.now()
    call = await s.dial(1, s.ext(2))
    _, talk = await s.answer(2)
    await asyncio.sleep(TALK_S)
    ended = await s.hang_up(call)
    bob, charlie = s.ext(1), s.ext(2)
    segments = (("ring", charlie, "answered"), ("talk", charlie, ""))
    told = {"ring_s": talk - begun, "talk_s": ended - talk, "destination": charlie}
    return by_agent(s, "internal", charlie, "answered", *segments, ended_by="caller", agents=[bob, charlie], **told)


@scene()
async def internal_no_answer(s: Stage) -> Told:
    """One agent calls another, who does not answer."""
    call = await s.dial(1, s.ext(2))
    await s.rung(2)
    await call.ended(10)
    told = {"destination": s.ext(2), "ended_by": "system"}
    return by_agent(s, "internal", s.ext(2), "no_answer", ("ring", s.ext(2), "no_answer"), **told)


# Combinations


@scene("BLINDTRANSFER")
async def transferred_twice(s: Stage) -> Told:
    """Sent on by the first agent, and again by the second."""
    caller = await s.call("line")
    agent, talk = await s.answer(1)
    await asyncio.sleep(TALK_S)
    sent = await s.blind(agent, s.ext(2))
    agent, second = await s.answer(2)
    await asyncio.sleep(TALK_S)
    sent_again = await s.blind(agent, s.ext(3))
    _, third = await s.answer(3)
    await asyncio.sleep(TALK_S)
    ended = await s.hang_up(caller)
    people = [s.ext(person) for person in (1, 2, 3)]
    rings = [(("ring", who, "answered"), ("talk", who, "")) for who in people]
    told = {"talk_s": sent - talk + sent_again - second + ended - third, "ended_by": "caller"}
    who = {"destination": people[2], "agents": people, "transfer": "blind"}
    segments = (("wait", f"line{s.number}", "answered"), *rings[0], *rings[1], *rings[2])
    return inbound(s, "line", "answered", *segments, **who, **told)


@scene("BLINDTRANSFER", "@trunk")
async def transferred_outside(s: Stage) -> Told:
    """The agent sends the caller on to a number outside."""
    number = _number(s)
    caller = await s.call("line")
    agent, talk = await s.answer(1)
    await asyncio.sleep(TALK_S)
    sent = await s.blind(agent, number)
    outside = await s.world.rung(number)
    await asyncio.sleep(SHORT_S)
    outside.answer()
    again = s.now()
    await audible(outside)
    await asyncio.sleep(TALK_S)
    ended = await s.hang_up(caller)
    bob = s.ext(1)
    segments = (
        ("wait", f"line{s.number}", "answered"),
        ("ring", bob, "answered"),
        ("talk", bob, ""),
        ("ring", number, "answered"),
        ("talk", number, ""),
    )
    told = {"talk_s": sent - talk + ended - again, "ended_by": "caller"}
    who = {"destination": number, "agents": [bob], "transfer": "blind"}
    return inbound(s, "line", "answered", *segments, **who, **told)


@scene("BLINDTRANSFER")
async def outbound_transferred(s: Stage) -> Told:
    """An agent calls a customer and sends them on to a colleague."""
    number = _number(s)
    call = await s.dial(1, number)
    customer = await s.world.rung(number)
    await asyncio.sleep(SHORT_S)
    customer.answer()
    talk = s.now()
    await audible(call)
    await asyncio.sleep(TALK_S)
    sent = await s.blind(call, s.ext(2))
    _, again = await s.answer(2)
    await asyncio.sleep(TALK_S)
    ended = await s.hang_up(customer)
    bob, charlie = s.ext(1), s.ext(2)
    segments = (
        ("ring", number, "answered"),
        ("talk", bob, ""),
        ("ring", charlie, "answered"),
        ("talk", charlie, ""),
    )
    told = {"talk_s": sent - talk + ended - again, "destination": number, "agents": [bob, charlie]}
    return by_agent(s, "outbound", number, "answered", *segments, transfer="blind", ended_by="caller", **told)


@scene("Hold")
async def hangup_on_hold(s: Stage) -> Told:
    """The caller has had enough of the hold."""
    caller = await s.call("direct")
    agent, talk = await s.answer(1)
    await asyncio.sleep(TALK_S)
    held = s.now()
    await agent.hold()
    await asyncio.sleep(TALK_S)
    ended = await s.hang_up(caller)
    bob = s.ext(1)
    segments = (("ring", bob, "answered"), ("talk", bob, ""), ("hold", bob, ""))
    told = {"talk_s": held - talk, "hold_s": ended - held, "ended_by": "caller"}
    return inbound(s, "direct", "answered", *segments, destination=bob, agents=[bob], **told)


@scene('"BUSY"')
async def direct_busy(s: Stage) -> Told:
    """The agent dialled is busy, and nothing else is tried."""
    caller = await s.call("direct")
    (await s.rung(1)).reject(486)
    await caller.ended(10)
    bob = s.ext(1)
    return inbound(s, "direct", "missed", ("ring", bob, "busy"), destination=bob, ended_by="system")


@scene()
async def direct_cancelled(s: Stage) -> Told:
    """The caller hangs up while the agent's phone rings."""
    caller = await s.call("direct")
    await s.rung(1)
    await asyncio.sleep(SHORT_S)
    await s.hang_up(caller)
    bob = s.ext(1)
    segments = (("ring", bob, "cancelled"),)
    return inbound(s, "direct", "missed", *segments, destination=bob, ended_by="caller")


@scene("Hold", "Unhold")
async def consult_refused(s: Stage) -> Told:
    """The colleague declines to be asked; the agent goes on with the caller."""
    caller = await s.call("line")
    agent, talk = await s.answer(1)
    await asyncio.sleep(TALK_S)
    held = s.now()
    await agent.hold()
    consultation = await s.dial(1, s.ext(2))
    ringing = await s.rung(2)
    await asyncio.sleep(SHORT_S)
    ringing.reject(486)
    await consultation.ended()
    resumed = s.now()
    await agent.resume()
    await asyncio.sleep(TALK_S)
    ended = await s.hang_up(caller)
    bob, charlie = s.ext(1), s.ext(2)
    segments = (
        ("wait", f"line{s.number}", "answered"),
        ("ring", bob, "answered"),
        ("talk", bob, ""),
        ("hold", bob, ""),
        ("talk", bob, ""),
    )
    told = {"talk_s": held - talk + ended - resumed, "hold_s": resumed - held, "ended_by": "caller"}
    call = inbound(s, "line", "answered", *segments, destination=bob, agents=[bob], **told)
    asking = by_agent(s, "internal", charlie, "busy", ("ring", charlie, "busy"), destination=charlie, ended_by="")
    return call | {"also": [{key: value for key, value in asking.items() if key != "ended_by"}]}
