"""One soak from beginning to end: calls under faults, then a quiet moment, then the verdict."""

from __future__ import annotations

import asyncio
import json
import shutil
import time
from collections.abc import Callable, Coroutine, Sequence
from contextlib import AbstractAsyncContextManager, nullcontext, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bench.command import Result
from bench.records import records
from bench.soak import files, verdict
from bench.soak.faults import Faults, Plan
from bench.soak.hearing import Hearing, listening
from bench.soak.people import agents, place_calls
from bench.soak.proxy import cable
from bench.sounds import cut_sounds, longest_s
from bench.system import Pbx, Say, System, system

DEAD_MAN_S = 10.0  # asterisk-conf/extensions.conf.j2
_MARGIN_S = 0.6
SHORTER = 0.15  # of each prompt: callers stay for seconds, not minutes
_CLOSED_S = 60.0
_POLL_S = 0.5
_SLACK_S = 240.0  # for the start, the last callers and the verdict,
_EACH_S = 0.02  # which reads every call several times


def limit_s(calls: int, rate: float) -> float:
    """How long a soak may take, seconds: one that hangs must end by itself."""
    return calls / rate + _SLACK_S + calls * _EACH_S


async def trial(
    pbx: Pbx,
    calls: int,
    rate: float,
    plan: Plan,
    say: Say,
    keep: Path | None = None,
    beside: Callable[[System], AbstractAsyncContextManager[None]] = lambda _: nullcontext(),
) -> Result:
    """So many calls at so many a second under these faults. Raises CannotMeasure.

    Args:
        keep: a folder for what the run wrote: Asterisk's files, the store, the daemon's log.
        beside: entered before the first call, left when all is on record.
    """
    async with system(pbx, calls, say) as made, cable(pbx.ports.ari) as line:
        cut_sounds(pbx.paths.sounds, SHORTER)
        made.running.ari_port = line.port
        made.running.stop_daemon()
        await made.running.start_daemon()
        async with agents(pbx) as desk, listening(pbx, time.time) as heard, beside(made):
            since = time.time()
            faults = Faults(system=made, cable=line, agents=desk, plan=plan)
            say(f"{calls} calls at {rate:g}/s")
            answered = await _under(faults, place_calls(made.people, rate, made.sip_port))
            say("the last caller has hung up")
            found = await evidence_of(made, since, answered, heard, faults.turns)
            say(f"{len(found.records)} calls on record")
        say("asking `calls verify` and `calls gaps`")
        checks, words = await own_checks(made, datetime.fromtimestamp(since, UTC), len(faults.back_s))
        if keep is not None:
            made.running.stop_daemon()
            _keep(made, keep)
    counts = verdict.summary(found) | {
        "faults": {fault.value: count for fault, count in faults.done.items()},
        "daemon_back_worst_s": round(max(faults.back_s, default=0.0), 2),
        "talks_of_agents": desk.talks,
        "own_checks": words,
    }
    return Result(problems=[*verdict.problems(found), *checks], counts=counts)


async def _under(faults: Faults, work: Coroutine[Any, Any, Sequence[str]]) -> Sequence[str]:
    """The work's result, done while the faults go on; they end with it."""
    calls, trouble = asyncio.ensure_future(work), asyncio.create_task(faults.run(), name="soak-faults")
    try:
        await asyncio.wait({calls, trouble}, return_when=asyncio.FIRST_COMPLETED)
        if trouble.done():
            trouble.result()  # it never ends by itself: what it raised is what went wrong
        return await calls
    finally:
        for task in (calls, trouble):
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task


async def evidence_of(
    made: System, since: float, answered: Sequence[str], heard: Hearing, turns: Sequence[float]
) -> verdict.Evidence:
    """Everything known, as soon as every call of the files is on record and closed, or after a bound."""
    deadline = time.monotonic() + _CLOSED_S
    begun = datetime.fromtimestamp(since, UTC)
    while True:
        told = files.read(made.pbx.paths.cel, made.pbx.paths.queue_log, since)
        kept = await records(made, begun)
        closed = sum(record["ended_at"] is not None for record in kept)
        if (closed == len(told) == len(kept)) or time.monotonic() > deadline:
            break
        await asyncio.sleep(_POLL_S)
    silences = {root: silence for root, call in told.items() if (silence := heard.longest_silence(call)) is not None}
    unserved = {root: heard.longest_silence(told[root], turns) or 0.0 for root in silences}
    return verdict.Evidence(
        calls=told,
        records=kept,
        dialled=[person.phone for person in made.people],
        answered=answered,
        strangers=files.strangers(made.pbx.paths.cel, told, since),
        silences=silences,
        unserved=unserved,
        silence_limit_s=DEAD_MAN_S + _MARGIN_S,
        farewell_s=longest_s(made.pbx.paths.sounds, "nobody.wav"),
    )


def _keep(made: System, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for path in (made.pbx.paths.cel, made.pbx.paths.queue_log, made.running.store, made.running.home / "daemon.out"):
        if path.exists():
            shutil.copy(path, folder / path.name)


async def own_checks(made: System, begun: datetime, absences: int) -> tuple[list[str], dict[str, Any]]:
    """What the product says of itself: `calls verify`, and `calls gaps` of the daemon's absences."""
    since = ("--json", "--since", begun.isoformat())
    told = (await made.running.command("calls", "verify", *since[1:], check=False)).splitlines() or [""]
    disagreements = await _lines(made, "verify", *since)
    unexplained = [one for one in disagreements if not one["explained"]]
    gaps, unread = await _lines(made, "gaps", *since), await _lines(made, "gaps", "--open", *since)
    files = [gap for gap in unread if gap["source"] in ("cel", "queue")]
    counts = {"unexplained": len(unexplained), "gaps": len(gaps), "verify": told[-1]}
    return [
        *([] if "disagreements" in told[-1] else [f"calls verify did not end well: {told[-1]!r}"]),
        *(f"calls verify: {json.dumps(one, ensure_ascii=False)}" for one in unexplained),
        *(f"calls gaps --open: {json.dumps(gap, ensure_ascii=False)}" for gap in files),
        *(
            []
            if len(gaps) >= absences
            else [f"calls gaps names {len(gaps)} gaps, the daemon was away {absences} times"]
        ),
    ], counts


async def _lines(made: System, *words: str) -> list[dict[str, Any]]:
    told = await made.running.command("calls", *words, check=False)
    return [json.loads(line) for line in told.splitlines()]
