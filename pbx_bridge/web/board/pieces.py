"""The board as pieces of HTML by id: what differs from the last time is sent, the rest stays on the screen."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pbx_bridge.values.hostile import clean
from pbx_bridge.web.board.model import Doing, LiveQueue, State, View
from pbx_bridge.web.board.ports import BoardParts
from pbx_bridge.web.board.troubles import Trouble
from pbx_bridge.web.rendering import render
from pbx_bridge.web.show import isolate, left_to_right
from pbx_bridge.web.viewer import Viewer

_ICONS = {
    Doing.MENU: "self_served",
    Doing.QUEUE: "abandoned_queue",
    Doing.RING: "no_answer",
    Doing.TALK: "answered",
    Doing.HOLD: "busy",
    Doing.PARK: "busy",
    Doing.VOICEMAIL: "voicemail",
    Doing.OTHER: "live",
}
_TONES = {
    State.FREE: "good",
    State.RING: "live",
    State.TALK: "note",
    State.HOLD: "note",
    State.BUSY: "note",
    State.WRAP_UP: "warn",
    State.PAUSED: "warn",
    State.AWAY: "off",
    State.NO_QUEUE: "off",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """What is to be shown: the board, and what is wrong with it."""

    view: View
    troubles: tuple[Trouble, ...]

    @property
    def blind(self) -> bool:
        """Whether queues and agents are as they were, not as they are."""
        return any(trouble.kind == "ami" for trouble in self.troubles)


class Painter:
    """Renders for one language and one way of showing numbers; pieces that stay the same are rendered once."""

    def __init__(self, parts: BoardParts) -> None:
        self._parts = parts
        self._kept: dict[tuple[str, object], str] = {}

    def pieces(self, standing: Standing, who: Viewer, *, anew: bool = False) -> dict[str, str]:
        """Every piece by its id, in the order of the page. `anew`: with the times as they are at this moment."""
        before, self._kept = ({} if anew else self._kept), {}
        found: dict[str, str] = {}
        for name, template, thing in self._things(standing, who):
            html = before.get((name, thing))
            if html is None:
                html = render(who.language, f"board/{template}", self._given(thing, standing, who, name))
            found[name] = self._kept[name, thing] = html
        return found

    def _things(self, standing: Standing, who: Viewer) -> Iterator[tuple[str, str, object]]:
        view = standing.view
        yield "b-notice", "_notice.html", standing.troubles
        yield "b-sum", "_sum.html", _sums(view, blind=standing.blind)
        for queue in view.queues:
            yield f"q-{_mark(queue.name)}", "_queue.html", (queue, standing.blind)
        names = dict(view.names)
        for call in view.calls:
            # With the names of those in it: another's new name is no reason to paint it anew.
            told = tuple(names.get(other, "") for other in call.others)
            yield f"c-{call.key}", "_call.html", (call, told, self._parts.words(*call.at, who.language))
        for agent in view.agents:
            yield f"a-{_mark(agent.extension)}", "_agent.html", (agent, standing.blind)

    def _given(self, thing: object, standing: Standing, who: Viewer, name: str) -> Mapping[str, Any]:
        return {
            "id": name,
            "thing": thing,
            "blind": standing.blind,
            "v": who,
            "t": who.t,
            "show": who.show,
            "who_is": lambda text, known: party(who, text, known),
            "names_of": lambda texts, known: who.t("board.and").join(
                party(who, text, name) for text, name in zip(texts, known, strict=True)
            ),
            "percent": percent,
            "elapsed": lambda at: who.show.duration(round((who.now - at).total_seconds() * 1_000_000)),
            "from_ms": lambda at: round(at.timestamp() * 1000),
            "late": lambda at, within_s: late(who.now, at, within_s),
            "target_of": self._parts.targets.of,
            "icons": _ICONS,
            "tones": _TONES,
        }


def party(who: Viewer, text: str, name: str = "") -> str:
    """Somebody on the line: an agent's name with the extension, or a number as the viewer may see it."""
    # A number is not broken over two lines: its parts would trade places.
    shown = left_to_right(who.phone(text).replace(" ", "\u00a0")) if text else who.t("board.unknown")
    return f"{isolate(who.private(name, 60))} {shown}" if name else shown


def late(now: datetime, since: datetime | None, within_s: int) -> bool:
    """Whether somebody who waits since then waits longer than they should."""
    return since is not None and (now - since).total_seconds() > within_s


@dataclass(frozen=True, slots=True, kw_only=True)
class Sums:
    """The board in five numbers, and since when the longest waiting waits, and in which queue.

    `free` is None while nobody knows.
    """

    calls: int
    menu: int
    waiting: int
    talking: int
    free: int | None
    first_at: datetime | None
    first_in: str


def _sums(view: View, *, blind: bool) -> Sums:
    doing = [call.doing for call in view.calls]
    waits = [] if blind else [(queue.first_at, queue.name) for queue in view.queues if queue.first_at]
    first_at, first_in = min(waits, default=(None, ""))
    return Sums(
        calls=len(doing),
        menu=doing.count(Doing.MENU),
        waiting=doing.count(Doing.QUEUE),
        talking=doing.count(Doing.TALK) + doing.count(Doing.HOLD),
        free=None if blind else sum(agent.state is State.FREE for agent in view.agents),
        first_at=first_at,
        first_in=first_in,
    )


def _mark(name: str) -> str:
    """A name as part of an id, whatever signs it has."""
    return hashlib.sha256(clean(name, 200).encode()).hexdigest()[:10]


def percent(queue: LiveQueue) -> int | None:
    """Today's service level; None: nobody has waited yet."""
    level = queue.level
    return None if level is None or not level.all else 100 * level.in_time // level.all
