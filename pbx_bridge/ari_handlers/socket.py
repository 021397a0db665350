"""A websocket to ARI: RFC 6455 as a client needs it of one known server, straight on asyncio's transport.

Every message of every call passes here. A general client brings each one through a queue and a task of its own,
which costs several times what the message itself does (see `make bench`); this one calls `on_message` from the
transport. No extensions, no compression: none is offered, so none may be used (RFC 6455, 9.1).
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import os
import random
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Final
from urllib.parse import urlsplit

from pbx_bridge.errors import AriRefused, AriUnavailable

HEARTBEAT: Final = 15.0  # seconds between PINGs of ours; Asterisk sends none
CONNECT_TIMEOUT: Final = 10.0  # seconds from the first packet to the upgrade's answer
MOST_BYTES: Final = 4 * 1024 * 1024  # of one message
_MOST_UNSENT: Final = 1024 * 1024  # bytes waiting for a peer that does not read
_MOST_HEAD: Final = 16 * 1024  # bytes of the upgrade's answer
_CLOSE_TIMEOUT: Final = 2.0
_GUID: Final = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"  # RFC 6455, 1.3

_CONTINUATION, _TEXT, _BINARY, _CLOSE, _PING, _PONG = 0x0, 0x1, 0x2, 0x8, 0x9, 0xA
_FIN = 0x80


class Socket(asyncio.Protocol):
    """One connection. `on_message` is called for each message, in order; it must not block or raise."""

    def __init__(
        self, head: bytes, accept: str, on_open: Callable[[], None], on_message: Callable[[bytes], None]
    ) -> None:
        self._head, self._accept, self._on_open, self._on_message = head, accept, on_open, on_message
        loop = asyncio.get_running_loop()
        self.upgraded: asyncio.Future[None] = loop.create_future()
        self.closed: asyncio.Future[None] = loop.create_future()
        self._loop = loop
        self._transport: asyncio.Transport | None = None
        self._data = b""
        self._parts: list[bytes] = []
        self._alive = True
        self._heart: asyncio.TimerHandle | None = None

    # --- what its owner does ---

    def send(self, text: bytes) -> None:
        """Send a text message. Raises AriUnavailable when that cannot be."""
        self._write(_TEXT, text)

    def close(self) -> None:
        """Say good-bye; `closed` is done when the peer has answered, or after two seconds."""
        if self._transport is not None and not self._transport.is_closing():
            self._frame(_CLOSE, (1000).to_bytes(2, "big"))
            self._loop.call_later(_CLOSE_TIMEOUT, self._transport.abort)

    # --- asyncio.Protocol ---

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """See asyncio.Protocol."""
        assert isinstance(transport, asyncio.Transport)  # noqa: S101 - asyncio's word for a stream
        self._transport = transport
        transport.write(self._head)

    def connection_lost(self, error: Exception | None) -> None:
        """See asyncio.Protocol."""
        self._transport = None
        if self._heart is not None:
            self._heart.cancel()
        if not self.upgraded.done():
            self._fail(AriUnavailable(f"the connection was closed: {error or 'no answer'}"))
        if not self.closed.done():
            self.closed.set_result(None)

    def data_received(self, data: bytes) -> None:
        """See asyncio.Protocol."""
        self._alive = True
        if self._data:
            data = self._data + data
        if not self.upgraded.done():
            self._data = data
            self._upgrade()
        else:
            self._data = self._take(data)

    # --- the upgrade ---

    def _upgrade(self) -> None:
        head, end, rest = self._data.partition(b"\r\n\r\n")
        if not end:
            if len(head) > _MOST_HEAD:
                self._refuse(AriUnavailable("no websocket answers there"))
            return
        first, *lines = head.decode("latin-1").split("\r\n")
        status = first.split(" ", 2)[1] if first.startswith("HTTP/1.1 ") else ""
        headers = {name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        if status in ("401", "403"):
            self._refuse(AriRefused(f"Asterisk refused our user or password (HTTP {status})"))
        elif status != "101" or headers.get("sec-websocket-accept") != self._accept:
            self._refuse(AriUnavailable(f"no websocket answers there: {first[:80]}"))
        else:
            self.upgraded.set_result(None)
            self._on_open()
            self._heart = self._loop.call_later(HEARTBEAT, self._beat)
            self._data = self._take(rest)

    def _refuse(self, error: Exception) -> None:
        self._fail(error)
        self._abort()

    def _fail(self, error: Exception) -> None:
        self.upgraded.set_exception(error)
        self.upgraded.exception()  # seen, also when nobody waits any more

    # --- frames, RFC 6455, 5.2 ---

    def _take(self, data: bytes) -> bytes:
        """Handle every whole frame; what is left of a torn one."""
        at, length = 0, len(data)
        while length - at >= 2:
            first, size = data[at], data[at + 1]
            begin = at + 2
            if size >= 126:
                begin += 2 if size == 126 else 8
                if length < begin:
                    break
                size = int.from_bytes(data[at + 2 : begin], "big") if size < 128 else MOST_BYTES + 1
            if size > MOST_BYTES:  # masked frames too: no server sends them
                self._abort()
                return b""
            if length < begin + size:
                break
            at = begin + size
            self._frame_came(first, data[begin:at])
        return data[at:]

    def _frame_came(self, first: int, payload: bytes) -> None:
        match first:
            case 0x81 | 0x82:  # a whole text or binary message
                self._on_message(payload)
            case 0x01 | 0x02 | 0x00 | 0x80:
                self._part_came(payload, last=bool(first & _FIN))
            case 0x88:
                self._frame(_CLOSE, payload[:2])
                if self._transport is not None:
                    self._transport.close()
            case 0x89:
                self._frame(_PONG, payload)
            case 0x8A:
                pass  # it lives: noted already
            case _:
                self._abort()

    def _part_came(self, payload: bytes, *, last: bool) -> None:
        self._parts.append(payload)
        if sum(map(len, self._parts)) > MOST_BYTES:
            self._abort()
        elif last:
            whole, self._parts = b"".join(self._parts), []
            self._on_message(whole)

    def _write(self, opcode: int, payload: bytes) -> None:
        transport = self._transport
        if transport is None or transport.is_closing():
            raise AriUnavailable("ARI is not connected")
        if transport.get_write_buffer_size() > _MOST_UNSENT:
            raise AriUnavailable("Asterisk does not read what we ask")
        self._frame(opcode, payload)

    def _frame(self, opcode: int, payload: bytes) -> None:
        if self._transport is None or self._transport.is_closing():
            return
        size = len(payload)
        if size < 126:
            head = bytes((_FIN | opcode, 0x80 | size))
        elif size < 65536:
            head = bytes((_FIN | opcode, 0x80 | 126)) + size.to_bytes(2, "big")
        else:
            head = bytes((_FIN | opcode, 0x80 | 127)) + size.to_bytes(8, "big")
        mask = random.getrandbits(32).to_bytes(4, "big")  # hides nothing: RFC 6455, 10.3
        key = (mask * (size // 4 + 1))[:size]
        masked = (int.from_bytes(payload, "big") ^ int.from_bytes(key, "big")).to_bytes(size, "big")
        self._transport.write(head + mask + masked)

    # --- life ---

    def _beat(self) -> None:
        if not self._alive:
            self._abort()
            return
        self._alive = False  # until anything comes: a PONG may wait behind a request
        self._frame(_PING, b"")
        self._heart = self._loop.call_later(HEARTBEAT, self._beat)

    def _abort(self) -> None:
        if self._transport is not None:
            self._transport.abort()


@asynccontextmanager
async def open_socket(
    url: str, *, authorization: str, on_open: Callable[[], None], on_message: Callable[[bytes], None]
) -> AsyncIterator[Socket]:
    """A websocket at an http or https address; `on_open` is called before the first message.

    Raises AriUnavailable, or AriRefused for a wrong user or password.
    """
    socket = await _connected(url, authorization, on_open, on_message)
    try:
        yield socket
    finally:
        socket.close()
        await asyncio.wait({socket.closed}, timeout=_CLOSE_TIMEOUT + 1)


async def _connected(
    url: str, authorization: str, on_open: Callable[[], None], on_message: Callable[[bytes], None]
) -> Socket:
    parts = urlsplit(url)
    key = base64.b64encode(os.urandom(16))
    accept = base64.b64encode(hashlib.sha1(key + _GUID, usedforsecurity=False).digest()).decode()
    secure = ssl.create_default_context() if parts.scheme == "https" else None
    port = parts.port or (443 if secure else 80)
    lines = (
        f"GET {parts.path}?{parts.query} HTTP/1.1",
        f"Host: {parts.netloc.rpartition('@')[2]}",
        "Upgrade: websocket",
        "Connection: Upgrade",
        f"Sec-WebSocket-Key: {key.decode()}",
        "Sec-WebSocket-Version: 13",
        f"Authorization: {authorization}",
    )
    head = "\r\n".join((*lines, "", "")).encode("ascii")
    socket: Socket | None = None
    try:
        async with asyncio.timeout(CONNECT_TIMEOUT):
            _, socket = await asyncio.get_running_loop().create_connection(
                lambda: Socket(head, accept, on_open, on_message), parts.hostname or "", port, ssl=secure
            )
            await socket.upgraded
    except (OSError, TimeoutError) as error:
        if socket is not None:
            socket.close()
        raise AriUnavailable(f"{parts.netloc}: {str(error) or 'no answer'}") from error
    return socket
