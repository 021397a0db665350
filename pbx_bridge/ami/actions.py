"""What we ask Asterisk to do over AMI: hand a talk on, set off a feature on an agent's side, pause, stop recording.

A channel is named by its uniqueid, which Asterisk takes as well as a name. Two classes are needed: `call` for what is
done with a talk, `agent` for pauses. Whether our user has them Asterisk tells (`ListCommands`).
"""

from __future__ import annotations

import enum
from collections.abc import Awaitable, Callable

from pbx_bridge.errors import AmiForbidden, AmiUnavailable, AsteriskError

Send = Callable[..., Awaitable[dict[str, str]]]
"""AmiLink.send."""

HOLD_KEYS = "DD"  # asterisk-conf/features.conf.j2: no phone has such keys
RESUME_KEYS = "D"  # any key ends it


class Right(enum.StrEnum):
    """A class of AMI that our user needs in `write`."""

    CALL = "call"
    AGENT = "agent"


_NEEDED = {
    "BlindTransfer": Right.CALL,
    "Atxfer": Right.CALL,
    "CancelAtxfer": Right.CALL,
    "PlayDTMF": Right.CALL,
    "StopMixMonitor": Right.CALL,
    "QueuePause": Right.AGENT,
}


class Actions:
    """The actions. All may raise AmiUnavailable, AmiForbidden, AsteriskError, and ValueError for a line break.

    Args:
        hears_keys: whether an Asterisk of that version takes keys as if a phone had sent them; an older one would
            play them to whoever is on that phone. None: it is believed to.
    """

    def __init__(self, send: Send, hears_keys: Callable[[str], bool] | None = None) -> None:
        self._send, self._hears_keys = send, hears_keys

    async def blind_transfer(self, channel: str, context: str, exten: str) -> None:
        """Whoever talks with this channel goes on at that place of the dialplan; the channel's call is over."""
        await self._do("BlindTransfer", Channel=channel, Context=context, Exten=exten)

    async def attended_transfer(self, channel: str, context: str, exten: str) -> None:
        """This channel calls that extension while the other side hears music; when it hangs up, those two talk."""
        await self._do("Atxfer", Channel=channel, Context=context, Exten=exten)

    async def cancel_transfer(self, channel: str) -> None:
        """Back from there to whom it talked with."""
        await self._do("CancelAtxfer", Channel=channel)

    async def stop_recording(self, channel: str) -> None:
        """This channel is recorded no longer."""
        await self._do("StopMixMonitor", Channel=channel)

    async def press(self, channel: str, keys: str) -> None:
        """As if the phone of this channel had sent these keys."""
        await self._check_keys()
        for key in keys:
            await self._do("PlayDTMF", Channel=channel, Digit=key, Receive="true")

    async def pause(self, interface: str, reason: str) -> None:
        """No queue rings this member, until `available`."""
        await self._do("QueuePause", Interface=interface, Paused="true", Reason=reason)

    async def available(self, interface: str) -> None:
        """Every queue of theirs may ring this member."""
        await self._do("QueuePause", Interface=interface, Paused="false")

    async def missing(self) -> frozenset[Right]:
        """Which rights our user lacks; none of an Asterisk that lists nothing."""
        known = await self._send("ListCommands")
        if "listcommands" not in known:
            return frozenset()
        return frozenset(right for action, right in _NEEDED.items() if action.lower() not in known)

    async def _check_keys(self) -> None:
        if self._hears_keys is None:
            return
        try:
            version = (await self._send("CoreSettings")).get("asteriskversion", "")
        except AmiUnavailable:
            raise
        except AsteriskError:  # our user may not ask: then it is tried
            return
        if not self._hears_keys(version):
            raise AsteriskError(f"Asterisk {version} takes no keys for a phone: upgrade within its branch")

    async def _do(self, action: str, **fields: str) -> None:
        try:
            await self._send(action, **fields)
        except AsteriskError as error:
            if "Permission denied" in str(error):
                raise AmiForbidden(_NEEDED[action]) from error
            raise
