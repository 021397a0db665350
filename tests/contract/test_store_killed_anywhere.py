"""kill -9 at any moment, many times: facts, cursor, checkpoints, calls and outbox always tell of the same moment.

A child process writes calls as the daemon does: the spool's batches with their cursor, each caller's steps with their
checkpoint. It is killed at a random time, never between two lines of its own; then the file is looked at as it is.
"""

from __future__ import annotations

import asyncio
import os
import random
import signal
import sqlite3
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

from store_facts import NODE, begun, ended, quick_store, step

from pbx_bridge.calls.source import Cursor
from pbx_bridge.store import RunGone, RunState, Store

CALLS, STEPS, KILLS = 1500, 3, 12
LONGEST_LIFE_S = 0.4
SPOOL = "cel:1-1"


def channel(number: int) -> str:
    return f"1.{number}"


async def write(path: Path) -> None:
    """Go on from where the store stands, until killed or done."""
    spool = [facts for number in range(CALLS) for facts in (begun(channel(number), number), ended(channel(number)))]
    async with quick_store(path) as store:
        print("ready", flush=True)
        begin = await position(store)
        for place in range(begin, len(spool)):
            cursor = Cursor(node=NODE, source="cel", file=SPOOL, offset=place + 1)
            adding = asyncio.create_task(store.journal.add(spool[place], cursors=[cursor]))
            if place % 2 == 0:
                await serve(store, channel(place // 2), place // 2)
            await adding


async def serve(store: Store, name: str, second: int) -> None:
    """A caller's steps, each with the checkpoint it leads to; at the end the checkpoint goes."""
    for number in range(STEPS):
        state = RunState(node=NODE, channel=name, body=str(number).encode())
        await store.journal.post([step(name, number, second + number, keys="1")], runs=[state])
    await store.journal.post((), runs=[RunGone(node=NODE, channel=name)])


async def position(store: Store) -> int:
    cursors = await store.journal.cursors(NODE)
    return cursors[0].offset if cursors else 0


async def live_and_die(path: Path, life_s: float) -> bool:
    """Run `write` in a process of its own and kill it so long after it began; False when it was done before."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, __file__, str(path)),
        stdout=asyncio.subprocess.PIPE,
        env=os.environ | {"PYTHONPATH": os.pathsep.join([str(Path(__file__).parents[1]), *sys.path])},
    )
    assert process.stdout is not None
    while (line := await process.stdout.readline()) != b"ready\n":
        assert line, "it ended before it was ready"
    try:
        async with asyncio.timeout(life_s):
            await process.wait()
    except TimeoutError:
        process.send_signal(signal.SIGKILL)
        await process.wait()
        return True
    assert process.returncode == 0
    return False


def check_file(path: Path) -> int:
    """Everything in the file tells of one moment; returns how far the spool was read."""
    with closing(sqlite3.connect(path)) as db:

        def ask(statement: str) -> list[Any]:
            return db.execute(statement).fetchall()

        assert ask("PRAGMA quick_check") == [("ok",)]
        ((read,),) = ask("SELECT coalesce(max(at_offset), 0) FROM source_cursor") or [(0,)]
        # A batch's facts and its cursor: both or neither.
        rows = dict(ask("SELECT channel, count(*) FROM fact WHERE kind = 'cel' GROUP BY channel"))
        assert sum(rows.values()) == sum(2 if place % 2 == 0 else 3 for place in range(read))
        # A caller's last step and the checkpoint it led to: both or neither.
        last = dict(ask("SELECT channel, max(at_offset) FROM fact WHERE kind = 'step' GROUP BY channel"))
        runs = {name: int(body) for name, body in ask("SELECT channel, body FROM run")}
        assert all(last[name] == number for name, number in runs.items())
        # Every revision was told, none that is not there; nothing stands twice.
        told = dict(ask("SELECT call_id, max(revision) FROM outbox GROUP BY call_id"))
        kept = dict(ask("SELECT call_id, revision FROM call"))
        assert told == kept
        assert len(ask("SELECT DISTINCT root FROM call")) == len(kept)
        # A fact belongs to a call that is there, or that is marked as still to be folded.
        orphans = """SELECT count(*) FROM call_group WHERE dirty_since_us IS NULL
            AND id NOT IN (SELECT call_group FROM call) AND id IN (SELECT call_group FROM fact WHERE kind = 'cel')"""
        assert ask(orphans) == [(0,)]
    return int(read)


async def test_killed_at_any_moment(tmp_path: Path) -> None:
    path, chance, places = tmp_path / "s.db", random.Random(), [0]
    while len(places) <= KILLS or len(set(places)) <= 2:  # on a slow machine some die before they did anything
        killed = await live_and_die(path, chance.uniform(0.0, LONGEST_LIFE_S))
        places.append(check_file(path))
        assert places[-1] >= places[-2], "what was read once stays read"
        if not killed:
            break
    assert len(set(places)) > 2, f"it was never killed at work: {places}"  # done, before it was killed twice


if __name__ == "__main__":
    asyncio.run(write(Path(sys.argv[1])))
