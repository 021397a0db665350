"""What AMI tells: its clock, what our user may do, who is in the queues, the dialplan."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from pbx_bridge.ami.connection import AmiConnection, Fields
from pbx_bridge.ami.events import AWAY
from pbx_bridge.doctor.finding import Trouble, Unseen
from pbx_bridge.doctor.gathered import AmiTold, Member
from pbx_bridge.doctor.place import Place
from pbx_bridge.doctor.plan_of_calls import Dialplan, from_events
from pbx_bridge.errors import AmiRefused, AmiUnavailable, AsteriskError
from pbx_bridge.health import utc_now

_LIST_S = 15.0
_AWAY = {str(presence.value) for presence in AWAY}


async def ask_ami(place: Place) -> tuple[AmiTold | Unseen, Dialplan | Unseen]:
    """What it told, and the dialplan as it is loaded."""
    if place.ami_secret is None:
        unseen = Unseen("there is no password for AMI in HOME/secrets/ami")
        return unseen, unseen
    ours = place.ours
    try:
        connection = await AmiConnection.open(
            place.ami_host, ours.ami_port, ours.ami_user, place.ami_secret, trust=place.ami_trust
        )
    except AmiRefused as error:
        unseen = Unseen(str(error), Trouble.REFUSED)
        return unseen, unseen
    except AsteriskError as error:
        unseen = Unseen(str(error), Trouble.DOWN)
        return unseen, unseen
    try:
        told = AmiTold(
            version=await _version(connection),
            ahead_s=await _ahead(connection),
            actions=await _actions(connection),
            queues=await _queues(connection),
        )
        return told, await _dialplan(connection)
    finally:
        connection.close()


async def _version(connection: AmiConnection) -> str:
    try:
        return (await connection.send("CoreSettings")).get("asteriskversion", "")
    except AsteriskError:
        return ""  # our user may lack the class


async def _ahead(connection: AmiConnection) -> float | Unseen:
    before = utc_now().timestamp()
    try:
        answer = await connection.send("Ping")
    except AsteriskError as error:
        return Unseen(str(error))
    middle = (before + utc_now().timestamp()) / 2
    told = answer.get("timestamp", "")
    return float(told) - middle if told.replace(".", "", 1).isdecimal() else Unseen("AMI told no time")


async def _actions(connection: AmiConnection) -> frozenset[str] | Unseen:
    try:
        answer = await connection.send("ListCommands")
    except AsteriskError as error:
        return Unseen(str(error))
    return frozenset(answer)


async def _queues(connection: AmiConnection) -> Mapping[str, tuple[Member, ...]] | Unseen:
    try:
        events = await _list(connection, "QueueStatus", "QueueStatusComplete")
    except AsteriskError as error:
        return Unseen(str(error))
    queues: dict[str, tuple[Member, ...]] = {}
    for event in events:
        name = event.get("queue", "")
        if event["event"] == "QueueParams":
            queues.setdefault(name, ())
        elif event["event"] == "QueueMember":
            member = Member(interface=event.get("location", ""), reachable=event.get("status") not in _AWAY)
            queues[name] = (*queues.get(name, ()), member)
    return queues


async def _dialplan(connection: AmiConnection) -> Dialplan | Unseen:
    try:
        events = await _list(connection, "ShowDialPlan", "ShowDialPlanComplete")
    except AsteriskError as error:
        return Unseen(str(error))
    return from_events(event for event in events if event["event"] == "ListDialplan")


async def _list(connection: AmiConnection, action: str, end: str) -> list[Fields]:
    """The events of a list. Raises AsteriskError."""
    await connection.send(action)
    events: list[Fields] = []
    try:
        async with asyncio.timeout(_LIST_S):
            while (event := await connection.event()) is not None:
                if event["event"] == end:
                    return events
                events.append(event)
    except TimeoutError:
        raise AmiUnavailable(f"AMI did not end the list of {action} in time") from None
    raise AmiUnavailable("the AMI connection was lost")
