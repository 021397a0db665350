"""A TCP proxy that can be cut: between the daemon and Asterisk, where a cable would be pulled."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

_CHUNK = 65536


class Cable:
    """Passes connections on to one port of loopback until it is cut; while cut, nobody gets through."""

    def __init__(self, far_port: int) -> None:
        self._far_port = far_port
        self._whole = True
        self._ends: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self.port = 0

    def cut(self) -> None:
        """End every connection at once, without a word to either side, and refuse new ones."""
        self._whole = False
        for end in tuple(self._ends):
            end.transport.abort()

    def mend(self) -> None:
        """New connections pass again."""
        self._whole = True

    def connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Take a connection of the near side."""
        if not self._whole:
            writer.transport.abort()
            return
        task = asyncio.create_task(self._serve(reader, writer), name="soak-cable")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self._far_port)
        except OSError:
            writer.transport.abort()
            return
        ends = {writer, far_writer}
        self._ends |= ends
        try:
            await asyncio.gather(_pass(reader, far_writer), _pass(far_reader, writer))
        finally:
            self._ends -= ends
            for end in ends:
                end.transport.abort()

    async def close(self) -> None:
        """Cut, and wait until nothing of it runs."""
        self.cut()
        await asyncio.gather(*self._tasks, return_exceptions=True)


async def _pass(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while data := await reader.read(_CHUNK):
            writer.write(data)
            await writer.drain()
    writer.close()


@asynccontextmanager
async def cable(far_port: int) -> AsyncIterator[Cable]:
    """A cable to that port, whole, listening on a free port of loopback (`.port`)."""
    made = Cable(far_port)
    server = await asyncio.start_server(made.connected, "127.0.0.1", 0)
    made.port = int(server.sockets[0].getsockname()[1])
    try:
        yield made
    finally:
        server.close()
        await made.close()
