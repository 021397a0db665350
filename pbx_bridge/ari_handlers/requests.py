"""ARI's requests that we use, as verbs. Each knows its lane: see connection.py.

Those that take `failed` do not wait for the answer where they go over the websocket: Asterisk does what comes over it
in order, so what is asked next cannot overtake them. `failed` is then told of a refusal; over HTTP it is raised.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from urllib.parse import quote

from pbx_bridge.ari_handlers import wire
from pbx_bridge.ari_handlers.connection import AriLink, Failed

_PLAIN = re.compile(r"[A-Za-z0-9_.:~-]+").fullmatch  # as our ids are, and most of Asterisk's


class Ari:
    """Verbs over a link. All raise AriGone, AriConflict, AriUnavailable or AsteriskError."""

    def __init__(self, link: AriLink, app: str) -> None:
        self._link, self._app = link, app

    async def answer(self, channel: str) -> None:
        """Answer the call. Waits for a running playback: HTTP."""
        await self._link.http("POST", f"channels/{_id(channel)}/answer")

    async def set_variable(self, channel: str, name: str, value: str, timeout: float = 12.0) -> None:
        """Set a channel variable or function. Waits for a running playback: HTTP. A 204 proves nothing was refused
        in the dialplan's own terms: dangerous functions answer 204 and do nothing (asterisk-proved.md 9).
        """
        body = {"variable": name, "value": value}
        await self._link.http("POST", f"channels/{_id(channel)}/variable", body, timeout)

    async def set_in_silence(self, channel: str, name: str, value: str, failed: Failed) -> None:
        """The same while nothing plays on the channel, when it cannot wait: over the websocket.

        Whoever is wrong about that makes every caller wait: use it only if the end of all our playbacks was told.
        """
        await self._tell("POST", f"channels/{_id(channel)}/variable", {"variable": name, "value": value}, failed)

    async def play(self, channel: str, playback: str, media: Sequence[str], failed: Failed) -> None:
        """Play these media, one after the other, as one playback with the id we chose."""
        await self._tell("POST", f"channels/{_id(channel)}/play/{_id(playback)}", {"media": media}, failed)

    async def stop_playback(self, playback: str, failed: Failed) -> None:
        """Stop a playback, or cancel a queued one."""
        await self._tell("DELETE", f"playbacks/{_id(playback)}", None, failed)

    async def continue_at(self, channel: str, context: str, extension: str) -> None:
        """Give the channel back to the dialplan, at a place of ours (never one that a caller chose)."""
        body = {"context": context, "extension": extension, "priority": 1}
        await self._link.request("POST", f"channels/{_id(channel)}/continue", body)

    async def leave(self, channel: str) -> None:
        """Give the channel back to the dialplan right after Stasis(), where it hangs up.

        Unlike DELETE this is refused for a channel that has left us: one that a daemon, frozen for a while,
        believes its own may be talking to a person by now.
        """
        await self._link.request("POST", f"channels/{_id(channel)}/continue")

    async def originate(
        self,
        channel: str,
        endpoint: str,
        *,
        context: str,
        extension: str,
        timeout_s: int,
        variables: Mapping[str, str],
    ) -> None:
        """Ring an endpoint; who picks up goes on in the dialplan, at a place of ours. The channel gets that id.

        Returns when it rings. What came of it is on the record.
        """
        body = {
            "endpoint": endpoint,
            "context": context,
            "extension": extension,
            "priority": 1,
            "timeout": timeout_s,
            "channelId": channel,
            "variables": variables,
        }
        await self._link.http("POST", "channels", body)

    async def hang_up(self, channel: str) -> None:
        """End a channel, wherever it is. Raises AriGone for one that has ended."""
        await self._link.http("DELETE", f"channels/{_id(channel)}")

    async def channels(self) -> list[wire.Channel]:
        """Every channel of the PBX."""
        return wire.decode_channels(await self._link.http("GET", "channels"))

    async def startup(self) -> wire.Info:
        """When this Asterisk came up, and which version it is."""
        return wire.decode_info(await self._link.http("GET", "asterisk/info"))

    async def _tell(self, method: str, path: str, body: object, failed: Failed) -> None:
        if not self._link.tell(method, path, body, failed):
            await self._link.http(method, path, body)


def _id(text: str) -> str:
    return text if _PLAIN(text) else quote(text, safe=":")
