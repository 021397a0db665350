"""When a caller played by `try-call` presses keys and when they leave. Pure: fed with steps, asked with a clock.

Each group of keys answers one question: it is pressed a moment after a prompt that listens has begun, counted from
the group before. When no group is left, the caller stays until the answer was heard to its end, or until another
question comes that they have no keys for; then they hang up.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from pbx_bridge.calls.facts import Step, StepKind
from pbx_bridge.errors import InputError
from pbx_bridge.values import digits

_KEYS = frozenset("0123456789*#ABCD")


def parse_keys(text: str) -> tuple[str, ...]:
    """The groups of `2,1,471293#`; Persian digits are taken too. Raises InputError."""
    groups = tuple(group for part in digits.to_ascii(text).upper().split(",") if (group := part.strip()))
    for group in groups:
        for key in group:
            if key not in _KEYS:
                raise InputError(f"{key!r} in --keys is no key of a phone: write digits, * and #")
    return groups


@dataclass(frozen=True, slots=True)
class Press:
    """Press these keys now."""

    keys: str


@dataclass(frozen=True, slots=True)
class Leave:
    """Hang up now."""


class KeyScript:
    """The caller's plan, step by step.

    Args:
        groups: keys to press, one group for each question.
        stay_s: seconds between the last thing waited for and hanging up.
        think_s: seconds between the begin of a question and its keys.
    """

    def __init__(self, groups: Sequence[str], *, stay_s: float, think_s: float = 0.7) -> None:
        self._left = list(groups)
        self._stay, self._think = timedelta(seconds=stay_s), timedelta(seconds=think_s)
        self._pressed_at: datetime | None = None
        self._asked_at: datetime | None = None
        self._leave_at: datetime | None = None
        self._queued = False

    @property
    def left(self) -> tuple[str, ...]:
        """The groups not pressed yet."""
        return tuple(self._left)

    def take(self, step: Step) -> None:
        """Take a step of the caller's run."""
        if self._pressed_at is not None and step.at <= self._pressed_at:
            return  # it began before the last keys: they have answered it
        match step.kind:
            case StepKind.SAID if step.data.get("listens") is True:
                self._asked_at = self._asked_at or step.at
                self._nothing_left(step.at)
            case StepKind.HEARD if step.data.get("serves") is True:
                self._nothing_left(step.at)
            case StepKind.QUEUE | StepKind.HANDED_OVER:
                self._queued, self._leave_at = True, None
            case StepKind.QUEUE_RETURN | StepKind.HANDED_BACK:
                self._queued = False
            case _:
                pass

    def due(self, now: datetime) -> Press | Leave | None:
        """What to do now; a Press is told once."""
        if self._left and self._asked_at is not None and now >= self._asked_at + self._think:
            self._pressed_at, self._asked_at = now, None
            return Press(self._left.pop(0))
        if self._leave_at is not None and now >= self._leave_at:
            return Leave()
        return None

    def _nothing_left(self, at: datetime) -> None:
        if not self._left and not self._queued and self._leave_at is None:
            self._leave_at = at + self._stay
