"""Scenes of waiting: who is tried, who answers, how a wait ends."""

from __future__ import annotations

import asyncio
from contextlib import suppress

from harness.scene_kit import SHORT_S, TALK_S, Told, inbound, scene
from harness.scenes import Stage, audible
from pbx_bridge.errors import PhoneError


@scene("|RINGNOANSWER|", "|CONNECT|")
async def queue_busy_then_answered(s: Stage) -> Told:
    """The first agent is busy, the second one answers."""
    queued = s.now()
    caller = await s.call("line")
    (await s.rung(1)).reject(486)
    _, talk = await s.answer(2)
    await asyncio.sleep(TALK_S)
    ended = await s.hang_up(caller)
    bob, charlie, queue = s.ext(1), s.ext(2), f"line{s.number}"
    segments = (
        ("wait", queue, "answered"),
        ("ring", bob, "busy"),
        ("ring", charlie, "answered"),
        ("talk", charlie, ""),
    )
    told = {"wait_s": talk - queued, "talk_s": ended - talk, "ended_by": "caller"}
    return inbound(s, "line", "answered", *segments, destination=charlie, agents=[charlie], **told)


@scene("|RINGNOANSWER|", "|EXITWITHTIMEOUT|")
async def queue_nobody(s: Stage) -> Told:
    """Two agents are tried, none answers, the wait times out."""
    queued = s.now()
    caller = await s.call("short")
    await s.rung(1)
    await s.rung(2)
    await caller.ended(15)
    segments = (
        ("wait", f"line{s.number}", "timeout"),
        ("ring", s.ext(1), "no_answer"),
        ("ring", s.ext(2), "no_answer"),
    )
    told = {"wait_s": s.now() - queued, "ended_by": "system"}
    return inbound(s, "short", "missed", *segments, **told) | {"about_s": 1.5}


@scene("|ABANDON|", "|RINGCANCELED|")
async def queue_abandon(s: Stage) -> Told:
    """The caller hangs up while two phones ring."""
    queued = s.now()
    caller = await s.call("all")
    await s.rung(1)
    await s.rung(2)
    await asyncio.sleep(SHORT_S)
    ended = await s.hang_up(caller)
    segments = (
        ("wait", f"all{s.number}", "abandoned"),
        ("ring", s.ext(1), "cancelled"),
        ("ring", s.ext(2), "cancelled"),
    )
    return inbound(s, "all", "abandoned_queue", *segments, wait_s=ended - queued, ended_by="caller")


@scene(present=())
async def queue_empty(s: Stage) -> Told:
    """No agent has a phone: the queue is left at once."""
    caller = await s.call("line")
    await caller.ended(10)
    return inbound(s, "line", "missed", ("wait", f"line{s.number}", "empty"), ended_by="system")


@scene("|EXITWITHKEY|9")
async def queue_key(s: Stage) -> Told:
    """The caller leaves the queue with a key."""
    caller = await s.call("line")
    await s.rung(1)
    await audible(caller)
    with suppress(PhoneError):  # Asterisk hangs up while the key is still down
        await caller.press("9")
    await caller.ended(10)
    segments = (("wait", f"line{s.number}", "key"), ("ring", s.ext(1), "cancelled"))
    return inbound(s, "line", "missed", *segments, ended_by="system")


@scene("|EXITWITHTIMEOUT|", "|CONNECT|")
async def two_queues(s: Stage) -> Told:
    """The first queue times out, an agent of the second answers."""
    caller = await s.call("twice")
    await s.rung(1)
    await s.rung(2)
    _, talk = await s.answer(1)
    await asyncio.sleep(TALK_S)
    ended = await s.hang_up(caller)
    bob = s.ext(1)
    segments = (
        ("wait", f"all{s.number}", "timeout"),
        ("ring", bob, "no_answer"),
        ("ring", s.ext(2), "no_answer"),
        ("wait", f"line{s.number}", "answered"),
        ("ring", bob, "answered"),
        ("talk", bob, ""),
    )
    told = {"talk_s": ended - talk, "ended_by": "caller", "destination": bob, "agents": [bob]}
    return inbound(s, "twice", "answered", *segments, **told)


async def _local(s: Stage, what: str) -> Told:
    caller = await s.call(what)
    await s.rung(1)
    _, talk = await s.answer(2)
    await asyncio.sleep(TALK_S)
    ended = await s.hang_up(caller)
    bob, charlie = s.ext(1), s.ext(2)
    segments = (
        ("wait", f"{what}{s.number}", "answered"),
        ("ring", bob, "cancelled"),
        ("ring", charlie, "answered"),
        ("talk", charlie, ""),
    )
    told = {"talk_s": ended - talk, "ended_by": "caller", "destination": charlie, "agents": [charlie]}
    return inbound(s, what, "answered", *segments, **told)


@scene("Local/", "LOCAL_OPTIMIZE")
async def queue_local_members(s: Stage) -> Told:
    """Members are Local channels, which Asterisk takes out once it can."""
    return await _local(s, "local")


@scene("Local/")
async def queue_local_members_kept(s: Stage) -> Told:
    """Members are Local channels that stay to the end (`/n`)."""
    return await _local(s, "localn")


@scene('"VoiceMail"', "voicemail=SUCCESS")
async def queue_voicemail(s: Stage) -> Told:
    """Nobody answers, the caller leaves a message."""
    caller = await s.call("box")
    await s.rung(1)
    await s.rung(2)
    await audible(caller)
    caller.speak()
    await asyncio.sleep(5)  # the rest of the wait, a tone, and a message of a second at least
    await s.hang_up(caller)
    segments = (
        ("wait", f"all{s.number}", "timeout"),
        ("ring", s.ext(1), "no_answer"),
        ("ring", s.ext(2), "no_answer"),
        ("voicemail", "600", ""),
    )
    told = {"destination": "600", "left_voicemail": True, "ended_by": "caller"}
    return inbound(s, "box", "voicemail", *segments, **told)


@scene('"VoiceMail"', "voicemail=FAILED", present=())
async def voicemail_not_left(s: Stage) -> Told:
    """Nobody is there, and the caller hangs up at the box's tone."""
    caller = await s.call("box")
    await audible(caller)
    await asyncio.sleep(SHORT_S)
    await s.hang_up(caller)
    segments = (("wait", f"all{s.number}", "empty"), ("voicemail", "600", "not_left"))
    return inbound(s, "box", "missed", *segments, destination="600", ended_by="caller")
