"""`pbx-bridge run`: everything a newcomer needs, from nothing to callers served, in the foreground."""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import os
import shutil
import signal
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from pbx_bridge.errors import PbxError
from pbx_bridge.pbx import healthcheck
from pbx_bridge.pbx.child import ChildSpec, end_leftover
from pbx_bridge.pbx.console import Console, ari_answers
from pbx_bridge.pbx.find import have_asterisk
from pbx_bridge.pbx.instance import lay_instance
from pbx_bridge.pbx.paths import find_paths, link_home
from pbx_bridge.pbx.plan import PbxPlan
from pbx_bridge.pbx.ports import Address, check_free
from pbx_bridge.pbx.program import Asterisk
from pbx_bridge.pbx.steps import Say, Step, Steps
from pbx_bridge.pbx.supervise import Keeper, Kept

_ASTERISK_START_S = 60.0
_DAEMON_START_S = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Preparation:
    """Something to be done before Asterisk starts: its title, and what does it (and tells how it went)."""

    title: str
    action: Callable[[PbxPlan, Step], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class RunPlan:
    """All that `run` must know.

    Attributes:
        home: where everything is written.
        root: the tree of the private Asterisk.
        plan: gives the configuration for the Asterisk that was found.
        web: where the pages will be.
        preparations: done in order, after the configuration stands.
        daemon: the daemon's command line.
        banner: the lines a newcomer needs, shown above `ready`.
    """

    home: Path
    root: Path
    plan: Callable[[Asterisk], PbxPlan]
    addresses: Sequence[Address]
    web: Address
    preparations: Sequence[Preparation] = ()
    daemon: Sequence[str] = (sys.executable, "-m", "pbx_bridge.cli", "daemon")
    environment: Mapping[str, str] = field(default_factory=lambda: dict(os.environ))
    banner: Callable[[PbxPlan], Sequence[str]] = lambda _: ()


def run(plan: RunPlan, say: Say) -> None:
    """Set up, start, keep running until SIGINT or SIGTERM, stop in order. Raises PbxError and its leaves."""
    with _alone(plan.home), _terminable():
        steps = Steps(4 + len(plan.preparations), say)
        _end_leftovers(plan, say)
        check_free([*plan.addresses, plan.web])
        with steps.step("private Asterisk") as step:
            asterisk = have_asterisk(plan.root, step.tell)
            where = f"in {asterisk.root}" if asterisk.root else "of this machine"
            step.result = f"Asterisk {asterisk.version} {where}"
        pbx = _prepare(plan, asterisk, steps)
        with asyncio.Runner() as runner:
            runner.run(_serve(plan, asterisk, pbx, steps, say))


def prepare(plan: RunPlan, asterisk: Asterisk, say: Say) -> None:
    """All that `run` does before it starts anything, for an Asterisk that someone else starts. Raises BridgeError."""
    with _alone(plan.home):
        _prepare(plan, asterisk, Steps(1 + len(plan.preparations), say))


def _prepare(plan: RunPlan, asterisk: Asterisk, steps: Steps) -> PbxPlan:
    with steps.step("configuration") as step:
        pbx = plan.plan(asterisk)
        link_home(plan.home, pbx.paths)
        lay_instance(asterisk, pbx)
        step.result = str(pbx.paths.etc)
    for preparation in plan.preparations:
        with steps.step(preparation.title) as step:
            preparation.action(pbx, step)
    return pbx


async def _serve(plan: RunPlan, asterisk: Asterisk, pbx: PbxPlan, steps: Steps, say: Say) -> None:
    keeper = Keeper(say)
    stop = _stop_on_signals(keeper)
    work = asyncio.ensure_future(_start_and_watch(plan, asterisk, pbx, steps, keeper, say))
    asked = asyncio.ensure_future(stop.wait())
    try:
        await asyncio.wait({work, asked}, return_when=asyncio.FIRST_COMPLETED)
        if work.done():
            await work
    finally:
        for task in (work, asked):
            task.cancel()
        with contextlib.suppress(asyncio.CancelledError, PbxError):
            await work
        await keeper.stop()
    say("stopped")


async def _start_and_watch(
    plan: RunPlan, asterisk: Asterisk, pbx: PbxPlan, steps: Steps, keeper: Keeper, say: Say
) -> None:
    first, second = asterisk_kept(plan, asterisk, pbx), daemon_kept(plan)
    with steps.step("starting Asterisk"):
        await keeper.start(first)
    with steps.step("starting the daemon"):
        await keeper.start(second)
    for line in plan.banner(pbx):
        say(line)
    say("ready: press Ctrl-C to stop")
    await keeper.watch([first, second])


def asterisk_kept(plan: RunPlan, asterisk: Asterisk, pbx: PbxPlan) -> Kept:
    """The private Asterisk as a program to keep."""
    conf = pbx.paths.inside(pbx.paths.conf)
    console = Console(asterisk=asterisk, conf=conf)

    async def ready() -> bool:
        booted = await asyncio.to_thread(console.booted)
        return booted and await asyncio.to_thread(ari_answers, pbx.host, pbx.ports.ari)

    spec = _asterisk_spec(plan, asterisk.daemon_command(str(conf)), asterisk.environment(), str(conf))
    return Kept(spec=spec, ready=ready, ready_s=_ASTERISK_START_S)


def daemon_kept(plan: RunPlan) -> Kept:
    """The daemon as a program to keep."""

    async def ready() -> bool:
        return await asyncio.to_thread(healthcheck.ready, plan.web.host, plan.web.port)

    async def alive() -> bool:
        return await asyncio.to_thread(healthcheck.alive, plan.web.host, plan.web.port)

    return Kept(spec=_daemon_spec(plan), ready=ready, ready_s=_DAEMON_START_S, alive=alive)


def _asterisk_spec(plan: RunPlan, command: Sequence[str], environment: Mapping[str, str], conf: str) -> ChildSpec:
    return ChildSpec(
        name="Asterisk",
        command=command,
        environment=environment,
        log=plan.home / "log" / "asterisk.log",
        pid_file=plan.home / "run" / "asterisk.pid",
        mark=("-f", conf),
    )


def _daemon_spec(plan: RunPlan) -> ChildSpec:
    # setpriv is part of every Debian; elsewhere the daemon merely does without the death signal.
    prefix = ["setpriv", "--pdeathsig", "TERM"] if shutil.which("setpriv") else []
    return ChildSpec(
        name="the daemon",
        command=[*prefix, *plan.daemon],
        environment={**plan.environment, "PBX_BRIDGE_HOME": str(plan.home)},
        log=plan.home / "log" / "daemon.log",
        pid_file=plan.home / "run" / "daemon.pid",
        stop_s=15.0,
        mark=tuple(plan.daemon[1:]),  # one that took over may be of another Python
    )


def _end_leftovers(plan: RunPlan, say: Say) -> None:
    """End what an earlier run left behind, so that its ports are free. The lock says that no run is alive."""
    paths = find_paths(plan.home, plan.root)
    for spec in (_daemon_spec(plan), _asterisk_spec(plan, (), {}, str(paths.inside(paths.conf)))):
        if end_leftover(spec):
            say(f"ended {spec.name} of a run that was killed")


@contextmanager
def _alone(home: Path) -> Iterator[None]:
    """One run per HOME. The lock goes with the process, however it ends."""
    path = home / "run" / "run.lock"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        lock = path.open("a+", encoding="ascii")
    except OSError as error:
        raise PbxError(f"cannot write in {home}: {error.strerror}") from error
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            lock.seek(0)
            raise PbxError(f"the system in {home} runs already (pid {lock.read().strip() or 'unknown'})") from None
        lock.truncate(0)
        lock.write(f"{os.getpid()}\n")
        lock.flush()
        yield


@contextmanager
def _terminable() -> Iterator[None]:
    """While nothing runs yet, SIGTERM is like Ctrl-C: what is being installed is ended, too."""

    def leave(*_: object) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, leave)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _stop_on_signals(keeper: Keeper) -> asyncio.Event:
    """An event that is set by the first SIGINT or SIGTERM; the second kills what still runs."""
    stop = asyncio.Event()

    def asked() -> None:
        if stop.is_set():
            keeper.kill()
        stop.set()

    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, asked)
    return stop
