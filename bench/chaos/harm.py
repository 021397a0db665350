"""The faults themselves: entering does one, leaving mends it. The daemon is ready again some time after."""

from __future__ import annotations

import asyncio
import os
import resource
import shutil
import signal
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing

from harness.full_disk import fill
from harness.system import SystemUnderTest
from own_ports import own_port

from bench.chaos.houses import disk_of, set_clock
from bench.chaos.paper import lay_paper
from bench.chaos.scene import Scene
from pbx_bridge.pbx.paths import link_home
from pbx_bridge.tasks import beside

_DELAY_S = 0.4
_HOUR_S = 3600
_RESTARTS = 20
_BETWEEN_S = 1.0
_FEW = 4  # descriptors a process may have: fewer than it has, so that it gets no other


@asynccontextmanager
async def reset(scene: Scene) -> AsyncIterator[None]:
    """Both lines cut, and nobody gets through."""
    for line in scene.lines:
        line.cut()
    yield
    for line in scene.lines:
        line.mend()


@asynccontextmanager
async def hole(scene: Scene) -> AsyncIterator[None]:
    """Nothing passes either line, and nobody is told."""
    for line in scene.lines:
        line.stop_up()
    yield
    for line in scene.lines:
        line.mend()


@asynccontextmanager
async def slow(scene: Scene) -> AsyncIterator[None]:
    """Both lines take their time."""
    for line in scene.lines:
        line.delay_s = _DELAY_S
    yield
    for line in scene.lines:
        line.delay_s = 0.0


@asynccontextmanager
async def full_disk(scene: Scene) -> AsyncIterator[None]:
    """Not one page is left for the store."""
    ballast = fill(disk_of(scene))
    yield
    ballast.unlink()


@asynccontextmanager
async def clock_back(scene: Scene) -> AsyncIterator[None]:
    """The daemon's clock goes back an hour, and later forth again; Asterisk's stays."""
    set_clock(scene, -_HOUR_S)
    yield
    set_clock(scene, 0)


@asynccontextmanager
async def no_files(scene: Scene) -> AsyncIterator[None]:
    """The daemon gets no descriptor beyond those it has: no file, no connection."""
    pid = scene.system.pid
    before = resource.prlimit(pid, resource.RLIMIT_NOFILE)
    resource.prlimit(pid, resource.RLIMIT_NOFILE, (_FEW, before[1]))
    yield
    resource.prlimit(pid, resource.RLIMIT_NOFILE, before)


@asynccontextmanager
async def certificate_ends(scene: Scene) -> AsyncIterator[None]:
    """ARI's certificate has ended, and the daemon must connect anew."""
    lay_paper(scene.system.pbx, good=False)
    scene.ari.cut()
    scene.ari.mend()
    yield
    lay_paper(scene.system.pbx, good=True)


@asynccontextmanager
async def restarts(scene: Scene) -> AsyncIterator[None]:
    """Asterisk ends and starts again and again: killed, stopped, in turn."""
    pbx = scene.system.pbx
    for number in range(_RESTARTS):
        (pbx.kill if number % 2 else pbx.stop)()
        pbx.start()  # not in a thread: Asterisk ends with the thread that started it
        await scene.desk.register()
        await scene.running.ready()
        scene.turn()
        await asyncio.sleep(_BETWEEN_S)
    yield


@asynccontextmanager
async def second_daemon(scene: Scene) -> AsyncIterator[None]:
    """Another daemon with a HOME of its own takes the calls; the first stands by until it is started anew."""
    first, home = scene.running, scene.folder / "second"
    shutil.copytree(first.home / "secrets", home / "secrets")
    link_home(home, scene.system.pbx.paths)
    other = SystemUnderTest(pbx=first.pbx, home=home, web_port=own_port())
    try:
        await other.start_daemon()
        scene.turn()
        yield
    finally:
        other.stop_daemon()
    first.stop_daemon()
    await first.start_daemon()


@asynccontextmanager
async def frozen(scene: Scene) -> AsyncIterator[None]:
    """SIGSTOP."""
    scene.running.signal(signal.SIGSTOP)
    yield
    scene.running.signal(signal.SIGCONT)


@asynccontextmanager
async def pbx_frozen(scene: Scene) -> AsyncIterator[None]:
    """SIGSTOP of Asterisk, as a snapshot of its machine does: nobody can hear anything until it goes on."""
    os.kill(scene.system.pbx.pid, signal.SIGSTOP)
    async with beside(_not_counted(scene), name="chaos-still"):
        yield
    os.kill(scene.system.pbx.pid, signal.SIGCONT)
    scene.turn()


async def _not_counted(scene: Scene) -> None:
    while True:
        scene.turn()
        await asyncio.sleep(_BETWEEN_S)


@asynccontextmanager
async def names_die(scene: Scene) -> AsyncIterator[None]:
    """No name is answered any more; then the lines break, so that the daemon must ask for one."""
    assert scene.names is not None
    scene.names.dead = True
    await asyncio.sleep(2.0)
    for line in scene.lines:
        line.cut()
        line.mend()
    yield
    scene.names.dead = False


@asynccontextmanager
async def locked(scene: Scene) -> AsyncIterator[None]:
    """Another program holds the store's lock."""
    with closing(sqlite3.connect(scene.running.store, isolation_level=None, timeout=30)) as other:
        other.execute("BEGIN IMMEDIATE")
        yield
