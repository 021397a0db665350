"""The daemon as a process: one for each HOME, ended by a signal, its tasks by name, and first in line for the CPU."""

from __future__ import annotations

import asyncio
import fcntl
import os
import shutil
import signal
import sys
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from pathlib import Path
from typing import Any

import structlog

from pbx_bridge.errors import BridgeError
from pbx_bridge.systemd import READY, STOPPING, Supervisor

log = structlog.get_logger()

_FIRST, _LAST = -10, 10
_NAME = "pbx-bridge"

Work = Callable[[], Coroutine[Any, Any, None]]


def own_name() -> str:
    """This command as it was called, for the hints it gives: `pbx-bridge`, or with the way there."""
    called = sys.argv[0]
    anywhere = Path(called).name != _NAME or shutil.which(_NAME) == str(Path(called).absolute())
    return _NAME if anywhere else called


def come_first() -> None:
    """Give the event loop a higher priority than Asterisk's threads, where we may; else the service's own stays.

    It needs little time, but a caller's key waits for it: at 70 calls/s on two cores the lag of the loop was 200 ms
    at p99 without this and 30 ms with it. On Linux it is each thread's, and of the threads that one starts.
    """
    _set_nice(_FIRST)


def come_last() -> None:
    """Leave the CPU to a daemon that serves, while we get ready beside it.

    Only where `come_first` can take that back: whoever came first already may.
    """
    if os.getpriority(os.PRIO_PROCESS, 0) < 0:
        _set_nice(_LAST)


def _set_nice(nice: int) -> None:
    with suppress(OSError):  # only root may, or who has CAP_SYS_NICE
        for thread in Path("/proc/self/task").iterdir():
            os.setpriority(os.PRIO_PROCESS, int(thread.name), nice)


async def until_stopped(
    works: dict[str, Work],
    supervisor: Supervisor | None = None,
    handed_over: asyncio.Event | None = None,
    *,
    what: str = "daemon",
) -> None:
    """Run these by name until a signal comes; then stop them in this order. One that fails stops all, loudly.

    Args:
        handed_over: set when another process goes on with the work: this one stops too, and the service does not.
        what: begins and ends, in the log's words.
    """
    started, ended = f"{what}_started", f"{what}_stopped"
    supervisor = supervisor or Supervisor()
    if supervisor.watches:
        works = {**works, "watchdog": supervisor.run}
    async with _stop_signal() as stop:
        tasks = {name: asyncio.create_task(work(), name=name) for name, work in works.items()}
        stopped = asyncio.create_task(_either(stop, handed_over), name="stop-signal")
        log.info(started, pid=os.getpid())
        supervisor.tell(READY)
        try:
            await _first_of(tasks, stopped)
        finally:
            if handed_over is None or not handed_over.is_set():
                supervisor.tell(STOPPING)
            stopped.cancel()
            for task in tasks.values():
                task.cancel()
                with suppress(asyncio.CancelledError):
                    await task
            log.info(ended)


async def _either(stop: asyncio.Event, handed_over: asyncio.Event | None) -> None:
    waiting = {asyncio.ensure_future(event.wait()) for event in (stop, handed_over) if event is not None}
    try:
        await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for one in waiting:
            one.cancel()


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
    at_terminal = os.isatty(0)

    def end_without_it() -> None:
        if at_terminal and not os.isatty(0):
            os.kill(os.getpid(), signal.SIGTERM)

    with told_by(signal.SIGHUP, end_without_it) as asked:
        yield asked


@contextmanager
def told_by(number: signal.Signals, first: Callable[[], None] = lambda: None) -> Iterator[asyncio.Event]:
    """Set by each such signal while this lasts. `first`: done at each before it is set."""
    asked, loop = asyncio.Event(), asyncio.get_running_loop()

    def heard() -> None:
        first()
        asked.set()

    loop.add_signal_handler(number, heard)
    try:
        yield asked
    finally:
        loop.remove_signal_handler(number)


@contextmanager
def only_one(path: Path, held: int | None = None, busy: str = "") -> Iterator[int]:
    """Hold a lock, as that which keeps a second daemon out of this HOME; its file descriptor. Raises BridgeError.

    Args:
        held: the descriptor of whoever held it before: one lock, held by both until one of them closes it.
        busy: what to say where another holds it.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a") if held is None else os.fdopen(held, "a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise BridgeError(busy or f"another daemon runs in {path.parent.parent}: stop it first") from error
        yield file.fileno()


def write_note(path: Path, told: bytes) -> None:
    """Write what another process reads, whole or not at all; not to outlast a power cut. Raises OSError."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.new")
    draft.write_bytes(told)
    draft.replace(path)


def lives(pid: int) -> bool:
    """Whether there is a process of that id, whosever it is."""
    try:
        os.kill(pid, 0)
    except PermissionError:
        return True
    except (OSError, OverflowError):
        return False
    return True


def write_pid(path: Path, pid: int) -> None:
    """Write a pid file so that a reader never sees half a number."""
    write_note(path, f"{pid}\n".encode("ascii"))


@contextmanager
def pid_file(path: Path, *, write: bool = True) -> Iterator[None]:
    """Our process id stands there; in the end it goes, unless it is another's by then.

    Args:
        write: at once; else whoever hands over to us does.
    """
    ours = f"{os.getpid()}\n"
    if write:
        write_pid(path, os.getpid())
    try:
        yield
    finally:
        with suppress(OSError):
            if path.read_text(encoding="ascii") == ours:
                path.unlink()


def pid_of_daemon(run: Path, without: str) -> int:
    """The daemon that holds the folder's lock: a file alone may be left from one that was killed.

    Raises:
        BridgeError: none does; `without` says what that means.
    """
    nobody = BridgeError(f"no daemon runs in {run.parent}: {without}")
    try:
        with (run / "daemon.lock").open("a") as lock:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
        raise nobody
    except BlockingIOError:
        pass
    except OSError as error:
        raise nobody from error
    try:
        return int((run / "daemon.pid").read_text(encoding="ascii"))
    except (OSError, ValueError) as error:
        raise BridgeError(f"the daemon in {run.parent} is only starting, or ends: ask again") from error
