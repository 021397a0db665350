"""Many callers at once: runs SIPp with a scenario and tells how its calls went."""

from __future__ import annotations

import asyncio
import csv
import tempfile
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from bench.figure import CannotMeasure
from bench.needed import require
from bench.scenario import Step, scenario

_HOST = "127.0.0.2"  # any address of loopback is a caller's; another than Asterisk's own keeps ports apart
_STOP_S = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """Who calls, and how.

    Attributes:
        callers: rows of columns; the first is the caller's number. One call for each.
        rate: new calls in a second.
        limit_s: when it counts as stuck.
        patience_s: how long a caller waits for what should come next, then hangs up. 0: for ever.
        host: the callers' own address.
    """

    callers: Sequence[Sequence[str]]
    steps: Sequence[Step]
    rate: float
    limit_s: float
    called: str = "100"
    patience_s: float = 0.0
    host: str = _HOST


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """How the calls went, as SIPp tells. `answered` are the numbers whose call got a 200 OK, each as often."""

    served: int
    failed: int
    retransmissions: int
    answered: Sequence[str] = ()


def require_sipp() -> None:
    """Raises CannotMeasure where there is no SIPp."""
    require(("sipp",), "sip-tester")


@asynccontextmanager
async def calling(load: Load, sip_port: int) -> AsyncIterator[asyncio.Task[Outcome]]:
    """SIPp at work; the task is done when its last call is over. Leaving the context ends it."""
    with tempfile.TemporaryDirectory(prefix="pbxb-bench-") as name:
        folder = Path(name)
        process = await _start(load, sip_port, folder)
        task = asyncio.create_task(_outcome(process, load, folder), name="bench-sipp")
        try:
            yield task
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError, CannotMeasure):
                await task
            await _end(process)


async def call(load: Load, sip_port: int) -> Outcome:
    """Place the calls and wait for the last one. Raises CannotMeasure when one failed."""
    async with calling(load, sip_port) as task:
        return all_served(await task, load)


def all_served(outcome: Outcome, load: Load) -> Outcome:
    """The outcome, if every call went as the scenario says."""
    if outcome.failed or outcome.served != len(load.callers):
        counts = f"{outcome.failed} of {len(load.callers)} calls failed, {outcome.served} went well"
        raise CannotMeasure(f"{counts} (SIPp)")
    return outcome


async def _start(load: Load, sip_port: int, folder: Path) -> asyncio.subprocess.Process:
    (folder / "call.xml").write_text(scenario(load.steps), encoding="latin-1")
    (folder / "callers.csv").write_text(_rows(load.callers), encoding="latin-1")
    command = [
        *("sipp", f"127.0.0.1:{sip_port}", "-sf", "call.xml", "-inf", "callers.csv", "-s", load.called),
        *("-i", load.host, "-mi", load.host, "-p", "0"),
        *("-m", str(len(load.callers)), "-r", f"{load.rate:g}", "-l", "10000", "-nostdin"),
        *("-timeout", f"{load.limit_s:g}s", "-timeout_error", "-trace_stat", "-stf", "stat.csv", "-fd", "1"),
        *("-trace_err", "-error_file", "errors.log", "-trace_logs", "-log_file", "said.log"),
        *(("-recv_timeout", str(round(load.patience_s * 1000))) if load.patience_s else ()),
    ]
    with (folder / "out").open("wb") as out:
        return await asyncio.create_subprocess_exec(
            *command, cwd=folder, stdin=asyncio.subprocess.DEVNULL, stdout=out, stderr=out, start_new_session=True
        )


async def _outcome(process: asyncio.subprocess.Process, load: Load, folder: Path) -> Outcome:
    try:
        async with asyncio.timeout(load.limit_s + _STOP_S):
            await process.wait()
    except TimeoutError:
        raise CannotMeasure(f"SIPp did not end within {load.limit_s:g} s") from None
    return _told(folder)


async def _end(process: asyncio.subprocess.Process) -> None:
    for stop in (process.terminate, process.kill):
        if process.returncode is None:
            with suppress(ProcessLookupError):
                stop()
            with suppress(TimeoutError):
                async with asyncio.timeout(_STOP_S):
                    await process.wait()


def _rows(callers: Iterable[Sequence[str]]) -> str:
    return "\n".join(["SEQUENTIAL", *(";".join(row) for row in callers), ""])


def _told(folder: Path) -> Outcome:
    try:
        with (folder / "stat.csv").open(encoding="latin-1", newline="") as file:
            last = list(csv.DictReader(file, delimiter=";"))[-1]
        return Outcome(
            served=int(last["SuccessfulCall(C)"]),
            failed=int(last["FailedCall(C)"]),
            retransmissions=int(last["Retransmissions(C)"]),
            answered=_answered(folder / "said.log"),
        )
    except (OSError, IndexError, KeyError, ValueError) as error:
        words = (folder / "out").read_text(encoding="latin-1").strip().splitlines()
        raise CannotMeasure(f"SIPp told nothing: {words[-1] if words else error}") from error


def _answered(log: Path) -> Sequence[str]:
    """The numbers of `answered NUMBER`, which a scenario says when it gets its 200 OK."""
    if not log.exists():
        return ()
    words = (line.split() for line in log.read_text(encoding="latin-1").splitlines())
    return [line[1] for line in words if len(line) == 2 and line[0] == "answered"]
