"""The websocket to ARI: picows', which hands each message on, and sends, without a task or a turn of the loop."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Final

import aiohttp
from picows import WSError, WSFrame, WSHandshakeError, WSListener, WSMsgType, WSTransport, ws_connect

from pbx_bridge.errors import AriRefused, AriUnavailable
from pbx_bridge.tls import Trust

HEARTBEAT: Final = 5.0  # seconds of silence after which we PING, and then to the PONG; Asterisk never asks
_MOST_BYTES: Final = 4 * 1024 * 1024  # of one message, and of requests waiting for a peer that does not read
_HANDSHAKE = 5.0  # seconds
_CLOSE: Final = 2.0  # seconds for what we said last to reach the peer
_TEXT, _MORE, _CLOSED = WSMsgType.TEXT, WSMsgType.CONTINUATION, WSMsgType.CLOSE

OnMessage = Callable[[bytes], None]


class Socket(WSListener):
    """One connection. `closed` is done when it has ended, whoever ended it."""

    def __init__(self, on_message: OnMessage) -> None:
        self._on_message = on_message
        self._transport: WSTransport | None = None
        self._early: list[bytes] | None = []  # what came before `begin`
        self._parts: list[bytes] = []  # of a message that comes in several frames
        self._full = False
        self.connected = False  # the handshake was finished
        self.closed: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def send(self, text: bytes) -> None:
        """Send a text message. Raises AriUnavailable when that cannot be."""
        if self._transport is None:
            raise AriUnavailable("ARI is not connected")
        if self._full:
            raise AriUnavailable("Asterisk does not read what we ask")
        self._transport.send(_TEXT, text)

    def begin(self) -> None:
        """Hand on what came so far, and from now on each message as it comes."""
        early, self._early = self._early or (), None
        for message in early:
            self._on_message(message)

    def close(self) -> None:
        """Begin to leave; `closed` is done soon after."""
        transport, self._transport = self._transport, None
        if transport is not None:
            transport.send_close()
            transport.disconnect()
            asyncio.get_running_loop().call_later(_CLOSE, self._cut, transport)

    def _cut(self, transport: WSTransport) -> None:
        if not self.closed.done():
            transport.disconnect(graceful=False)

    def _take(self, message: bytes) -> None:
        if self._early is None:
            self._on_message(message)
        else:
            self._early.append(message)

    # --- picows' side ---

    def on_ws_connected(self, transport: WSTransport) -> None:
        """See WSListener."""
        transport.underlying_transport.set_write_buffer_limits(_MOST_BYTES)
        self._transport, self.connected = transport, True

    def on_ws_frame(self, transport: WSTransport, frame: WSFrame) -> None:
        """See WSListener."""
        kind = frame.msg_type
        if kind is _TEXT and frame.fin:
            self._take(frame.get_payload_as_bytes())
        elif kind is _TEXT or kind is _MORE:
            self._parts.append(frame.get_payload_as_bytes())
            if sum(map(len, self._parts)) > _MOST_BYTES:
                self.close()
            elif frame.fin:
                parts, self._parts = self._parts, []
                self._take(b"".join(parts))
        elif kind is _CLOSED:
            self.close()

    def on_ws_disconnected(self, transport: WSTransport) -> None:
        """See WSListener."""
        self._transport = None
        if not self.closed.done():
            self.closed.set_result(None)

    def pause_writing(self) -> None:
        """See WSListener."""
        self._full = True

    def resume_writing(self) -> None:
        """See WSListener."""
        self._full = False


@asynccontextmanager
async def open_socket(
    session: aiohttp.ClientSession,
    url: str,
    *,
    on_open: Callable[[], None],
    on_message: OnMessage,
    trust: Trust | None = None,
) -> AsyncIterator[Socket]:
    """A websocket at an http or https address; `on_open` is called before the first message.

    Args:
        session: who we are there stands in its headers.

    Raises AriUnavailable, or AriRefused for a wrong user or password.
    """
    socket = Socket(on_message)
    try:
        async with asyncio.timeout(_HANDSHAKE):  # one that hangs must not cost callers more than this
            await _connect(socket, session, url, trust.context if trust is not None else None)
    except WSHandshakeError as error:
        status = error.response.status if error.response is not None else 0
        if status in (401, 403):
            where = url.partition("/events")[0]
            raise AriRefused(f"ARI at {where} refused our user or password (HTTP {status})") from error
        raise AriUnavailable(f"no websocket answers there: {f'HTTP {status}' if status else error}") from error
    except TimeoutError as error:
        raise AriUnavailable(f"no answer within {_HANDSHAKE:g} s") from error
    except (WSError, OSError) as error:
        raise AriUnavailable(trust.reason(error) if trust else str(error) or type(error).__name__) from error
    on_open()
    socket.begin()
    try:
        yield socket
    finally:
        socket.close()
        await asyncio.wait({socket.closed}, timeout=2 * _CLOSE)


async def _connect(socket: Socket, session: aiohttp.ClientSession, url: str, context: ssl.SSLContext | None) -> None:
    await ws_connect(
        lambda: socket,
        url.replace("http", "ws", 1),
        ssl_context=context,
        extra_headers=dict(session.headers),
        max_redirects=0,  # our password is for this address
        max_frame_size=_MOST_BYTES,
        enable_auto_ping=True,
        auto_ping_idle_timeout=HEARTBEAT,
        auto_ping_reply_timeout=HEARTBEAT,
        disconnect_on_exception=False,
        use_aiofastnet=False,  # TLS is Python's own, as everywhere here
    )
    if not socket.connected:  # picows takes a connection that is cut in the handshake for one
        raise ConnectionResetError("the connection was cut in the handshake")
