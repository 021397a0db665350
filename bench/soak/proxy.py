"""A TCP proxy that can be cut, stopped up or slowed: between the daemon and Asterisk, where the network would be."""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

_CHUNK = 65536
_AT_ONCE = struct.pack("ii", 1, 0)  # what closes then says RST, not FIN


class Cable:
    """Passes connections on to one port of loopback until it is cut; while cut, nobody gets through.

    `delay_s`: how long each piece is on its way, each way, seconds.
    """

    def __init__(self, far_port: int) -> None:
        self.far_port = far_port
        self._whole = True
        self._passes = asyncio.Event()
        self._passes.set()
        self._ends: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self.port = 0
        self.delay_s = 0.0

    def cut(self) -> None:
        """Reset every connection at once, and refuse new ones."""
        self._whole = False
        for end in tuple(self._ends):
            _reset(end)

    def stop_up(self) -> None:
        """Nothing passes any more and nobody is told: a black hole. New connections are taken, and meet it."""
        self._passes.clear()

    def mend(self) -> None:
        """New connections pass again; so does what waited in those that both sides still hold."""
        self._whole = True
        self._passes.set()

    def connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Take a connection of the near side."""
        if not self._whole:
            _reset(writer)
            return
        task = asyncio.create_task(self._serve(reader, writer), name="soak-cable")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await self._passes.wait()
        try:
            far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self.far_port)
        except OSError:
            writer.transport.abort()
            return
        ends = {writer, far_writer}
        self._ends |= ends
        try:
            await asyncio.gather(self._pass(reader, far_writer), self._pass(far_reader, writer))
        finally:
            self._ends -= ends
            for end in ends:
                end.transport.abort()

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        loop = asyncio.get_running_loop()
        due = 0.0
        with suppress(OSError):
            while data := await reader.read(_CHUNK):
                await self._passes.wait()
                # Pieces are on their way together, so a slow line takes time and not throughput; none overtakes.
                due = max(due, loop.time() + self.delay_s)
                if due > loop.time():
                    loop.call_at(due, writer.write, data)
                else:
                    writer.write(data)
                    await writer.drain()
        await asyncio.sleep(max(0.0, due - loop.time()))
        writer.close()

    async def close(self) -> None:
        """Cut, and wait until nothing of it runs."""
        self.cut()
        self._passes.set()
        await asyncio.gather(*self._tasks, return_exceptions=True)


def _reset(end: asyncio.StreamWriter) -> None:
    if not end.transport.is_closing():
        end.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _AT_ONCE)
    end.transport.abort()


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
