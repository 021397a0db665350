"""All desks: who looks, what is heard for each, and what else tells them that something changed.

AMI, flow runs ─► touched ─► the line worked out once ─► each desk takes its own extension's calls
the record ─► a call was folded anew ─► the desks of those who took part read their last calls
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import structlog

from pbx_bridge.errors import StoreError
from pbx_bridge.health import Health
from pbx_bridge.store import CallRow, News
from pbx_bridge.web.board.feed import LiveFeed
from pbx_bridge.web.board.record import OnRecord
from pbx_bridge.web.board.troubles import Trouble, troubles_of
from pbx_bridge.web.call.own import took_part
from pbx_bridge.web.desk.desk import Desk, Means
from pbx_bridge.web.desk.hands import Line, hands_by_extension
from pbx_bridge.web.desk.past import Past, remembered
from pbx_bridge.web.ports import Calls
from pbx_bridge.web.viewer import Viewer

_log = structlog.get_logger(__name__)

GAP_S = 0.05  # between two looks: a flood of events is looked at twenty times a second
LOOK_S = 1.0  # what changes by itself: a link that is lost
STAYS_S = 120.0  # a desk nobody looks at stays so long: a page that is loaded anew finds it as it was
READY_S = 1.5  # a page waits no longer for its desk to be painted; its stream brings the rest

Key = tuple[str, str, str]


class Hub:
    """Run `follow()` and `listen()` while the site runs."""

    def __init__(self, means: Means, calls: Calls, feed: LiveFeed, record: OnRecord, health: Health) -> None:
        self._means, self._calls, self._feed, self._record, self._health = means, calls, feed, record, health
        self._desks: dict[Key, tuple[Desk, asyncio.Task[None]]] = {}
        self._past: Past = {}
        self._touched = asyncio.Event()
        self.closed = False
        feed.listen(self._touch)

    @property
    def desks(self) -> list[Desk]:
        """Every desk there is."""
        return [desk for desk, _ in self._desks.values()]

    async def desk_of(self, who: Viewer) -> Desk:
        """The desk of whoever looks, painted. They must have an extension."""
        account = who.account
        key = (who.user, account.extension if account else "", who.look)
        if key not in self._desks:
            desk = Desk(who, self._means)
            desk.left_at = asyncio.get_running_loop().time()
            self._desks[key] = desk, asyncio.create_task(desk.run(), name="web_desk")
            self._look()
        desk = self._desks[key][0]
        with suppress(TimeoutError):
            async with asyncio.timeout(READY_S):
                await desk.ready.wait()
        return desk

    @asynccontextmanager
    async def looking(self, desk: Desk) -> AsyncIterator[None]:
        """Count a tab, so that its desk stays."""
        desk.viewers += 1
        try:
            yield
        finally:
            desk.viewers -= 1
            desk.left_at = asyncio.get_running_loop().time()

    def changed(self, call_id: str) -> None:
        """Somebody added something to a call: whoever has its card sees it."""
        self._means.facts.forget(call_id)
        for desk in self.desks:
            if desk.hand(call_id) is not None or desk.wrap(call_id) is not None:
                desk.changed(wraps=True)

    def handed(self, user: str) -> None:
        """A callback was given to somebody, or they took notice of one."""
        for desk in self.desks:
            if desk.user == user:
                desk.changed(handed=True)

    def close(self) -> None:
        """End every wait and every desk."""
        self.closed = True
        self._feed.unlisten(self._touch)
        self._touched.set()
        for desk, task in self._desks.values():
            task.cancel()
            desk.screen.wake()
        self._means.facts.close()

    async def ended(self) -> None:
        """Wait until every desk has ended."""
        await asyncio.gather(*(task for _, task in self._desks.values()), return_exceptions=True)

    async def follow(self) -> None:
        """Give each desk what is heard, until cancelled."""
        while not self.closed:
            with suppress(TimeoutError):
                async with asyncio.timeout(LOOK_S):
                    await self._touched.wait()
            self._touched.clear()
            try:
                self._look()
            except Exception:  # one call that cannot be told must not end the desks for good
                _log.exception("desks_not_told")
            await asyncio.sleep(GAP_S)

    async def listen(self) -> None:
        """Tell each desk of what changed on record, until cancelled."""
        while True:
            try:
                async with self._calls.watch() as queue:
                    while True:
                        self._recorded(await queue.get())
            except StoreError as error:
                _log.warning("desk_record_unheard", reason=str(error))
            await asyncio.sleep(LOOK_S)

    def _recorded(self, news: News) -> None:
        self._touch()  # whom a call is with, and who had it, the record may know better
        for desk in self.desks:
            if not isinstance(news, CallRow) or took_part(news.call, desk.extension):
                self._means.last.changed(desk.extension)
                desk.changed(last=True)

    def _touch(self) -> None:
        """Something was heard. While nobody looks, only who is together with whom matters: see `_look`."""
        if self._desks or self._past or self._feed.channels.any_together:
            self._touched.set()

    def _look(self) -> None:
        """What is heard now, for every desk. Who talked with whom is remembered even while nobody looks."""
        feed, record = self._feed, self._record
        live = feed.agents.fresh and feed.channels.fresh
        groups = feed.channels.groups() if live else []
        self._past = remembered(self._past, groups) if live else self._past
        self._sweep()
        if not self._desks:
            return
        line = Line(
            node=feed.node,
            groups=groups,
            waiting=feed.agents.waiting(),
            standings=feed.standings,
            calls=record.calls,
            past=self._past,
        )
        hands, troubles = hands_by_extension(line), self._troubles(live=live)
        for desk in self.desks:
            desk.take(hands.get(desk.extension, ()), record.names, troubles, live=live)

    def _troubles(self, *, live: bool) -> tuple[Trouble, ...]:
        found = troubles_of(
            self._health.links(), ami_fresh=live, channels_fresh=live, unknown_since=self._record.unknown_since
        )
        return tuple(one for one in found if one.kind in ("ami", "store"))

    def _sweep(self) -> None:
        now = asyncio.get_running_loop().time()
        for key, (desk, task) in list(self._desks.items()):
            if not desk.viewers and now - desk.left_at > STAYS_S:
                task.cancel()
                del self._desks[key]
