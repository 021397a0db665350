"""ARI's websocket, frame by frame: what an Asterisk may do on the wire, and what it never does but might."""

from __future__ import annotations

import asyncio
import base64
import hashlib
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager

import aiohttp
import pytest

from pbx_bridge.ari_handlers import socket as ari_socket
from pbx_bridge.ari_handlers.socket import Socket, open_socket
from pbx_bridge.errors import AriUnavailable

TEXT, MORE, CLOSE, PING, PONG, LAST = 0x1, 0x0, 0x8, 0x9, 0xA, 0x80
_GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"  # RFC 6455


def frame(kind: int, payload: bytes) -> bytes:
    """As a server sends it: unmasked."""
    size = bytes([len(payload)]) if len(payload) < 126 else b"\x7e" + len(payload).to_bytes(2, "big")
    return bytes([kind]) + size + payload


class Peer:
    """Takes the handshake, then does what a test has it do. `first` comes in one segment with its answer."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    def __init__(self, first: bytes = b"") -> None:
        self._first = first

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked = {
            name.lower(): value
            for name, _, value in (
                line.partition(b": ") for line in (await reader.readuntil(b"\r\n\r\n")).split(b"\r\n")
            )
        }
        assert asked[b"authorization"] == b"Basic eA=="
        accept = hashlib.sha1(asked[b"sec-websocket-key"] + _GUID, usedforsecurity=False).digest()
        self.reader, self.writer = reader, writer
        head = (
            b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: "
        )
        writer.write(head + base64.b64encode(accept) + b"\r\n\r\n" + self._first)


class Cutting(Peer):
    """Leaves in the middle of the handshake: without a word, or after half an answer."""

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.writer = writer
        await reader.readuntil(b"\r\n\r\n")
        if self._first:
            writer.write(self._first)
            writer.close()
        else:
            writer.transport.abort()


Messages = asyncio.Queue[bytes | None]
Open = Callable[[Peer], AbstractAsyncContextManager[tuple[Socket, Messages]]]


def ask_without_end(socket: Socket) -> None:
    for _ in range(1000):
        socket.send(b"x" * 60_000)


@asynccontextmanager
async def opened(peer: Peer) -> AsyncIterator[tuple[Socket, Messages]]:
    """A socket, and what it told: None for having been opened."""
    told: Messages = asyncio.Queue()
    server = await asyncio.start_server(peer.serve, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/ari/events?app=a"
    async with server, aiohttp.ClientSession(headers={"Authorization": "Basic eA=="}) as session:
        async with open_socket(
            session, url, on_open=lambda: told.put_nowait(None), on_message=told.put_nowait
        ) as socket:
            yield socket, told
        assert socket.closed.done()
        peer.writer.close()


async def test_what_comes_with_the_handshake_is_told_after_the_opening() -> None:
    async with opened(Peer(frame(LAST | TEXT, b"one") + frame(LAST | TEXT, b"two"))) as (_, told):
        assert [await told.get() for _ in range(3)] == [None, b"one", b"two"]


async def test_a_message_in_parts_is_one_and_a_ping_between_is_answered() -> None:
    peer = Peer()
    async with opened(peer) as (_, told):
        await told.get()
        peer.writer.write(frame(TEXT, b"a") + frame(LAST | PING, b"?") + frame(MORE, b"b") + frame(LAST | MORE, b"c"))
        assert await told.get() == b"abc"
        answer = await peer.reader.readexactly(2 + 4 + 1)
        assert answer[0] == LAST | PONG
        assert bytes([answer[6] ^ answer[2]]) == b"?"


async def test_a_message_without_end_ends_the_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ari_socket, "_MOST_BYTES", 1000)
    peer = Peer()
    async with opened(peer) as (socket, told):
        await told.get()
        peer.writer.write(frame(TEXT, b"a" * 600) + frame(MORE, b"b" * 600))
        await socket.closed
        with pytest.raises(AriUnavailable, match="not connected"):
            socket.send(b"x")


async def test_a_peer_that_leaves_is_noticed() -> None:
    peer = Peer()
    async with opened(peer) as (socket, told):
        await told.get()
        peer.writer.write(frame(LAST | CLOSE, b"\x03\xe8"))
        await socket.closed
        assert told.empty()


async def test_a_peer_that_reads_nothing_is_asked_no_more_and_left_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ari_socket, "_CLOSE", 0.05)
    peer = Peer()
    async with opened(peer) as (socket, told):
        await told.get()
        peer.writer.transport.pause_reading()  # type: ignore[attr-defined]
        with pytest.raises(AriUnavailable, match="does not read"):
            ask_without_end(socket)


HALVES = [b"", b"HTTP/1.1 101 Switching", b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n"]


@pytest.mark.parametrize("answer", HALVES, ids=["nothing", "half", "another protocol"])
async def test_what_is_cut_in_the_handshake_is_no_connection(answer: bytes) -> None:
    with pytest.raises(AriUnavailable):
        await opened(Cutting(answer)).__aenter__()
