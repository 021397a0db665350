"""A real softphone: baresip as a process of its own, driven over its control port. It records what it hears.

async with Softphone(number="101", password="…", server="127.0.0.1:5060") as agent:
    await agent.event("CALL_ESTABLISHED")
    await agent.event("CALL_CLOSED")
    heard = agent.recordings()
"""

from __future__ import annotations

import asyncio
import json
import shutil
import subprocess
import tempfile
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from own_ports import own_port

from harness.need import need

Event = dict[str, Any]

_CONFIG = """\
poll_method epoll
sip_listen 127.0.0.1:{sip}
net_interface 127.0.0.1
call_local_timeout 120
call_max_calls 4
audio_player aubridge,out
audio_source ausine,440
audio_alert aubridge,alert
ausrc_srate 48000
auplay_srate 8000
ausrc_channels 2
auplay_channels 1
module_path {modules}
module g711.so
module sndfile.so
module ausine.so
module aubridge.so
module_tmp uuid.so
module_tmp account.so
module_app menu.so
module_app ctrl_tcp.so
ctrl_tcp_listen 127.0.0.1:{control}
snd_path {sound}
"""


class Softphone:
    """One baresip with one account.

    Args:
        number: the account's user.
        password: empty for a phone that does not register.
        server: host:port.
        answers: whether it answers by itself.
        display_name: its caller id.
    """

    def __init__(
        self, *, number: str, server: str, password: str = "", answers: bool = True, display_name: str = ""
    ) -> None:
        self._number, self._server, self._password = number, server, password
        self._answers, self._display = answers, display_name
        self._folder = Path(tempfile.mkdtemp(prefix="pbxb-baresip-"))
        self._process: subprocess.Popen[bytes] | None = None
        self._events: asyncio.Queue[Event] = asyncio.Queue()
        self._reader: asyncio.Task[None] | None = None
        self._writer: asyncio.StreamWriter | None = None
        self._answer: asyncio.Queue[Event] = asyncio.Queue()

    async def __aenter__(self) -> Self:
        need("baresip")
        sip, control = own_port(), own_port()
        self._configure(sip, control)
        with (self._folder / "out").open("wb") as out:
            self._process = subprocess.Popen(  # noqa: ASYNC220 - takes a millisecond
                ["baresip", "-f", self._folder], stdin=subprocess.PIPE, stdout=out, stderr=out
            )
        reader = await self._connect(control)
        self._reader = asyncio.create_task(self._read(reader), name="baresip-events")
        # The account comes only now: an event told before we listen would be lost.
        await self.command("uanew", self._account())
        if self._password:
            await self.event("REGISTER_OK")
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._writer is not None:
            self._write("quit", "")
        assert self._process is not None
        try:
            await asyncio.to_thread(self._process.wait, 5)
        except subprocess.TimeoutExpired:
            self._process.kill()
            await asyncio.to_thread(self._process.wait, 5)
        if self._process.stdin is not None:
            self._process.stdin.close()
        if self._reader is not None:
            await self._reader
        if self._writer is not None:
            self._writer.close()
        shutil.rmtree(self._folder, ignore_errors=True)

    async def event(self, kind: str, timeout_s: float = 15.0) -> Event:
        """Wait for the next event of that type, e.g. REGISTER_OK, CALL_INCOMING, CALL_ESTABLISHED, CALL_CLOSED."""
        seen = []
        try:
            async with asyncio.timeout(timeout_s):
                while (event := await self._events.get()).get("type") != kind:
                    seen.append(event.get("type"))
        except TimeoutError:
            raise AssertionError(f"baresip told no {kind} in {timeout_s} s, but {seen}: {self._out()}") from None
        return event

    async def command(self, name: str, params: str = "", timeout_s: float = 10.0) -> str:
        """Give a command (dial, accept, hangup, sndcode, …) and wait for its answer."""
        self._write(name, params)
        async with asyncio.timeout(timeout_s):
            answer = await self._answer.get()
        assert answer.get("ok"), f"baresip refused {name}: {answer}"
        return str(answer.get("data", ""))

    async def dial(self, number: str) -> None:
        """Call a number of its server."""
        await self.command("dial", f"sip:{number}@{self._server}")

    async def press(self, keys: str) -> None:
        """Press keys of the present call, by RFC 4733."""
        for key in keys:
            await self.command("sndcode", key)
            await self.command("sndcode", "")  # let it go

    def recordings(self) -> list[Path]:
        """What it heard, a wav file for each call, oldest first; complete once the call is closed."""
        return sorted(self._folder.glob("*-dec.wav"))

    def _configure(self, sip: int, control: int) -> None:
        config = _CONFIG.format(sip=sip, control=control, modules=_modules(), sound=self._folder)
        (self._folder / "config").write_text(config)
        (self._folder / "contacts").write_text("")
        (self._folder / "accounts").write_text("")

    def _account(self) -> str:
        words = [f"regint={'60' if self._password else '0'}", f"answermode={'auto' if self._answers else 'manual'}"]
        if self._password:
            words.append(f"auth_pass={self._password}")
        shown = f'"{self._display}" ' if self._display else ""
        return f"{shown}<sip:{self._number}@{self._server}>;{';'.join(words)}"

    async def _connect(self, port: int) -> asyncio.StreamReader:
        async with asyncio.timeout(10):
            while True:
                try:
                    reader, self._writer = await asyncio.open_connection("127.0.0.1", port)
                except OSError:
                    assert self._process is not None
                    assert self._process.poll() is None, f"baresip ended: {self._out()}"
                    await asyncio.sleep(0.02)
                else:
                    return reader

    async def _read(self, reader: asyncio.StreamReader) -> None:
        while length := await reader.read(1):
            while not length.endswith(b":"):
                length += await reader.readexactly(1)
            told: Event = json.loads(await reader.readexactly(int(length[:-1])))
            await reader.readexactly(1)
            (self._events if told.get("event") else self._answer).put_nowait(told)

    def _write(self, command: str, params: str) -> None:
        assert self._writer is not None
        data = json.dumps({"command": command, "params": params}).encode()
        self._writer.write(b"%d:%s," % (len(data), data))

    def _out(self) -> str:
        return (self._folder / "out").read_text(errors="replace")[-2000:]


def _modules() -> str:
    for folder in (Path("/usr/lib/baresip/modules"), Path("/usr/local/lib/baresip/modules")):
        if folder.is_dir():
            return str(folder)
    raise AssertionError("baresip's modules were not found")
