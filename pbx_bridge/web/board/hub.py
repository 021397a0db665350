"""One board for all who look.

    something heard ─► touched ─► the board worked out anew ─► for each look (language, numbers) what changed, as text
                                                                └─► every stream of that look sends the same text

A look is painted only while somebody looks. A viewer reads at their own pace from the version they have reached; who
lags more than the ring remembers gets the whole board. So nobody holds anybody up, and fifty viewers cost hardly more
than one. Nothing heard for a while still paints: what is behind is told by the second.
"""

from __future__ import annotations

import asyncio
import secrets
from collections import deque
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime

import jinja2
import msgspec
import structlog

from pbx_bridge.health import Clock, Health
from pbx_bridge.web.board.crew import view_of
from pbx_bridge.web.board.model import Heard
from pbx_bridge.web.board.pieces import Painter, Standing
from pbx_bridge.web.board.ports import BoardParts
from pbx_bridge.web.board.record import OnRecord
from pbx_bridge.web.board.troubles import troubles_of
from pbx_bridge.web.viewer import Viewer

_log = structlog.get_logger(__name__)

RING = 64  # changes
GAP_S = 0.05  # between two paintings: a flood of events is painted twenty times a second
LOOK_S = 1.0  # what changes by itself: a wrap-up that ends, a link that is lost


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What to send. `whole`: instead of everything on the screen. `mark`: where it leads."""

    text: str
    mark: str
    whole: bool


@dataclass(slots=True, kw_only=True)
class _Look:
    """One way of showing the board, and who looks that way."""

    painter: Painter
    who: Viewer
    viewers: int = 0
    pieces: dict[str, str] = field(default_factory=dict)
    changes: deque[tuple[int, str]] = field(default_factory=lambda: deque(maxlen=RING))
    whole: tuple[int, str] | None = None


class Board:
    """The hub. Run `follow()` while the site runs."""

    def __init__(
        self,
        parts: BoardParts,
        record: OnRecord,
        health: Health,
        env: jinja2.Environment,
        clock: Clock,
    ) -> None:
        self._parts, self.record, self._health, self._env, self._clock = parts, record, health, env, clock
        self._looks: dict[str, _Look] = {}
        self._process = secrets.token_hex(4)
        self._version = 0
        self._standing: Standing | None = None
        self._touched, self._news = asyncio.Event(), asyncio.Event()
        self._closed = False
        self._ami_lost: datetime | None = None
        parts.feed.listen(self.touch)

    @property
    def closed(self) -> bool:
        """Whether the site is stopping."""
        return self._closed

    @property
    def mark(self) -> str:
        """The version of the board, as a page or a stream remembers it."""
        return f"{self._process}.{self._version}"

    def touch(self) -> None:
        """Something may have changed; never waits."""
        self._touched.set()

    def close(self) -> None:
        """End every wait."""
        self._closed = True
        self._touched.set()
        self._tell()

    def now(self) -> Standing:
        """The board at this moment, and a new version if it is another than before."""
        standing = self._look_around()
        if standing != self._standing:
            self._standing, self._version = standing, self._version + 1
            for look in self._looks.values():
                self._paint(look, standing)
            self._tell()
        return standing

    def whole_pieces(self, who: Viewer) -> tuple[Standing, Mapping[str, str]]:
        """For a page: every piece with its times as they are now."""
        standing = self.now()
        return standing, Painter(self._env, self._parts).pieces(standing, who, anew=True)

    async def follow(self) -> None:
        """Paint while somebody looks, until cancelled."""
        while not self._closed:
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
            look = self._looks[who.look] = _Look(painter=Painter(self._env, self._parts), who=who)
            self._first(look)
        look.viewers += 1
        try:
            yield
        finally:
            look.viewers -= 1
            if not look.viewers and self._looks.get(who.look) is look:
                del self._looks[who.look]

    def since(self, mark: str, who: Viewer) -> list[Change]:
        """What to send a viewer who reached that mark; none if they are up to date. Only while `looking`."""
        look, number = self._looks[who.look], self._number(mark)
        if number == self._version:
            return []
        later = [(version, text) for version, text in look.changes if number is not None and version > number]
        if number is None or not later or later[0][0] != number + 1:
            return [Change(text=self._whole(look), mark=self.mark, whole=True)]
        return [Change(text=text, mark=f"{self._process}.{version}", whole=False) for version, text in later]

    async def wait(self, mark: str, limit_s: float) -> None:
        """Return when there is news after the mark, when the site stops, or after `limit_s` seconds."""
        if self._closed or mark != self.mark:
            return
        with suppress(TimeoutError):
            async with asyncio.timeout(limit_s):
                await self._news.wait()

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

    def _first(self, look: _Look) -> None:
        """Paint for the first who looks so; nothing that came before can be told from it."""
        look.pieces = look.painter.pieces(self.now(), self._at_present(look.who))

    def _paint(self, look: _Look, standing: Standing) -> None:
        pieces = look.painter.pieces(standing, self._at_present(look.who))
        changed = {name: html for name, html in pieces.items() if look.pieces.get(name) != html}
        gone = [name for name in look.pieces if name not in pieces]
        look.pieces, look.whole = pieces, None
        look.changes.append((self._version, _json({"set": changed, "gone": gone})))

    def _whole(self, look: _Look) -> str:
        if look.whole is None or look.whole[0] != self._version:
            look.whole = (self._version, _json({"set": look.pieces}))
        return look.whole[1]

    def _at_present(self, who: Viewer) -> Viewer:
        return Viewer(show=who.show, now=self._clock(), account=who.account, unmasked=who.unmasked)

    def _number(self, mark: str) -> int | None:
        process, _, number = mark.partition(".")
        if process != self._process or not (number.isascii() and number.isdigit()) or len(number) > 18:
            return None
        return int(number) if int(number) <= self._version else None

    def _tell(self) -> None:
        waiting, self._news = self._news, asyncio.Event()
        waiting.set()


def _json(told: Mapping[str, object]) -> str:
    return msgspec.json.encode(told).decode()
