"""The proof itself: each container in turn is killed under its callers; then the record is held against the files.

SIPp ─► published ports ─► Asterisk's container ─► its files in a volume ─► the bridge's record
  what was dialled and answered   ·   bench.soak.files reads them anew    ·   calls --json, calls verify
"""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bench.callers import Load, Outcome, calling
from bench.figure import CannotMeasure
from bench.scenario import AwaitHangUp, HangUp, Keys, Pause, Step
from bench.soak import files
from bench.soak.files import Told
from bench.system import REPOSITORY, Say
from tools.containers.engine import PROJECT, Engine

_HABITS: Sequence[Sequence[Step]] = (
    (Pause(4000, 9000), HangUp()),
    (Pause(2000, 4000), Keys(("2",)), Pause(2000, 4000), Keys(("1",)), Pause(2000, 5000), HangUp()),
    (Pause(2000, 4000), Keys(("1",)), Pause(2000, 4000), Keys(("0",)), AwaitHangUp()),
)
_RATE = 2.0
_PATIENCE_S = 25.0
_LAST_S = 90.0  # the last caller is done so long after the last has dialled
_KILL_AFTER_S = 6.0
_READY_S = 900.0  # the first start renders the prompts, unless the tests have done it
_BACK_S = 180.0
_CLOSED_S = 90.0
_POLL_S = 2.0
_HOST = "127.0.0.1"  # the only caller's address that engines lead through ports published there
_USER = 5060
_SOUNDS = REPOSITORY / "var" / "test-sounds"


@dataclass(slots=True, kw_only=True)
class Result:
    """How it went: `problems` is empty when nothing was lost or doubled and everything came back."""

    counts: dict[str, Any] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)


@dataclass(slots=True, kw_only=True)
class Proof:
    """One run on containers that are up."""

    engine: Engine
    say: Say
    callers: int
    sip_port: int
    _dialled: list[str] = field(default_factory=list)
    _answered: list[str] = field(default_factory=list)

    async def run(self) -> Result:
        """Callers before, and during the end of each container; what is on record of them. Raises CannotMeasure."""
        begun = datetime.now(UTC)
        result = Result()
        result.counts["ready_s"] = round(await self._ready(_READY_S), 1)
        result.counts["hardened"] = await asyncio.to_thread(self._hardened, result.problems)
        for service in ("", *self.engine.services):
            result.counts[f"kill_{service}" if service else "quiet"] = await self._round(service)
        told = files.read(self._files / "log/cel-custom/cel.csv", self._files / "log/queue_log", begun.timestamp())
        kept = await self._records(begun, len(told))
        words = await asyncio.to_thread(self._verified, begun, result.problems)
        result.problems += compared(told, kept, self._dialled, self._answered)
        outcomes = Counter(str(record["outcome"]) for record in kept)
        result.counts |= {
            "dialled": len(self._dialled),
            "answered": len(self._answered),
            "calls_in_files": len(told),
            "calls_on_record": len(kept),
            "interrupted": sum(record["end_estimated"] for record in kept),
            "fallback": sum(record["fallback"] for record in kept),
            "outcomes": dict(sorted(outcomes.items())),
            "calls_verify": words,
        }
        return result

    @property
    def _files(self) -> Path:
        return self.engine.volume("asterisk")

    async def _ready(self, limit_s: float) -> float:
        """Seconds until every health check passes. Raises CannotMeasure with what the containers said last."""
        begun = time.monotonic()
        while not all([await asyncio.to_thread(self.engine.healthy, service) for service in self.engine.services]):
            if time.monotonic() - begun > limit_s:
                last = "\n".join(f"--- {name}\n{self.engine.logs(name)}" for name in self.engine.services)
                raise CannotMeasure(f"not every container was healthy after {limit_s:g} s\n{last}")
            await asyncio.sleep(0.2)
        return time.monotonic() - begun

    async def _round(self, service: str) -> Mapping[str, Any]:
        """Some callers; the service's container is killed under them, and is back before the next round."""
        numbers = [f"0912{len(self._dialled) + place:07d}" for place in range(self.callers)]
        self._dialled += numbers
        self.say(
            f"{len(numbers)} callers" + (f"; the container of {service} will be killed under them" if service else "")
        )
        calls = asyncio.gather(
            *(self._habit(numbers[place :: len(_HABITS)], steps) for place, steps in enumerate(_HABITS))
        )
        try:
            counts = await self._killed(service) if service else {}
            outcomes = await calls
        finally:
            calls.cancel()
            with suppress(asyncio.CancelledError, CannotMeasure):
                await calls
        answered = [number for outcome in outcomes for number in outcome.answered]
        self._answered += answered
        if not service and len(answered) != len(numbers):
            raise CannotMeasure(f"{len(answered)} of {len(numbers)} callers were answered while nothing was killed")
        return {"callers": len(numbers), "answered": len(answered), **counts}

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

    async def _killed(self, service: str) -> Mapping[str, Any]:
        await asyncio.sleep(_KILL_AFTER_S)
        under_way = await asyncio.to_thread(self._under_way)
        if not under_way:
            raise CannotMeasure(f"nobody was on the phone when {service} was to be killed")
        await asyncio.to_thread(self.engine.crash, service)
        self.say(f"{service} killed with {under_way} callers on the phone")
        begun = time.monotonic()
        await asyncio.sleep(1.0)
        await self._ready(_BACK_S)
        back_s = time.monotonic() - begun
        self.say(f"all is well again after {back_s:.1f} s")
        return {"on_the_phone": under_way, "back_s": round(back_s, 1)}

    def _under_way(self) -> int:
        told = self._asterisk("core show calls").split()
        return int(told[0]) if told and told[0].isdigit() else 0

    def _asterisk(self, command: str) -> str:
        return self.engine.inside("asterisk", "asterisk", "-C", "/data/asterisk/etc/asterisk.conf", "-rx", command)

    def _hardened(self, problems: list[str]) -> Mapping[str, str]:
        """What the containers really are, not what the compose file says of them."""
        words = {}
        for service in self.engine.services:
            status = self.engine.inside(service, "cat", "/proc/1/status")
            lines = dict(line.split(":\t", 1) for line in status.splitlines() if ":\t" in line)
            told = {
                "user": lines["Uid"].split()[0],
                "capabilities": lines["CapEff"],
                "no_new_privs": lines["NoNewPrivs"],
            }
            mounts = self.engine.inside(service, "cat", "/proc/1/mounts").splitlines()
            root = next(line.split()[3].split(",")[0] for line in mounts if line.split()[1] == "/")
            words[service] = " ".join([*told.values(), root])
            if (*told.values(), root) != (str(_USER), "0" * 16, "1", "ro"):
                problems.append(f"{service} is not hardened: {told}, its root is {root}")
        return words

    async def _records(self, begun: datetime, expected: int) -> Sequence[Mapping[str, Any]]:
        """The calls on record once all are closed, or after a bound."""
        deadline = time.monotonic() + _CLOSED_S
        while True:
            kept = await asyncio.to_thread(self._on_record, begun)
            if time.monotonic() > deadline or (len(kept) >= expected and all(record["ended_at"] for record in kept)):
                return kept
            await asyncio.sleep(_POLL_S)

    def _on_record(self, begun: datetime) -> Sequence[Mapping[str, Any]]:
        words = ("pbx-bridge", "calls", "--json", "--since", begun.isoformat(), "--limit", "10000")
        return [json.loads(line) for line in self.engine.inside("bridge", *words).splitlines()]

    def _verified(self, begun: datetime, problems: list[str]) -> str:
        """The last line of `calls verify`: the record against CEL, queue_log and CDRs, by the product itself."""
        try:
            told = self.engine.inside("bridge", "pbx-bridge", "calls", "verify", "--since", begun.isoformat())
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


def lay_sounds(engine: Engine) -> bool:
    """Give the bridge the prompts that the tests have rendered: the first start takes seconds then."""
    if not _SOUNDS.is_dir():
        return False
    engine.podman("volume", "create", f"{PROJECT}_asterisk")
    place = engine.volume("asterisk")
    shutil.copytree(_SOUNDS, place / "sounds", dirs_exist_ok=True)
    for path in (place, *place.rglob("*")):
        os.chown(path, _USER, _USER)
    return True
