"""Targets `cel` and `queue_log`: spoilt spool files through the real reader into a real store, where they are folded.

What is asked: the reader takes every byte, as a fact or set aside with its reason; a good row behind the spoilt ones
is read; the store keeps all of it; and no call breaks the fold.
"""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, closing
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from fuzz.mutate import Stock
from fuzz.target import Defect, Found, Target
from pbx_bridge.calls.fact_text import decode
from pbx_bridge.calls.facts import FactKind, RawFact, StepKind
from pbx_bridge.calls.fold import fold
from pbx_bridge.calls.keys import keys_of
from pbx_bridge.calls.source import Unreadable
from pbx_bridge.spool.cel import CelSpool
from pbx_bridge.spool.queue_log import QueueLogSpool
from pbx_bridge.spool.record import Record
from pbx_bridge.spool.tail import Tail
from pbx_bridge.store import Store, open_store
from pbx_bridge.store.call_body import as_json

CAPTURES = Path(__file__).parents[1] / "captures"
_ROWS = 7  # of one input

_QUEUE_EVENTS = (
    "QUEUESTART", "ENTERQUEUE", "CONNECT", "COMPLETEAGENT", "COMPLETECALLER", "ABANDON", "EXITWITHTIMEOUT",
    "EXITWITHKEY", "EXITEMPTY", "RINGNOANSWER", "RINGCANCELED", "ADDMEMBER", "REMOVEMEMBER", "PAUSE", "UNPAUSE",
    "PAUSEALL", "TRANSFER", "BLINDTRANSFER", "ATTENDEDTRANSFER", "NONE", "support",
)  # fmt: skip
_CEL_WORDS = (
    "CHAN_START", "CHAN_END", "HANGUP", "ANSWER", "BRIDGE_ENTER", "BRIDGE_EXIT", "APP_START", "APP_END",
    "PARK_START", "PARK_END", "PICKUP", "FORWARD", "LINKEDID_END", "LOCAL_OPTIMIZE", "LOCAL_OPTIMIZE_BEGIN",
    "ATTENDEDTRANSFER", "BLINDTRANSFER", "USER_DEFINED", "STREAM_BEGIN", "Stasis", "Queue", "Dial", "VoiceMail",
    "from-trunk", "from-agents", "PJSIP/101-00000002", "Local/101@agents-00000000;1", "bridge_id",
    '""hangupcause"":16', '""hangupsource"":""dialplan""', '{""extra"":""x""}', *StepKind,
)  # fmt: skip


def _stock(name: str, words: Sequence[str]) -> Stock:
    seeds: list[bytes] = []
    for path in sorted(CAPTURES.glob(f"*/{name}")):
        lines = path.read_bytes().splitlines(keepends=True)
        seeds += [b"".join(lines[at : at + _ROWS]) for at in range(0, len(lines), _ROWS)]
    return Stock(seeds=seeds, words=[word.encode() for word in words])


@dataclass(slots=True)
class SpoolSession:
    """A spool file that is written anew for each input, and the store behind it.

    Attributes:
        tail: (path, node) → the reader.
        good: a row that must be read behind whatever stands before it; its channel is `sentinel`.
    """

    path: Path
    tail: Callable[[Path, str], Tail]
    good: bytes
    store: Store
    database: Path
    facts: dict[str, list[RawFact]] = field(default_factory=dict)
    aside: dict[str, list[Unreadable]] = field(default_factory=dict)

    async def play(self, number: int, data: bytes) -> None:
        """Read the file; the store gets it with the others."""
        node, told = f"n{number}", data + b"\n" + self.good
        self.path.unlink(missing_ok=True)
        self.path.write_bytes(told)
        facts, aside = self._read(node)
        _compare(told, facts, aside)
        _fold(facts)
        self.facts[node], self.aside[node] = facts, aside

    def _read(self, node: str) -> tuple[list[RawFact], list[Unreadable]]:
        facts, aside = list[RawFact](), list[Unreadable]()
        with closing(self.tail(self.path, node)) as tail:
            while batch := tail.read():
                facts += batch.facts
                aside += batch.unreadable
                tail.advance(batch.cursors)
            if not tail.caught_up or tail.losses():
                raise Defect("the reader did not come to the end")
        return facts, aside

    async def settle(self) -> list[Found]:
        """Have the store keep everything at once, and fold what may be over, as after a time when it was away."""
        facts, aside, self.facts, self.aside = self.facts, self.aside, {}, {}
        if not facts:
            return []
        try:
            await self._keep(
                [f for some in facts.values() for f in some], [u for some in aside.values() for u in some]
            )
        except Exception as error:
            return await self._each(facts, aside) or [Found(number=_number(min(facts)), reason=f"together: {error}")]
        return [*self._lost(facts, aside), *self._broken()]

    async def _keep(self, facts: Sequence[RawFact], aside: Sequence[Unreadable]) -> None:
        await self.store.journal.add(facts, unreadable=aside)

    async def _each(self, facts: dict[str, list[RawFact]], aside: dict[str, list[Unreadable]]) -> list[Found]:
        """Which of the inputs the store refuses."""
        found = []
        for node in facts:
            try:
                await self._keep(facts[node], aside[node])
            except Exception as error:
                found.append(Found(number=_number(node), reason=f"the store refused it: {error}"))
        return found

    def _lost(self, facts: dict[str, list[RawFact]], aside: dict[str, list[Unreadable]]) -> list[Found]:
        kept, bad = self._counts("fact"), self._counts("unreadable")
        found = []
        for node in facts:
            were, are = (len(facts[node]), len(aside[node])), (kept.get(node, 0), bad.get(node, 0))
            if are[0] != were[0] or are[1] < were[1]:
                reason = "{} facts and {} pieces aside became {} and {} in the store".format(*were, *are)
                found.append(Found(number=_number(node), reason=reason))
        return found

    def _counts(self, table: str) -> dict[str, int]:
        return dict(self._ask(f"SELECT node, count(*) FROM {table} GROUP BY node"))  # noqa: S608 # ours

    def _broken(self) -> list[Found]:
        rows = self._ask("SELECT node, trouble FROM call_group WHERE trouble <> ''")
        return [Found(number=_number(node), reason=f"the call could not be folded: {why}") for node, why in rows]

    def _ask(self, statement: str) -> list[tuple[str, int]]:
        with closing(sqlite3.connect(self.database)) as db:
            return db.execute(statement).fetchall()


def _fold(facts: Sequence[RawFact]) -> None:
    """All of them as one call's: whatever comes together, the fold makes of it what the store can keep."""
    told = [fact for fact in map(decode, facts) if keys_of(fact)]
    call = fold(told, [fact.at for fact in facts if fact.kind is FactKind.BOOT])
    if call is not None:
        as_json(call)


def _number(node: str) -> int:
    return int(node[1:])


def _compare(told: bytes, facts: Sequence[RawFact], aside: Sequence[Unreadable]) -> None:
    """Every byte that is no line end stands in one fact, or in one piece set aside; each as it was written."""
    pieces = sorted([(fact.offset, fact.body) for fact in facts] + [(bad.offset, bad.body) for bad in aside])
    ends = [offset for offset, _ in pieces[1:]] + [len(told)]
    if told[: pieces[0][0]].strip(b"\n"):
        raise Defect("bytes before the first record were passed over")
    for (start, body), end in zip(pieces, ends, strict=True):
        written = Record(offset=start, data=told[start:end].rstrip(b"\n")).text
        # A Boot has no body; where it stands tells the rest.
        if body.rstrip("\n") != written and not (not body and "|QUEUESTART" in written):
            raise Defect(f"bytes {start} to {end} stand in the record as {body[:80]!r}")
    if not all(bad.reason for bad in aside):
        raise Defect("set aside without a reason")
    if not any(fact.channel == "sentinel" and fact.offset >= len(told) - len(_SENTINELS[0]) - 200 for fact in facts):
        raise Defect("the good row behind was not read")


def _target(name: str, file: str, words: Sequence[str], tail: Callable[[Path, str], Tail], good: bytes) -> Target:
    @asynccontextmanager
    async def session(folder: Path) -> AsyncIterator[SpoolSession]:
        database = folder / "store.db"
        async with open_store(database, folding=False) as store:
            yield SpoolSession(folder / file, tail, good, store, database)

    opened: Callable[[Path], AbstractAsyncContextManager[SpoolSession]] = session
    source = "cel.csv" if name == "cel" else "queue_log.txt"
    return Target(name=name, stock=cache(lambda: _stock(source, words)), session=opened)


_SENTINELS = (
    b'"CHAN_START","1795294697.000001","","","0","","","","s","from-trunk","PJSIP/trunk-99","","","",'
    b'"sentinel","sentinel","","",""\n',
    b"1795294697|sentinel|support|NONE|ENTERQUEUE||09121234567|1\n",
)

CEL = _target("cel", "cel.csv", _CEL_WORDS, CelSpool, _SENTINELS[0])
QUEUE_LOG = _target("queue_log", "queue_log", _QUEUE_EVENTS, QueueLogSpool, _SENTINELS[1])
