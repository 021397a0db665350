"""The proof itself: each container in turn is killed under its callers; then the record is held against the files."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import Any

from bench.command import Result
from bench.figure import CannotMeasure
from bench.system import REPOSITORY, Say
from pbx_bridge.store.demo import demo_callers
from tools.containers.engine import PROJECT, Engine
from tools.rounds import Rounds

_KILL_AFTER_S = 6.0
_READY_S = 900.0  # the first start renders the prompts, unless the tests have done it
_BACK_S = 180.0
_USER = 5060
_SOUNDS = REPOSITORY / "var" / "test-sounds"


@dataclass(slots=True, kw_only=True)
class Proof:
    """One run on containers that are up."""

    engine: Engine
    say: Say
    rounds: Rounds

    async def run(self) -> Result:
        """Callers before, and during the end of each container; what is on record of them. Raises CannotMeasure."""
        counts: dict[str, Any] = {"ready_s": round(await self._ready(_READY_S), 1)}
        problems: list[str] = []
        counts["hardened"] = await asyncio.to_thread(self._hardened, problems)
        counts["try_call"] = await asyncio.to_thread(self._tried, problems)
        self.rounds.begun = datetime.now(UTC)  # that call is not one of theirs
        self.say(f"{self.rounds.callers} callers")
        counts["quiet"] = await self.rounds.round()
        for service in self.engine.services:
            self.say(f"{self.rounds.callers} callers; the container of {service} will be killed under them")
            counts[f"kill_{service}"] = await self.rounds.round(partial(self._killed, service))
        files = self.engine.volume("asterisk") / "log"
        bridge = partial(self.engine.inside, "bridge", "pbx-bridge")
        result = await self.rounds.result(files / "cel-custom" / "cel.csv", files / "queue_log", bridge)
        return Result(counts=counts | result.counts, problems=problems + result.problems)

    async def _ready(self, limit_s: float) -> float:
        """Seconds until every health check passes. Raises CannotMeasure with what the containers said last."""
        begun = time.monotonic()
        while not all([await asyncio.to_thread(self.engine.healthy, service) for service in self.engine.services]):
            if time.monotonic() - begun > limit_s:
                last = "\n".join(f"--- {name}\n{self.engine.logs(name)}" for name in self.engine.services)
                raise CannotMeasure(f"not every container was healthy after {limit_s:g} s\n{last}")
            await asyncio.sleep(0.2)
        return time.monotonic() - begun

    def _tried(self, problems: list[str]) -> str:
        """What a newcomer without a phone does: one of the demo's customers asks after their ticket."""
        caller = demo_callers()[0]
        words = ("try-call", "--from", caller.number, "--keys", f"2,1,{caller.tracking_numbers[0]}#", "--json")
        self.say(f"try-call from {caller.number} in the bridge's container")
        told = self.engine.inside("bridge", "pbx-bridge", *words)
        outcome = str(json.loads(told.splitlines()[-1])["outcome"])
        if outcome != "self_served":
            problems.append(f"try-call ended {outcome}:\n{told}")
        return outcome

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
