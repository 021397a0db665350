"""The peer: a minimal asyncari application, which answers, plays, reads a variable and hangs up. Nothing is kept.

Run as a program of its own, so that its CPU can be read as the daemon's is:
`python -m bench.peer URL APP USER MEDIA`, the password on standard input.
"""

from __future__ import annotations

import asyncio
import contextlib
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.metadata import version
from importlib.util import find_spec
from typing import Any

from bench.callers import Load, call
from bench.figure import CannotMeasure
from bench.process import cpu_s
from bench.scenario import AwaitHangUp
from bench.system import REPOSITORY, System

APP = "bench_peer"
EXTENSION = "900"
RATE = 25.0  # as for us
_READY_S = 20.0
_STOP_S = 5.0


def name() -> str:
    """What it is called in the output."""
    return f"asyncari {version('asyncari')}, four requests only"


async def cpu_ms(system: System, calls: int, idle_s: float) -> tuple[float, float]:
    """Milliseconds of CPU for a call, less idle; and the idle share. Raises CannotMeasure."""
    if find_spec("asyncari") is None:
        raise CannotMeasure("asyncari is not installed: make bench installs it")
    for priority, application in enumerate((f"Stasis,{APP}", "Hangup"), start=1):
        system.pbx.rx(f"dialplan add extension {EXTENSION},{priority},{application} into from-trunk replace")
    async with _running(system) as pid:
        system.say(f"{calls} calls served by asyncari")
        before = cpu_s(pid)
        await asyncio.sleep(idle_s)
        idle = (cpu_s(pid) - before) / idle_s
        loop = asyncio.get_running_loop()
        begun, used = loop.time(), cpu_s(pid)
        load = Load(
            callers=[(person.phone,) for person in system.people[:calls]],
            steps=(AwaitHangUp(),),
            rate=RATE,
            limit_s=calls / RATE + 20,
            called=EXTENSION,
        )
        await call(load, system.sip_port)
        used, wall = cpu_s(pid) - used, loop.time() - begun
    return (used - idle * wall) / calls * 1000, idle


@asynccontextmanager
async def _running(system: System) -> AsyncIterator[int]:
    sounds = system.pbx.paths.inside(system.pbx.paths.sounds)
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "bench.peer", f"http://127.0.0.1:{system.pbx.ports.ari}/"),
        *(APP, system.pbx.plan.ari_user, f"sound:{sounds / 'fixed' / 'fa' / 'goodbye'}"),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        cwd=REPOSITORY,
    )
    try:
        assert process.stdin is not None
        process.stdin.write(f"{system.pbx.secrets.ari}\n".encode())
        await _until_ready(process)
        yield process.pid
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.terminate()
        try:
            async with asyncio.timeout(_STOP_S):
                await process.wait()
        except TimeoutError:
            process.kill()
            await process.wait()


async def _until_ready(process: asyncio.subprocess.Process) -> None:
    assert process.stdout is not None
    assert process.stderr is not None
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(_READY_S):
            if await process.stdout.readline():
                return
    if process.returncode is None:
        process.kill()
    words = (await process.stderr.read()).decode(errors="replace").strip().splitlines()
    raise CannotMeasure(f"the asyncari application did not start: {words[-1] if words else 'it said nothing'}")


# --- the application itself, as its own process ---


async def serve(url: str, app: str, user: str, media: str, password: str) -> None:
    """Serve every call until terminated."""
    import asyncari  # of the bench group: nothing of ours needs it

    async with asyncari.connect(url, app, user, password) as ari, ari.on_channel_event("StasisStart") as starts:
        print("ready", flush=True)
        async for channels, _ in starts:
            ari.taskgroup.start_soon(_attend, channels["channel"], media)


async def _attend(channel: Any, media: str) -> None:
    await channel.answer()
    await channel.play(media=media)
    await channel.getChannelVar(variable="CHANNEL(language)")
    await channel.hang_up(reason="normal")


if __name__ == "__main__":
    address, name_of_app, account, sound = sys.argv[1:]
    asyncio.run(serve(address, name_of_app, account, sound, sys.stdin.readline().strip()))
