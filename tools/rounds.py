"""Rounds of callers, and the record of them held against Asterisk's own files.

SIPp ─► Asterisk ─► its files ─► the bridge's record
  what was dialled and answered   ·   bench.soak.files reads them anew    ·   calls --json, calls verify
"""

from __future__ import annotations

import asyncio
import json
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bench.callers import Load, Outcome, calling
from bench.command import Result
from bench.figure import CannotMeasure
from bench.scenario import AwaitHangUp, HangUp, Keys, Pause, Step
from bench.soak import files
from bench.soak.files import Told
from bench.system import Say

Inside = Callable[..., str]  # what a command says, its words given, where the bridge is; raises CannotMeasure
During = Callable[[], Awaitable[Mapping[str, Any]]]

_HABITS: Sequence[Sequence[Step]] = (
    (Pause(4000, 9000), HangUp()),
    (Pause(2000, 4000), Keys(("2",)), Pause(2000, 4000), Keys(("1",)), Pause(2000, 5000), HangUp()),
    (Pause(2000, 4000), Keys(("1",)), Pause(2000, 4000), Keys(("0",)), AwaitHangUp()),
)
_RATE = 2.0
_PATIENCE_S = 25.0
_LAST_S = 90.0  # the last caller is done so long after the last has dialled
_CLOSED_S = 90.0
_POLL_S = 2.0
_HOST = "127.0.0.1"  # the only caller's address that container engines lead through ports published there


@dataclass(slots=True, kw_only=True)
class Rounds:
    """The callers of one proof. Each calls once, from a number of their own; so many in each round."""

    say: Say
    callers: int
    sip_port: int
    begun: datetime = field(default_factory=lambda: datetime.now(UTC))
    dialled: list[str] = field(default_factory=list)
    answered: list[str] = field(default_factory=list)

    async def round(self, during: During | None = None) -> Mapping[str, Any]:
        """Some callers, and what happens to them meanwhile. All must be answered if nothing does.

        Raises CannotMeasure.
        """
        numbers = [f"0912{len(self.dialled) + place:07d}" for place in range(self.callers)]
        self.dialled += numbers
        calls = asyncio.gather(
            *(self._habit(numbers[place :: len(_HABITS)], steps) for place, steps in enumerate(_HABITS))
        )
        try:
            counts = await during() if during is not None else {}
            outcomes = await calls
        finally:
            calls.cancel()
            with suppress(asyncio.CancelledError, CannotMeasure):
                await calls
        answered = [number for outcome in outcomes for number in outcome.answered]
        self.answered += answered
        if during is None and len(answered) != len(numbers):
            raise CannotMeasure(f"{len(answered)} of {len(numbers)} callers were answered while nothing happened")
        return {"callers": len(numbers), "answered": len(answered), **counts}

    async def result(self, cel: Path, queue_log: Path, bridge: Inside) -> Result:
        """What the files and the record say of all of them, once their calls are closed. Raises CannotMeasure."""
        told = files.read(cel, queue_log, self.begun.timestamp())
        kept = await self._records(bridge, len(told))
        problems: list[str] = []
        words = await asyncio.to_thread(self._verified, bridge, problems)
        problems += compared(told, kept, self.dialled, self.answered)
        outcomes = Counter(str(record["outcome"]) for record in kept)
        counts = {
            "dialled": len(self.dialled),
            "answered": len(self.answered),
            "calls_in_files": len(told),
            "calls_on_record": len(kept),
            "interrupted": sum(record["end_estimated"] for record in kept),
            "fallback": sum(record["fallback"] for record in kept),
            "outcomes": dict(sorted(outcomes.items())),
            "calls_verify": words,
        }
        return Result(problems=problems, counts=counts)

    async def _habit(self, numbers: Sequence[str], steps: Sequence[Step]) -> Outcome:
        load = Load(
            callers=[[number] for number in numbers],
            steps=steps,
            rate=_RATE / len(_HABITS),
            limit_s=self.callers / _RATE + _LAST_S,
            patience_s=_PATIENCE_S,
            host=_HOST,
        )
        async with calling(load, self.sip_port) as task:
            return await task

    async def _records(self, bridge: Inside, expected: int) -> Sequence[Mapping[str, Any]]:
        """The calls on record once all are closed, or after a bound."""
        deadline = time.monotonic() + _CLOSED_S
        words = ("calls", "--json", "--since", self.begun.isoformat(), "--limit", "10000")
        while True:
            kept = [json.loads(line) for line in (await asyncio.to_thread(bridge, *words)).splitlines()]
            if time.monotonic() > deadline or (len(kept) >= expected and all(record["ended_at"] for record in kept)):
                return kept
            await asyncio.sleep(_POLL_S)

    def _verified(self, bridge: Inside, problems: list[str]) -> str:
        """The last line of `calls verify`: the record against CEL, queue_log and CDRs, by the product itself."""
        try:
            told = bridge("calls", "verify", "--since", self.begun.isoformat())
        except CannotMeasure as error:
            problems.append(f"calls verify: {error}")
            return ""
        return told.strip().splitlines()[-1]


def compared(
    told: Mapping[str, Told], kept: Sequence[Mapping[str, Any]], dialled: Sequence[str], answered: Sequence[str]
) -> Iterator[str]:
    """What was lost or doubled, one line each: every caller calls once, from a number of their own."""
    in_files = Counter(call.caller for call in told.values())
    on_record = Counter(str(record["caller"]) for record in kept)
    for number in dialled:
        if in_files[number] > 1 or on_record[number] > in_files[number]:
            yield f"DOUBLED: {number} is {in_files[number]} times in the files, {on_record[number]} on record"
        elif on_record[number] < in_files[number]:
            yield f"LOST: {number} is in Asterisk's files and not on record"
        elif number in answered and not on_record[number]:
            yield f"LOST: {number} was answered and is in no file"
    yield from (f"a call of {number!r}, who did not dial" for number in (in_files | on_record).keys() - set(dialled))
    for record in kept:
        if record["ended_at"] is None or record["outcome"] is None:
            yield f"the call of {record['caller']} is still open"
