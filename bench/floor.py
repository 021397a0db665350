"""The floor: a program that hears a call's messages, sends its requests and keeps its rows, and thinks nothing.

The same libraries, the same websocket, messages of the same size, the same number of rows and transactions, on disk
as safely; but no flow, no prompt, no file of Asterisk's read, no call put together, no page. What it uses is what
Python, its libraries and the machine ask of any daemon that records calls. Run as a program of its own:
`python -m bench.floor URL FILE`.
"""

from __future__ import annotations

import asyncio
import json
import random
import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import aiohttp
import aiosqlite
from aiohttp import web

from bench.figure import CannotMeasure
from bench.process import cpu_s
from pbx_bridge.ari_handlers import wire
from pbx_bridge.ari_handlers.socket import Socket, open_socket

EVENTS, REQUESTS = 18, 12  # of one self-served call, as the daemon's own log of a call counts them; each is answered
ROWS = 20  # its steps and rows of CEL
_CALL_S = 4.0
_WRITTEN_S = 0.1  # a row waits that long for others: see docs/adr/0020
_ROW, _RECORD = "r" * 200, "c" * 3000
_PATIENCE_S = 120.0
_CHANNEL = (
    '{"id":"pbxt-1795404047.%d","name":"PJSIP/trunk-%08x","state":"Up","protocol_id":"b0f6-%d","caller":{"name":"",'
    '"number":"09121110001"},"connected":{"name":"","number":""},"accountcode":"","dialplan":{"context":"from-trunk",'
    '"exten":"100","priority":6,"app_name":"Stasis","app_data":"pbx_bridge,in,100"},'
    '"creationtime":"2026-11-23T03:20:47.887+0000","language":"fa"}'
)
_PLAYED = (
    '{"type":"PlaybackFinished","timestamp":"2026-11-23T03:20:49.894+0000","playback":{"id":"pbxb:%d:0:pbxt-%d",'
    '"media_uri":"sound:pbxb/3f2a9c","target_uri":"channel:pbxt-%d","language":"fa","state":"done"},"application":"x"}'
)
_KEY = (
    '{"type":"ChannelDtmfReceived","timestamp":"2026-11-23T03:20:49.894+0000","digit":"1","duration_ms":100,'
    f'"channel":{_CHANNEL},"asterisk_id":"02:42:ac:11:00:02","application":"pbx_bridge"}}'
)
_ANSWERED = '{"type":"RESTResponse","request_id":"%s","status_code":201,"reason_phrase":"Created"}'


async def cpu_ms(calls: int, rate: float) -> float:
    """Milliseconds of CPU for one call. Raises CannotMeasure."""
    with tempfile.TemporaryDirectory(prefix="pbxb-floor-") as folder:
        asterisk = _Asterisk(calls, rate)
        async with asterisk.listening() as url, _bare(url, Path(folder) / "rows.db") as pid:
            try:
                async with asyncio.timeout(_PATIENCE_S):
                    before = await asterisk.called(pid)
                    await asyncio.sleep(3 * _WRITTEN_S)  # the last rows
            except TimeoutError as error:
                raise CannotMeasure("the bare daemon did not answer") from error
            return (cpu_s(pid) - before) / calls * 1000


@asynccontextmanager
async def _bare(url: str, file: Path) -> AsyncIterator[int]:
    child = await asyncio.create_subprocess_exec(sys.executable, "-m", "bench.floor", url, str(file))
    try:
        yield child.pid
    finally:
        with suppress(ProcessLookupError):
            child.kill()
        await child.wait()


class _Asterisk:
    """The other end of the websocket: plays calls to whoever comes, answers what is asked, and is done."""

    def __init__(self, calls: int, rate: float) -> None:
        self._calls, self._rate, self._asked = calls, rate, 0
        self._here: asyncio.Future[web.WebSocketResponse] = asyncio.get_running_loop().create_future()
        self._all_asked = asyncio.Event()

    @asynccontextmanager
    async def listening(self) -> AsyncIterator[str]:
        """The address."""
        app = web.Application()
        app.router.add_get("/ari/events", self._serve)
        runner = web.AppRunner(app)
        await runner.setup()
        try:
            site = web.TCPSite(runner, "127.0.0.1", 0)
            await site.start()
            yield f"http://127.0.0.1:{runner.addresses[0][1]}/ari/events"
        finally:
            await runner.cleanup()

    async def called(self, pid: int) -> float:
        """Play all calls to the program of that process id; its CPU before the first, seconds."""
        socket = await self._here
        await asyncio.sleep(1)  # it is at rest
        before = cpu_s(pid)
        async with asyncio.TaskGroup() as group:
            for number in range(self._calls):
                group.create_task(self._call(socket, number), name="bench-floor-call")
                await asyncio.sleep(1 / self._rate)
        await self._all_asked.wait()
        return before

    async def _serve(self, request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse(compress=False)
        await socket.prepare(request)
        self._here.set_result(socket)
        async for message in socket:
            await socket.send_str(_ANSWERED % json.loads(message.data)["request_id"])
            self._asked += 1
            if self._asked == self._calls * REQUESTS:
                self._all_asked.set()
        return socket

    async def _call(self, socket: web.WebSocketResponse, number: int) -> None:
        dice, begun = random.Random(number), asyncio.get_running_loop().time()
        for event, moment in enumerate(sorted(dice.uniform(0, _CALL_S) for _ in range(EVENTS))):
            await asyncio.sleep(begun + moment - asyncio.get_running_loop().time())
            told = _PLAYED % (event, number, number) if event < REQUESTS else _KEY % (number, number, number)
            await socket.send_str(told)


class _Daemon:
    """Asks after each playback, keeps a row of each event, and writes what waits ten times a second."""

    def __init__(self) -> None:
        self._socket: Socket | None = None
        self._rows: list[tuple[str, str]] = []
        self._heard = 0

    async def serve(self, url: str, file: Path) -> None:
        """For ever."""
        async with aiosqlite.connect(file) as db, aiohttp.ClientSession() as web_session:
            await db.execute("PRAGMA journal_mode = WAL")
            await db.execute("PRAGMA synchronous = FULL")
            await db.execute("CREATE TABLE rows (id INTEGER PRIMARY KEY, channel TEXT, body TEXT)")
            async with open_socket(web_session, url, on_open=lambda: None, on_message=self._take) as self._socket:
                while True:
                    await asyncio.sleep(_WRITTEN_S)
                    await self._write(db)

    def _take(self, message: bytes) -> None:
        event = wire.decode_event(message)
        if isinstance(event, wire.RESTResponse):
            return
        self._heard += 1
        if isinstance(event, wire.PlaybackFinished):
            self._ask(event.playback.id)
        self._rows.append((str(self._heard), _ROW))
        if self._heard % EVENTS == 0:  # as often as a call ends
            self._rows += [("", _ROW)] * (ROWS - EVENTS)
            self._rows.append(("", _RECORD))

    def _ask(self, playback: str) -> None:
        assert self._socket is not None
        path = f"channels/{playback}/play/{playback}"
        body = wire.encode_json({"media": ["sound:pbxb/3f2a9c", "sound:pbxb/77ab01"]}).decode()
        request = wire.RESTRequest(
            request_id=str(self._heard), method="POST", uri=path, content_type="application/json", message_body=body
        )
        self._socket.send(wire.encode_request(request))

    async def _write(self, db: aiosqlite.Connection) -> None:
        if rows := self._rows:
            self._rows = []
            await db.executemany("INSERT INTO rows (channel, body) VALUES (?, ?)", rows)
            await db.commit()


if __name__ == "__main__":
    asyncio.run(_Daemon().serve(sys.argv[1], Path(sys.argv[2])))
