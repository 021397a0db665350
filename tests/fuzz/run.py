"""Plays many inputs on several cores: shares of some thousand, each in a process of its own, watched from here.

A process that stands still at one input is killed: that input hangs. One that dies has died of it. Shares that are
done are remembered, so that what was interrupted goes on where it was.
"""

from __future__ import annotations

import asyncio
import json
import mmap
import struct
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path

import click

from fuzz.target import Found

SHARE = 5000  # inputs
STILL_S = 20.0  # at one input; all of them together take less
_START_S = 300.0  # before the first; on a busy machine Python alone takes long
_LOOK_S = 0.5
_NUMBER = struct.Struct("<q")
_STARTING = -1


@dataclass(slots=True, kw_only=True)
class Progress:
    """How far one target with one seed has come.

    Attributes:
        done: the shares that were played: the first input → the one behind the last.
        found: number → reason.
        spent_s: of all processes together.
    """

    file: Path
    done: dict[int, int] = field(default_factory=dict)
    found: dict[int, str] = field(default_factory=dict)
    spent_s: float = 0.0

    @classmethod
    def read(cls, folder: Path, target: str, seed: int) -> Progress:
        """What an earlier run left."""
        file = folder / f"{target}-{seed}.json"
        if not file.exists():
            return cls(file=file)
        told = json.loads(file.read_text())
        found = {int(number): reason for number, reason in told["found"].items()}
        return cls(file=file, done=dict(told["done"]), found=found, spent_s=told["spent_s"])

    @property
    def played(self) -> int:
        """Inputs."""
        return sum(end - start for start, end in self.done.items())

    def write(self) -> None:
        """Keep it."""
        told = {"done": sorted(self.done.items()), "found": self.found, "spent_s": round(self.spent_s, 1)}
        draft = self.file.with_suffix(".new")
        draft.write_text(json.dumps(told))
        draft.replace(self.file)


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What is to be played: the first `inputs` of a target and seed."""

    target: str
    seed: int
    inputs: int

    def shares(self, progress: Progress) -> Iterator[range]:
        """Those that are still to be played."""
        for start in range(0, self.inputs, SHARE):
            begin, end = progress.done.get(start, start), min(start + SHARE, self.inputs)
            if begin < end:
                yield range(begin, end)


async def play_all(plan: Plan, progress: Progress, jobs: int, show: Callable[[str], None]) -> None:
    """Play what is missing, on so many cores. What was done is kept.

    Cancelled, it ends its processes. Raises ClickException when they do not start.
    """
    shares, begun = plan.shares(progress), time.monotonic()
    before = progress.played

    async def worker() -> None:
        for share in shares:
            started = time.monotonic()
            for one in await _share(plan, share):
                progress.found[one.number] = one.reason
                show(f"{plan.target}: input {one.number}: {one.reason}")
            progress.done[share.start // SHARE * SHARE] = share.stop
            progress.spent_s += time.monotonic() - started
            progress.write()
            rate = (progress.played - before) / (time.monotonic() - begun)
            show(f"{plan.target}: {progress.played} of {plan.inputs}, {rate:.0f} a second")

    try:
        async with asyncio.TaskGroup() as group:
            for _ in range(jobs):
                group.create_task(worker(), name="fuzz-worker")
    except* click.ClickException as several:
        raise several.exceptions[0] from None


async def _share(plan: Plan, share: range) -> list[Found]:
    """One share; after a death or a standstill, what is behind it goes on in another process."""
    found: list[Found] = []
    while share:
        some, died_at = await _process(plan, share)
        found += some
        if died_at is None:
            break
        if died_at > share.start:  # what it had found died with it
            found += (await _process(plan, range(share.start, died_at)))[0]
        share = range(died_at + 1, share.stop)
    return found


async def _process(plan: Plan, share: range) -> tuple[list[Found], int | None]:
    with tempfile.NamedTemporaryFile(prefix="fuzz-at-") as file:
        file.write(_NUMBER.pack(_STARTING))
        file.flush()
        words = ("--share", str(share.start), str(share.stop), "--note", file.name, "--seed", str(plan.seed))
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "fuzz", plan.target, *words, stdout=asyncio.subprocess.PIPE
        )
        try:
            return await _watch(process, mmap.mmap(file.fileno(), _NUMBER.size))
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()


async def _watch(process: asyncio.subprocess.Process, note: mmap.mmap) -> tuple[list[Found], int | None]:
    told = asyncio.create_task(process.communicate(), name="fuzz-told")
    number, since = _STARTING, time.monotonic()
    while not told.done():
        await asyncio.wait({told}, timeout=_LOOK_S)
        (now,) = _NUMBER.unpack(note[:])
        if now != number:
            number, since = now, time.monotonic()
        elif time.monotonic() - since > (_START_S if number == _STARTING else STILL_S):
            process.kill()
            await told
            return _stopped(number, f"it takes more than {STILL_S:g} s")
    (number,) = _NUMBER.unpack(note[:])
    if process.returncode != 0:
        return _stopped(number, f"the process ended with {process.returncode}; see above")
    return [Found(**one) for one in json.loads(told.result()[0])], None


def _stopped(number: int, reason: str) -> tuple[list[Found], int]:
    if number == _STARTING:
        raise click.ClickException(f"no process gets to its first input: {reason}")
    return [Found(number=number, reason=reason)], number


def noting(path: Path) -> Callable[[int], None]:
    """A worker's side of the watch."""
    with path.open("r+b") as file:
        note = mmap.mmap(file.fileno(), _NUMBER.size)
    return lambda number: _NUMBER.pack_into(note, 0, number)


def as_json(found: list[Found]) -> str:
    """What a worker tells of its share."""
    return json.dumps([asdict(one) for one in found])
