"""Tracking numbers: a ticket's public number, digits whose last one is a Damm check digit.

The Damm algorithm (H. M. Damm, 2004) finds every single wrong digit and every swap of two neighbours, so a
mistyped number is refused before any lookup. The table is the totally anti-symmetric quasigroup of order 10
given in that dissertation.
"""

from __future__ import annotations

from typing import NewType

from pbx_bridge.values import digits

TrackingNumber = NewType("TrackingNumber", str)

MIN_DIGITS = 6
MAX_DIGITS = 12

_QUASIGROUP = (
    (0, 3, 1, 7, 5, 9, 8, 6, 4, 2),
    (7, 0, 9, 2, 1, 5, 4, 8, 6, 3),
    (4, 2, 0, 6, 8, 7, 1, 3, 5, 9),
    (1, 7, 5, 0, 9, 8, 3, 4, 2, 6),
    (6, 1, 2, 3, 0, 4, 5, 9, 7, 8),
    (3, 6, 7, 4, 2, 0, 9, 5, 8, 1),
    (5, 8, 6, 9, 7, 2, 0, 1, 3, 4),
    (8, 9, 4, 5, 3, 6, 2, 0, 1, 7),
    (9, 4, 3, 8, 6, 1, 7, 2, 0, 5),
    (2, 5, 8, 1, 4, 3, 6, 7, 9, 0),
)


def _damm(text: str) -> int:
    interim = 0
    for digit in text:
        interim = _QUASIGROUP[interim][int(digit)]
    return interim


def with_check_digit(payload: str) -> TrackingNumber:
    """The tracking number for a payload of ASCII digits."""
    return TrackingNumber(f"{payload}{_damm(payload)}")


def parse(text: str) -> TrackingNumber | None:
    """The tracking number a person typed or keyed, or None if it is not one.

    Spaces and hyphens between groups are ignored; Persian and Arabic digits are accepted.
    """
    plain = digits.to_ascii(text).translate({ord(c): None for c in " -\u200c\t"})
    if not (plain.isascii() and plain.isdigit() and MIN_DIGITS <= len(plain) <= MAX_DIGITS):
        return None
    return TrackingNumber(plain) if _damm(plain) == 0 else None


def groups(number: str, size: int = 3) -> tuple[str, ...]:
    """The number in groups as it is spoken and shown: threes from the left, never a lone last digit."""
    parts = [number[i : i + size] for i in range(0, len(number), size)]
    if len(parts) > 1 and len(parts[-1]) == 1:
        parts[-2:] = [parts[-2][:-1], parts[-2][-1] + parts[-1]]
    return tuple(parts)
