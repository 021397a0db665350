"""A flow tried in a terminal: what is said is written, what is typed is keyed. No PBX, no waiting.

Knows no terminal: lines are taken from one function and given to another.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from pbx_bridge.errors import PromptError
from pbx_bridge.ivr.flow import Flow
from pbx_bridge.ivr.lookups import Lookups
from pbx_bridge.ivr.prompts import PromptBook
from pbx_bridge.ivr.trial import moves
from pbx_bridge.ivr.trial.caller import play, settle
from pbx_bridge.ivr.trial.cases import NO_SERVICES, crm_lookups
from pbx_bridge.ivr.trial.moves import Move, parse_move, written
from pbx_bridge.ivr.trial.player import Player
from pbx_bridge.ivr.trial.simulation import Simulation, Stage, Visitor
from pbx_bridge.ivr.trial.transcript import Said, shown, words
from pbx_bridge.store.address import StorePlace
from pbx_bridge.store.crm import Crm
from pbx_bridge.store.crm_memory import demo_batch, memory_crm
from pbx_bridge.store.crm_sql import SqlCrm
from pbx_bridge.store.database import connect
from pbx_bridge.store.demo import demo_callers

Say = Callable[[str], None]
Read = Callable[[], str | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Customers:
    """Whom the callers are looked up among: those of a store, which is only read, or the shipped demo customers.

    `services`: who answers for services, while it is open; unset: no service is there.
    """

    store: StorePlace | None
    zone: ZoneInfo
    region: str
    services: Callable[[], AbstractAsyncContextManager[Lookups]] | None = None

    @property
    def told(self) -> str:
        """Which, for people."""
        return f"the customers of {self.store}" if self.store else "the demo customers"

    @contextmanager
    def stage(self, flow: Flow, book: PromptBook, visitor: Visitor) -> Iterator[Stage]:
        """What the caller meets, as long as this is open. Raises StoreError."""
        with asyncio.Runner() as runner:
            opened = AsyncExitStack()
            try:
                crm = runner.run(self._crm(opened, visitor.now))
                services = NO_SERVICES
                if self.services is not None:
                    services = runner.run(opened.enter_async_context(self.services()))
                lookups = crm_lookups(crm, self.zone, self.region, services=services)
                yield Stage(flow=flow, texts=book, lookups=lookups, finish=runner.run)
            finally:
                runner.run(opened.aclose())

    async def _crm(self, opened: AsyncExitStack, now: datetime) -> Crm:
        if self.store is None:
            return memory_crm(demo_batch(now.astimezone(self.zone).date(), self.zone, self.region))
        kept = SqlCrm(await opened.enter_async_context(connect(self.store, reading=True)))
        # A store that cannot be read is told at once, not played as a lookup that failed.
        await kept.customer_by_code("")
        return kept


def store_of(place: StorePlace) -> StorePlace | None:
    """The store, if there is one."""
    return None if isinstance(place, Path) and not place.exists() else place


@dataclass(slots=True, kw_only=True)
class Trial:
    """One call, typed. `made` are the moves so far, for a case of it."""

    simulation: Simulation
    visitor: Visitor
    say: Say
    customers: Customers
    player: Player | None = None
    typed_live: bool = True
    made: list[Move] = field(default_factory=list)
    _told: int = 0

    def run(self, read: Read) -> None:
        """Until the call is over or `read` gives None."""
        self._go(settle(self.simulation))
        while not self.simulation.over:
            text = read()
            if text is None:
                break
            self._take(text)
        self._end()

    def _take(self, text: str) -> None:
        if text.strip() == "?":
            self.say(self.help())
            return
        try:
            move = parse_move(text)
        except ValueError as error:
            self.say(f"  {error}; ? helps")
            return
        self.made.append(move)
        self._go(play(self.simulation, [move]))

    def help(self) -> str:
        """What can be typed and, of the demo customers, whom one can be."""
        callers = [
            f"  {one.number}  {one.customer}: {one.what}; tickets {', '.join(one.tracking_numbers)}"
            for one in (() if self.customers.store else demo_callers())
        ]
        return "\n".join([moves.HELP, *(["demo customers (--caller NUMBER):", *callers] if callers else [])])

    def as_case(self, name: str) -> str:
        """This call as a case, to be put into the flow's `.test.yaml`: cut `says` down to the words that matter."""
        said = [e.line.text for e in self.simulation.transcript if isinstance(e.line, Said)]
        lines = [
            f"  - name: {_quoted(name)}",
            *([f"    caller: {_quoted(self.visitor.caller)}"] if self.visitor.caller else []),
            f"    clock: {_quoted(self.visitor.now.isoformat())}",
            *([f"    language: {self.visitor.language}"] if self.visitor.language else []),
            f"    keys: [{', '.join(_quoted(written(move)) for move in self.made)}]",
            "    says:",
            *(f"      - {_quoted(text)}" for text in said),
            f"    at: {self.simulation.run.at}",
            f"    ends: {self.simulation.ends}",
        ]
        return "\n".join(lines)

    def _go(self, happening: Iterator[None]) -> None:
        for _ in happening:
            self._show()
        self._show()

    def _show(self) -> None:
        new = self.simulation.transcript[self._told :]
        self._told += len(new)
        for entry in new:
            if words(entry.line):
                self.say(shown(entry))
        self._play([entry.line for entry in new if isinstance(entry.line, Said)])

    def _play(self, said: Sequence[Said]) -> None:
        if self.player is None or not said:
            return
        values = dict(self.simulation.run.values())
        try:
            files = [file for one in said for file in self.player.files(one.prompt, one.language, values)]
            self.player.start(files)
            if not (self.typed_live and said[-1].listens):  # else a typed key cuts it
                self.player.wait()
        except PromptError as error:
            self.say(f"  {error}")
            self.player = None

    def _end(self) -> None:
        if self.player is not None:
            self.player.stop()
        if self.simulation.asks:
            self.simulation.hang_up()
            self._show()
        self.say(f"ends: {self.simulation.ends}, at {self.simulation.run.at}")


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)
