"""One board for all who look.

    something heard ─► touched ─► the board worked out anew ─► for each look (language, numbers) what changed, as text
                                                                └─► every stream of that look sends the same text

A look is painted only while somebody looks. A viewer reads at their own pace from the version they have reached; who
lags more than the ring remembers gets the whole board. So nobody holds anybody up, and fifty viewers cost hardly more
than one. Nothing heard for a while still paints: what is behind is told by the second.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import datetime

import structlog

from pbx_bridge.health import Clock, Health
from pbx_bridge.web.board.crew import view_of
from pbx_bridge.web.board.model import Heard
from pbx_bridge.web.board.pieces import Painter, Standing
from pbx_bridge.web.board.ports import BoardParts
from pbx_bridge.web.board.record import OnRecord
from pbx_bridge.web.board.troubles import troubles_of
from pbx_bridge.web.versions import Change, Painted, Versions
from pbx_bridge.web.viewer import Viewer

_log = structlog.get_logger(__name__)

RING = 64  # changes
GAP_S = 0.05  # between two paintings: a flood of events is painted twenty times a second
LOOK_S = 1.0  # what changes by itself: a wrap-up that ends, a link that is lost


@dataclass(slots=True, kw_only=True)
class _Look:
    """One way of showing the board, and who looks that way."""

    painter: Painter
    painted: Painted
    who: Viewer
    viewers: int = 0


class Board:
    """The hub. Run `follow()` while the site runs."""

    def __init__(
        self,
        parts: BoardParts,
        record: OnRecord,
        health: Health,
        clock: Clock,
    ) -> None:
        self._parts, self.record, self._health, self._clock = parts, record, health, clock
        self._looks: dict[str, _Look] = {}
        self._versions = Versions()
        self._standing: Standing | None = None
        self._touched = asyncio.Event()
        self._ami_lost: datetime | None = None
        parts.feed.listen(self.touch)

    @property
    def closed(self) -> bool:
        """Whether the site is stopping."""
        return self._versions.closed

    @property
    def mark(self) -> str:
        """The version of the board, as a page or a stream remembers it."""
        return self._versions.mark

    def touch(self) -> None:
        """Something may have changed; never waits. While nobody looks nothing is painted, so nobody is woken."""
        if self._looks:
            self._touched.set()

    def close(self) -> None:
        """End every wait."""
        self._versions.close()
        self._parts.feed.unlisten(self.touch)
        self._touched.set()

    def now(self) -> Standing:
        """The board at this moment, and a new version if it is another than before."""
        standing = self._look_around()
        if standing != self._standing:
            self._standing = standing
            self._versions.advance()
            for look in self._looks.values():
                look.painted.put(self._pieces(look, standing))
            self._versions.tell()
        return standing

    def whole_pieces(self, who: Viewer) -> tuple[Standing, Mapping[str, str]]:
        """For a page: every piece with its times as they are now."""
        standing = self.now()
        return standing, Painter(self._parts).pieces(standing, who, anew=True)

    async def follow(self) -> None:
        """Paint while somebody looks, until cancelled."""
        while not self.closed:
            with suppress(TimeoutError):
                async with asyncio.timeout(LOOK_S):
                    await self._touched.wait()
            self._touched.clear()
            if self._looks:
                try:
                    self.now()
                except Exception:  # one thing that cannot be shown must not end the board for good
                    _log.exception("board_not_painted")
                await asyncio.sleep(GAP_S)

    @asynccontextmanager
    async def looking(self, who: Viewer) -> AsyncIterator[None]:
        """Count a viewer, so that their look is painted."""
        look = self._looks.get(who.look)
        if look is None:
            look = _Look(painter=Painter(self._parts), painted=Painted(self._versions, RING), who=who)
            look.painted.begin(self._pieces(look, self.now()))
            self._looks[who.look] = look
        look.viewers += 1
        try:
            yield
        finally:
            look.viewers -= 1
            if not look.viewers and self._looks.get(who.look) is look:
                del self._looks[who.look]

    def since(self, mark: str, who: Viewer) -> list[Change]:
        """What to send a viewer who reached that mark; none if they are up to date. Only while `looking`."""
        return self._looks[who.look].painted.since(mark)

    async def wait(self, mark: str, limit_s: float) -> None:
        """Return when there is news after the mark, when the site stops, or after `limit_s` seconds."""
        await self._versions.wait(mark, limit_s)

    def _look_around(self) -> Standing:
        feed, record = self._parts.feed, self.record
        fresh, channels_fresh = feed.agents.fresh, feed.channels.fresh
        heard = Heard(
            now=self._clock(),
            node=feed.node,
            groups=feed.channels.groups() if fresh and channels_fresh else None,
            waiting=feed.agents.waiting(),
            members=feed.agents.agents(),
            standings=dict(feed.standings),
            calls=record.calls,
            names=record.names,
            levels=record.levels,
            wrap_up_s=self._parts.wrap_up_s,
        )
        links = self._health.links()
        troubles = troubles_of(
            links, ami_fresh=fresh, channels_fresh=channels_fresh, unknown_since=record.unknown_since
        )
        return Standing(view=view_of(heard), troubles=troubles)

    def _pieces(self, look: _Look, standing: Standing) -> Mapping[str, str]:
        return look.painter.pieces(standing, self._at_present(look.who))

    def _at_present(self, who: Viewer) -> Viewer:
        return Viewer(show=who.show, now=self._clock(), account=who.account, unmasked=who.unmasked)
