"""The shape and colour of each family of node kinds: told apart in print and by colour-blind eyes too. Pure."""

from __future__ import annotations

import enum

from pbx_bridge.ivr.drawing.layout import Place


class Family(enum.StrEnum):
    """Kinds of nodes that look alike because they do alike."""

    SAY = "say"
    KEYS = "keys"
    DIGITS = "digits"
    FACTS = "facts"
    FORK = "fork"
    PERSON = "person"
    NOTE = "note"
    FLOW = "flow"
    END = "end"
    OTHER = "other"


_FAMILIES = {
    "say": Family.SAY,
    "menu": Family.KEYS,
    "language": Family.KEYS,
    "survey": Family.KEYS,
    "ask": Family.DIGITS,
    "caller": Family.FACTS,
    "contract": Family.FACTS,
    "find": Family.FACTS,
    "webhook": Family.FACTS,
    "choose": Family.FORK,
    "hours": Family.FORK,
    "queue": Family.PERSON,
    "dial": Family.PERSON,
    "transfer": Family.PERSON,
    "ticket": Family.NOTE,
    "complaint": Family.NOTE,
    "callback": Family.NOTE,
    "voicemail": Family.NOTE,
    "record": Family.NOTE,
    "call": Family.FLOW,
    "hang_up": Family.END,
    "return": Family.END,
}

# Fill and line by day, fill and line by night. Light fills: black text on them reads well in print.
_COLOURS = {
    Family.SAY: ("#e8f1fa", "#33679b", "#1b2c3c", "#7fb2e0"),
    Family.KEYS: ("#fdf1d6", "#96680a", "#362a12", "#e0b152"),
    Family.DIGITS: ("#fbe9dc", "#a8531b", "#39251a", "#e79a68"),
    Family.FACTS: ("#e6f3ef", "#24755f", "#16302a", "#6cc3ab"),
    Family.FORK: ("#f1ecf8", "#6a4c9c", "#2a2338", "#b79fe0"),
    Family.PERSON: ("#d9eedd", "#1f7035", "#16331e", "#7ccb90"),
    Family.NOTE: ("#fae8f0", "#9b3f6c", "#371f2b", "#e08fb5"),
    Family.FLOW: ("#e7edf0", "#4b6471", "#232e34", "#9db6c2"),
    Family.END: ("#ececec", "#4d4d4d", "#2a2d30", "#b5babf"),
    Family.OTHER: ("#f4f4f2", "#5c5c55", "#2b2b28", "#b3b3aa"),
}
SLANT = 14.0  # how far a shape's sides come in, at most; texts keep clear of them
_PILL, _LID = 22.0, 5.0


def family_of(kind: str) -> Family:
    """The family of a kind, OTHER for one that nobody has drawn yet."""
    return _FAMILIES.get(kind, Family.OTHER)


def headroom(family: Family) -> float:
    """What a shape needs above its texts, in pixels."""
    return 2 * _LID if family is Family.FACTS else 0.0


def style(*, night: bool) -> str:
    """The colours as CSS."""
    first = 2 if night else 0
    return "".join(f".{family}{{fill:{told[first]};stroke:{told[first + 1]}}}" for family, told in _COLOURS.items())


def outline(family: Family, box: Place) -> str:
    """The shape as the data of an SVG path."""
    x, y, w, h, s = box.x, box.y, box.width, box.height, SLANT
    match family:
        case Family.KEYS:
            half = y + h / 2
            return _polygon(
                (x + s, y), (x + w - s, y), (x + w, half), (x + w - s, y + h), (x + s, y + h), (x, half)
            )  # fmt: skip
        case Family.DIGITS:
            return _polygon((x + s, y), (x + w, y), (x + w - s, y + h), (x, y + h))
        case Family.FORK:
            c = s * 0.9
            return _polygon(
                (x + c, y), (x + w - c, y), (x + w, y + c), (x + w, y + h - c),
                (x + w - c, y + h), (x + c, y + h), (x, y + h - c), (x, y + c),
            )  # fmt: skip
        case Family.FACTS:
            return _drum(x, y + _LID, w, h - 2 * _LID)
        case Family.NOTE:
            ear = path("M", x + w - s, y, "v", s, "h", s)
            return _polygon((x, y), (x + w - s, y), (x + w, y + s), (x + w, y + h), (x, y + h)) + ear
        case Family.PERSON:
            return _round(box, min(h / 2, _PILL))
        case Family.END:
            inner = Place(x=x + 4, y=y + 4, width=w - 8, height=h - 8)
            return _round(box, min(h / 2, _PILL)) + _round(inner, min(h / 2, _PILL) - 4)
        case Family.FLOW:
            return _round(box, 2) + path("M", x + 8, y, "v", h, "M", x + w - 8, y, "v", h)
        case Family.SAY:
            return _round(box, 9)
        case Family.OTHER:
            return _round(box, 0)


def _drum(x: float, y: float, w: float, h: float) -> str:
    """A drum, as data bases are drawn."""
    lid = ("a", w / 2, _LID, 0, 0)
    body = path("M", x, y, *lid, 1, w, 0, "v", h, *lid, 1, -w, 0, "z")
    return body + path("M", x, y, *lid, 0, w, 0)


def _round(box: Place, r: float) -> str:
    w, h = box.width - 2 * r, box.height - 2 * r
    turn = ("a", r, r, 0, 0, 1)
    return path(
        *("M", box.x + r, box.y, "h", w, *turn, r, r, "v", h, *turn, -r, r),
        *("h", -w, *turn, -r, -r, "v", -h, *turn, r, -r, "z"),
    )


def _polygon(*points: tuple[float, float]) -> str:
    return "M" + "L".join(path(*point) for point in points) + "z"


def path(*parts: str | float) -> str:
    """Letters and lengths as the data of an SVG path."""
    return " ".join(part if isinstance(part, str) else number(part) for part in parts)


def number(value: float) -> str:
    """A length in as few letters as it needs."""
    return f"{round(value, 1):g}"
