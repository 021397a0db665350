"""Scenes of one call and the agents it is handed to: plain calls, holds, transfers, parking."""

from __future__ import annotations

import asyncio
from typing import Any

from harness.scene_kit import SHORT_S, TALK_S, Told, by_agent, inbound, scene
from harness.scenes import Stage, audible

# Without a transfer


@scene('"Stasis"')
async def early_hangup(s: Stage) -> Told:
    """The caller hangs up in the greeting."""
    async with s.theatre.application():
        caller = await s.call("menu")
        await caller.answered()
        begun = s.now()
        await asyncio.sleep(SHORT_S)
        ended = await s.hang_up(caller)
    return inbound(s, "menu", "abandoned_ivr", ("ivr", "", ""), ivr_s=ended - begun, ended_by="caller")


@scene('"Stasis"', "|COMPLETEAGENT|")
async def survey_after_the_talk(s: Stage) -> Told:
    """The agent hangs up, the caller stays for the survey and leaves in it."""
    async with s.theatre.application():
        queued = s.now()
        caller = await s.call("after")
        agent, talk = await s.answer(1)
        await asyncio.sleep(TALK_S)
        left = await s.hang_up(agent)
        await asyncio.sleep(2 * SHORT_S)
        ended = await s.hang_up(caller)
    bob = s.ext(1)
    segments = (
        ("wait", f"line{s.number}", "answered"),
        ("ring", bob, "answered"),
        ("talk", bob, ""),
        ("ivr", "", ""),
    )
    told = {"wait_s": talk - queued, "talk_s": left - talk, "ivr_s": ended - left, "ended_by": "agent"}
    return inbound(s, "after", "answered", *segments, destination=bob, agents=[bob], **told)


@scene('"Dial"')
async def plain_call(s: Stage) -> Told:
    """An agent's phone rings, the agent answers, they talk, the caller hangs up."""
    begun = s.now()
    caller = await s.call("direct")
    _, talk = await s.answer(1)
    await asyncio.sleep(TALK_S)
    ended = await s.hang_up(caller)
    bob = s.ext(1)
    segments = (("ring", bob, "answered"), ("talk", bob, ""))
    told = {"ring_s": talk - begun, "talk_s": ended - talk, "ended_by": "caller"}
    return inbound(s, "direct", "answered", *segments, destination=bob, agents=[bob], **told)


@scene()
async def ring_all(s: Stage) -> Told:
    """Two phones ring, the second one answers; the silent one missed nothing."""
    begun = s.now()
    caller = await s.call("both")
    await s.rung(1)
    agent, talk = await s.answer(2)
    await asyncio.sleep(TALK_S)
    ended = await s.hang_up(agent)
    await caller.ended()
    bob, charlie = s.ext(1), s.ext(2)
    segments = (("ring", bob, "cancelled"), ("ring", charlie, "answered"), ("talk", charlie, ""))
    told = {"ring_s": talk - begun, "talk_s": ended - talk, "ended_by": "agent"}
    return inbound(s, "both", "answered", *segments, destination=charlie, agents=[charlie], **told)


@scene("Hold", "Unhold")
async def hold_resume(s: Stage) -> Told:
    """The agent holds the caller for a moment."""
    caller = await s.call("direct")
    agent, talk = await s.answer(1)
    await asyncio.sleep(SHORT_S)
    held = s.now()
    await agent.hold()
    await asyncio.sleep(TALK_S)
    resumed = s.now()
    await agent.resume()
    await asyncio.sleep(SHORT_S)
    ended = await s.hang_up(caller)
    bob = s.ext(1)
    segments = (("ring", bob, "answered"), ("talk", bob, ""), ("hold", bob, ""), ("talk", bob, ""))
    told = {"talk_s": held - talk + ended - resumed, "hold_s": resumed - held, "ended_by": "caller"}
    return inbound(s, "direct", "answered", *segments, destination=bob, agents=[bob], **told)


# Transfers


@scene("BLINDTRANSFER", "|BLINDTRANSFER|")
async def blind_transfer_answered(s: Stage) -> Told:
    """The first agent sends the caller on without asking."""
    queued = s.now()
    caller = await s.call("line")
    agent, talk = await s.answer(1)
    await asyncio.sleep(TALK_S)
    sent = await s.blind(agent, s.ext(2))
    _, again = await s.answer(2)
    await asyncio.sleep(TALK_S)
    ended = await s.hang_up(caller)
    bob, charlie, queue = s.ext(1), s.ext(2), f"line{s.number}"
    segments = (
        ("wait", queue, "answered"),
        ("ring", bob, "answered"),
        ("talk", bob, ""),
        ("ring", charlie, "answered"),
        ("talk", charlie, ""),
    )
    told = {"wait_s": talk - queued, "talk_s": sent - talk + ended - again, "ended_by": "caller"}
    who = {"destination": charlie, "agents": [bob, charlie], "transfer": "blind"}
    return inbound(s, "line", "answered", *segments, **who, **told)


@scene("BLINDTRANSFER")
async def blind_transfer_nobody(s: Stage) -> Told:
    """Sent on to a phone that nobody picks up: the call ends there."""
    caller = await s.call("line")
    agent, talk = await s.answer(1)
    await asyncio.sleep(TALK_S)
    sent = await s.blind(agent, s.ext(2))
    await s.rung(2)
    await caller.ended(10)
    bob, charlie, queue = s.ext(1), s.ext(2), f"line{s.number}"
    segments = (
        ("wait", queue, "answered"),
        ("ring", bob, "answered"),
        ("talk", bob, ""),
        ("ring", charlie, "no_answer"),
    )
    who = {"destination": charlie, "agents": [bob], "transfer": "blind"}
    return inbound(s, "line", "answered", *segments, talk_s=sent - talk, ended_by="system", **who)


async def _consulting(s: Stage, number: str) -> tuple[Any, Any, Any, float, float]:
    """Caller in the queue, first agent answers, holds, and calls `number`."""
    caller = await s.call("line")
    agent, talk = await s.answer(1)
    await asyncio.sleep(TALK_S)
    held = s.now()
    await agent.hold()
    await asyncio.sleep(SHORT_S)
    consultation = await s.dial(1, number)
    return caller, agent, consultation, talk, held


def _queue_talk(s: Stage) -> tuple[tuple[str, str, str], ...]:
    return (("wait", f"line{s.number}", "answered"), ("ring", s.ext(1), "answered"), ("talk", s.ext(1), ""))


@scene("ATTENDEDTRANSFER", "bridge2_id", "Hold")
async def attended_transfer_hold(s: Stage) -> Told:
    """The first agent holds the caller, asks a colleague, and connects them."""
    caller, agent, consultation, talk, held = await _consulting(s, s.ext(2))
    _, asked = await s.answer(2)
    await asyncio.sleep(TALK_S)
    connected = await s.attended(agent, consultation, s.ext(2))
    await asyncio.sleep(TALK_S)
    ended = await s.hang_up(caller)
    charlie = s.ext(2)
    segments = (
        *_queue_talk(s),
        ("hold", s.ext(1), ""),
        ("ring", charlie, "answered"),
        ("consult", charlie, ""),
        ("talk", charlie, ""),
    )
    told = {"talk_s": held - talk + ended - connected, "hold_s": connected - held, "consult_s": connected - asked}
    who = {"destination": charlie, "agents": [s.ext(1), charlie], "transfer": "attended", "ended_by": "caller"}
    return inbound(s, "line", "answered", *segments, **who, **told)


@scene("ATTENDEDTRANSFER", '"VoiceMail"', "voicemail=SUCCESS")
async def attended_transfer_to_voicemail(s: Stage) -> Told:
    """The first agent calls the company's box and leaves the caller with it."""
    caller, agent, consultation, talk, held = await _consulting(s, "600")
    await audible(consultation)
    connected = await s.attended(agent, consultation, "600")
    caller.speak()
    await asyncio.sleep(4)  # silence is no message, and a message has a second at least
    await s.hang_up(caller)
    segments = (*_queue_talk(s), ("hold", s.ext(1), ""), ("voicemail", "600", ""))
    told = {"talk_s": held - talk, "hold_s": connected - held, "left_voicemail": True}
    who = {"destination": "600", "agents": [s.ext(1)], "transfer": "attended", "ended_by": "caller"}
    return inbound(s, "line", "answered", *segments, **who, **told)


@scene("ATTENDEDTRANSFER")
async def blonde_transfer(s: Stage) -> Told:
    """The first agent connects while the colleague's phone still rings."""
    caller, agent, consultation, talk, held = await _consulting(s, s.ext(2))
    ringing = await s.rung(2)
    await consultation.ringing()
    await asyncio.sleep(SHORT_S)
    connected = await s.attended(agent, consultation, s.ext(2))
    await asyncio.sleep(SHORT_S)
    ringing.answer()
    again = s.now()
    await audible(ringing)
    await asyncio.sleep(TALK_S)
    ended = await s.hang_up(caller)
    charlie = s.ext(2)
    segments = (*_queue_talk(s), ("hold", s.ext(1), ""), ("ring", charlie, "answered"), ("talk", charlie, ""))
    told = {"talk_s": held - talk + ended - again, "hold_s": connected - held}
    who = {"destination": charlie, "agents": [s.ext(1), charlie], "transfer": "blonde", "ended_by": "caller"}
    return inbound(s, "line", "answered", *segments, **who, **told)


@scene("Hold", "Unhold")
async def consult_only(s: Stage) -> Told:
    """The agent holds the caller, calls a colleague, and goes on with the caller: nothing makes the two one call."""
    caller, agent, consultation, talk, held = await _consulting(s, s.ext(2))
    _, asked = await s.answer(2)
    await asyncio.sleep(TALK_S)
    asked_for = await s.hang_up(consultation) - asked
    resumed = s.now()
    await agent.resume()
    await asyncio.sleep(SHORT_S)
    ended = await s.hang_up(caller)
    bob = s.ext(1)
    segments = (*_queue_talk(s), ("hold", bob, ""), ("talk", bob, ""))
    told = {"talk_s": held - talk + ended - resumed, "hold_s": resumed - held, "ended_by": "caller"}
    call = inbound(s, "line", "answered", *segments, destination=bob, agents=[bob], **told)
    charlie = s.ext(2)
    asking = (("ring", charlie, "answered"), ("talk", charlie, ""))
    told = {"talk_s": asked_for, "destination": charlie, "agents": [bob, charlie], "ended_by": "caller"}
    return call | {"also": [by_agent(s, "internal", charlie, "answered", *asking, **told)]}


# Parking


@scene("PARK_START", "ParkedCallUnparked", "ParkedCall")
async def park_retrieve(s: Stage) -> Told:
    """The first agent parks the caller, a colleague fetches them."""
    caller = await s.call("line")
    agent, talk = await s.answer(1)
    await asyncio.sleep(TALK_S)
    parked = await s.blind(agent, "700")
    slot = await s.parked()
    await asyncio.sleep(SHORT_S)
    fetched = s.now()
    other = await s.dial(2, slot)
    await audible(other)
    await asyncio.sleep(TALK_S)
    ended = await s.hang_up(caller)
    segments = (*_queue_talk(s), ("park", slot, ""), ("talk", s.ext(2), ""))
    who = {"destination": s.ext(2), "agents": [s.ext(1), s.ext(2)], "ended_by": "caller"}
    told = {"talk_s": parked - talk + ended - fetched, "park_s": fetched - parked}
    return inbound(s, "line", "answered", *segments, **who, **told)


@scene("PARK_START", "ParkedCallTimeOut")
async def park_timeout(s: Stage) -> Told:
    """Nobody fetches the parked caller: it rings at who parked them."""
    caller = await s.call("line")
    agent, talk = await s.answer(1)
    await asyncio.sleep(TALK_S)
    parked = await s.blind(agent, "700")
    slot = await s.parked()
    _, again = await s.answer(1)
    await asyncio.sleep(TALK_S)
    ended = await s.hang_up(caller)
    bob = s.ext(1)
    segments = (*_queue_talk(s), ("park", slot, ""), ("ring", bob, "answered"), ("talk", bob, ""))
    told = {"talk_s": parked - talk + ended - again, "ended_by": "caller"}
    return inbound(s, "line", "answered", *segments, destination=bob, agents=[bob], **told)


@scene("PARK_START", "PARK_END")
async def park_abandoned(s: Stage) -> Told:
    """The parked caller hangs up."""
    caller = await s.call("line")
    agent, talk = await s.answer(1)
    await asyncio.sleep(TALK_S)
    parked = await s.blind(agent, "700")
    slot = await s.parked()
    await asyncio.sleep(SHORT_S)
    ended = await s.hang_up(caller)
    bob = s.ext(1)
    segments = (*_queue_talk(s), ("park", slot, ""))
    told = {"talk_s": parked - talk, "park_s": ended - parked, "ended_by": "caller"}
    return inbound(s, "line", "answered", *segments, destination=bob, agents=[bob], **told)
