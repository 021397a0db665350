"""The floor: a program that only receives a call's messages and sends its requests, and does nothing with them.

No websocket, no JSON, no flow, no store: what it uses is what asyncio, the kernel and the machine ask of any daemon
that is woken that often. Run as a program of its own: `python -m bench.floor`, which prints the port it listens on.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import sys

from bench.figure import CannotMeasure
from bench.process import cpu_s

MESSAGES, REQUESTS = 30, 12  # of one self-served call, as the daemon's own log of a call counts them
_MESSAGE, _REQUEST = b"m" * 599 + b"\n", b"r" * 400
_ASK = b"a" * 599 + b"\n"  # a message that a request follows
_CALL_S = 4.0
_PATIENCE_S = 120.0


async def cpu_ms(calls: int, rate: float) -> float:
    """Milliseconds of CPU for one call's messages. Raises CannotMeasure."""
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "bench.floor", stdout=asyncio.subprocess.PIPE, stdin=asyncio.subprocess.PIPE
    )
    try:
        assert child.stdout is not None
        port = int(await child.stdout.readline())
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        answers = asyncio.create_task(_count(reader, calls * REQUESTS * len(_REQUEST)), name="bench-floor-answers")
        before = cpu_s(child.pid)
        async with asyncio.TaskGroup() as group:
            for number in range(calls):
                group.create_task(_call(writer, random.Random(number)), name="bench-floor-call")
                await asyncio.sleep(1 / rate)
        await asyncio.wait_for(answers, _PATIENCE_S)
        used = cpu_s(child.pid) - before
        writer.close()
    except (OSError, TimeoutError, ValueError) as error:
        raise CannotMeasure(f"the bare reader did not answer: {error}") from error
    finally:
        with contextlib.suppress(ProcessLookupError):
            child.kill()
        await child.wait()
    return used / calls * 1000


async def _call(writer: asyncio.StreamWriter, dice: random.Random) -> None:
    begun = asyncio.get_running_loop().time()
    for number, moment in enumerate(sorted(dice.uniform(0, _CALL_S) for _ in range(MESSAGES))):
        await asyncio.sleep(begun + moment - asyncio.get_running_loop().time())
        writer.write(_ASK if number < REQUESTS else _MESSAGE)


async def _count(reader: asyncio.StreamReader, size: int) -> None:
    while size > 0:
        answer = await reader.read(65536)
        if not answer:
            raise CannotMeasure("the bare reader went away")
        size -= len(answer)


class _Bare(asyncio.Protocol):
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        for line in data.split(b"\n"):
            if line[:1] == b"a":
                self._transport.write(_REQUEST)


async def _serve() -> None:
    server = await asyncio.get_running_loop().create_server(_Bare, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(_serve())
