"""A name server of our own, which answers every name with this machine until it is dead."""

from __future__ import annotations

import asyncio
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

ADDRESS = "127.0.0.153"  # any address of loopback
_PORT = 53  # resolv.conf knows no other
_HEAD = 12  # bytes before the question
_A = 1
_NO_TIME = 0  # nobody may keep an answer


class Names(asyncio.DatagramProtocol):
    """Answers A with 127.0.0.1, anything else with nothing. `dead`: to nobody; `asked` counts what was asked then."""

    def __init__(self) -> None:
        self.dead = False
        self.asked = 0
        self._transport: asyncio.DatagramTransport | None = None

    def connection_made(self, transport: asyncio.DatagramTransport) -> None:  # type: ignore[override]
        """See asyncio.DatagramProtocol."""
        self._transport = transport

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        """One question."""
        if self.dead:
            self.asked += 1
        elif self._transport is not None and len(data) > _HEAD:
            self._transport.sendto(answer(data), addr)


def answer(question: bytes) -> bytes:
    """The answer to a question of one name."""
    end = question.index(0, _HEAD) + 5  # the name's last, empty label; type; class
    asked = question[_HEAD:end]
    (kind,) = struct.unpack_from("!H", question, end - 4)
    found = struct.pack("!HHHIH4B", 0xC00C, _A, 1, _NO_TIME, 4, 127, 0, 0, 1) if kind == _A else b""
    head = question[:2] + struct.pack("!HHHHH", 0x8180, 1, 1 if found else 0, 0, 0)
    return head + asked + found


@asynccontextmanager
async def name_server() -> AsyncIterator[Names]:
    """At work. Raises PermissionError: not everyone may have this port."""
    transport, names = await asyncio.get_running_loop().create_datagram_endpoint(Names, local_addr=(ADDRESS, _PORT))
    try:
        yield names
    finally:
        transport.close()
