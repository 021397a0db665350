"""The daemon as a process: one for each HOME, ended by a signal, its tasks by name, and first in line for the CPU."""

from __future__ import annotations

import asyncio
import fcntl
import os
import signal
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from pathlib import Path
from typing import Any

import structlog

from pbx_bridge.errors import BridgeError
from pbx_bridge.systemd import READY, STOPPING, Supervisor

log = structlog.get_logger()

_NICE = -10

Work = Callable[[], Coroutine[Any, Any, None]]


def come_first() -> None:
    """Give the event loop a higher priority than Asterisk's threads, where we may; else the service's own stays.

    It needs little time, but a caller's key waits for it: at 70 calls/s on two cores the lag of the loop was 200 ms
    at p99 without this and 30 ms with it. On Linux it is the calling thread's, and of threads it starts.
    """
    with suppress(OSError):  # only root may, or who has CAP_SYS_NICE
        os.setpriority(os.PRIO_PROCESS, 0, _NICE)


async def until_stopped(works: dict[str, Work], supervisor: Supervisor | None = None) -> None:
    """Run these by name until a signal comes; then stop them in this order. One that fails stops all, loudly."""
    supervisor = supervisor or Supervisor()
    if supervisor.watches:
        works = {**works, "watchdog": supervisor.run}
    async with _stop_signal() as stop:
        tasks = {name: asyncio.create_task(work(), name=name) for name, work in works.items()}
        stopped = asyncio.create_task(stop.wait(), name="stop-signal")
        log.info("daemon_started", pid=os.getpid())
        supervisor.tell(READY)
        try:
            await _first_of(tasks, stopped)
        finally:
            supervisor.tell(STOPPING)
            stopped.cancel()
            for task in tasks.values():
                task.cancel()
                with suppress(asyncio.CancelledError):
                    await task
            log.info("daemon_stopped")


async def _first_of(tasks: dict[str, asyncio.Task[None]], stopped: asyncio.Task[Any]) -> None:
    """Wait for the signal, or for a task that fails. A task that merely ends (ARI replaced) leaves the rest going."""
    pending: set[asyncio.Task[Any]] = {stopped, *tasks.values()}
    while not stopped.done():
        done, pending = await asyncio.wait(pending, return_when=asyncio.FIRST_COMPLETED)
        for task in done - {stopped}:
            log.error("task_ended", task=task.get_name())
            task.result()


@asynccontextmanager
async def _stop_signal() -> AsyncIterator[asyncio.Event]:
    """Set at the first SIGTERM or SIGINT; a second one ends the process at once."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()

    def asked(number: int) -> None:
        stop.set()
        loop.remove_signal_handler(number)

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, asked, number)
    try:
        yield stop
    finally:
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.remove_signal_handler(number)


@contextmanager
def hang_ups() -> Iterator[asyncio.Event]:
    """Set by each SIGHUP while this lasts; a terminal that was closed ends the process, as Ctrl-C does."""
    asked, loop, at_terminal = asyncio.Event(), asyncio.get_running_loop(), os.isatty(0)

    def heard() -> None:
        if at_terminal and not os.isatty(0):
            os.kill(os.getpid(), signal.SIGTERM)
        asked.set()

    loop.add_signal_handler(signal.SIGHUP, heard)
    try:
        yield asked
    finally:
        loop.remove_signal_handler(signal.SIGHUP)


@contextmanager
def only_one(path: Path) -> Iterator[None]:
    """Hold the lock that keeps a second daemon out of this HOME. Raises BridgeError."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise BridgeError(f"another daemon runs in {path.parent.parent}: stop it first") from error
        yield


@contextmanager
def pid_file(path: Path) -> Iterator[None]:
    path.write_text(f"{os.getpid()}\n")
    try:
        yield
    finally:
        path.unlink(missing_ok=True)
