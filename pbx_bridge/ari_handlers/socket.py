"""The websocket to ARI: aiohttp's, with requests that are sent without waiting for their turn.

Two tasks per connection: one hands every message on, one sends what was asked to be sent, in order.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from typing import Final, Literal

import aiohttp

from pbx_bridge.errors import AriRefused, AriUnavailable

HEARTBEAT: Final = 15.0  # seconds between PINGs of ours; Asterisk sends none
_MOST_BYTES: Final = 4 * 1024 * 1024  # of one message
_MOST_UNSENT: Final = 10_000  # requests waiting for a peer that does not read
_HANDSHAKE = 5.0  # seconds
_CLOSE: Final = aiohttp.ClientWSTimeout(ws_close=2.0)


class Socket:
    """One connection. `closed` is done when it has ended, whoever ended it."""

    def __init__(self, websocket: aiohttp.ClientWebSocketResponse[Literal[False]]) -> None:
        self._websocket = websocket
        self._unsent: deque[bytes] = deque()
        self._some = asyncio.Event()
        self.closed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._leaving = asyncio.Event()

    def send(self, text: bytes) -> None:
        """Send a text message. Raises AriUnavailable when that cannot be."""
        if self.closed.done() or self._leaving.is_set():
            raise AriUnavailable("ARI is not connected")
        if len(self._unsent) >= _MOST_UNSENT:
            raise AriUnavailable("Asterisk does not read what we ask")
        self._unsent.append(text)
        self._some.set()

    def close(self) -> None:
        """Begin to leave; `closed` is done soon after."""
        self._leaving.set()
        self._some.set()

    async def read(self, on_message: Callable[[bytes], None]) -> None:
        """Hand on every message until the connection ends."""
        try:
            async for message in self._websocket:
                on_message(message.data)
        finally:
            self.closed.set_result(None)

    async def write(self) -> None:
        """Send what comes, until asked to leave."""
        while not self._leaving.is_set():
            await self._some.wait()
            self._some.clear()
            while self._unsent:
                await self._websocket.send_frame(self._unsent.popleft(), aiohttp.WSMsgType.TEXT)
        await self._websocket.close()


@asynccontextmanager
async def open_socket(
    session: aiohttp.ClientSession, url: str, *, on_open: Callable[[], None], on_message: Callable[[bytes], None]
) -> AsyncIterator[Socket]:
    """A websocket at an http or https address; `on_open` is called before the first message.

    Raises AriUnavailable, or AriRefused for a wrong user or password.
    """
    try:
        async with asyncio.timeout(_HANDSHAKE):  # one that hangs must not cost callers more than this
            websocket = await session.ws_connect(
                url, heartbeat=HEARTBEAT, max_msg_size=_MOST_BYTES, timeout=_CLOSE, decode_text=False
            )
    except aiohttp.WSServerHandshakeError as error:
        if error.status in (401, 403):
            where = url.partition("/events")[0]
            raise AriRefused(f"ARI at {where} refused our user or password (HTTP {error.status})") from error
        raise AriUnavailable(f"no websocket answers there: HTTP {error.status}") from error
    except (aiohttp.ClientError, OSError, TimeoutError, AssertionError) as error:
        # aiohttp asserts its transport, which is gone if the connection was cut right after the handshake.
        raise AriUnavailable(str(error) or type(error).__name__) from error
    socket = Socket(websocket)
    on_open()
    tasks = (
        asyncio.create_task(socket.read(on_message), name="ari-reader"),
        asyncio.create_task(_write(socket), name="ari-writer"),
    )
    try:
        yield socket
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await websocket.close()


async def _write(socket: Socket) -> None:
    with suppress(aiohttp.ClientError, OSError):  # the reader sees the same end
        await socket.write()
