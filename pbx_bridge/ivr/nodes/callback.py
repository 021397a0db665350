"""`callback`: have the caller called back."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date, datetime, time, timedelta
from typing import TYPE_CHECKING, Annotated

import msgspec
from msgspec.structs import replace

from pbx_bridge.calls.facts import StepKind
from pbx_bridge.ivr.known import CallbackFacts
from pbx_bridge.ivr.nodes.base import KEPT, Key, Listening, NodeName, PromptKey, QueueName
from pbx_bridge.ivr.nodes.request import KeptValue, kept_in, kept_of, leave, origin_of, text_of
from pbx_bridge.ivr.questions import AskForCallback
from pbx_bridge.ivr.run import Run
from pbx_bridge.values import digits, phone

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    from pbx_bridge.ivr.turn import Turn

_MOST_DIGITS = 15  # E.164

When = Annotated[
    str,
    msgspec.Meta(
        pattern=r"^(now|opening|kept\.[a-z][a-z0-9_]{0,39})$",
        description="now, opening, or kept.NAME of a date or a time of day",
    ),
]


class CallbackNode(Listening, frozen=True, kw_only=True, tag="callback"):
    """Reads a number back, and promises a call to it once the caller has confirmed it.

    Keys typed ahead do not count: a number that was not heard is not confirmed.

    Attributes:
        prompt: says `callback.number`. queue: whose people shall call.
        number: `kept.NAME`, in place of the caller's own.
        when: now; opening: when the office opens next, now where that is not known; `kept.NAME`: a day, or the next
            time it is that late. What is past is now.
        confirm, change: the keys.
    """

    prompt: PromptKey
    wrong: PromptKey
    silent: PromptKey | None = None
    queue: QueueName
    promised: NodeName
    other: NodeName
    refused: NodeName
    unavailable: NodeName
    number: KeptValue | None = None
    when: When = "now"
    confirm: Key = "1"
    change: Key = "2"

    def __post_init__(self) -> None:
        """Refuse one key for two things."""
        if self.confirm == self.change:
            raise ValueError(f"confirm and change are the same key, {self.confirm}")

    @property
    def looks_up(self) -> str:
        """See Kind."""
        return AskForCallback.what

    def makes_known(self) -> Mapping[str, tuple[str, ...]]:
        """See Kind."""
        return dict.fromkeys(("promised", "refused", "unavailable"), ("callback",))

    def tells(self) -> Mapping[str, tuple[str, ...]]:
        """See Kind."""
        offered = tuple(f"callback.{name}" for name in ("number", "on", "at"))
        return dict.fromkeys(("prompt", "wrong", "silent"), offered)

    def reads(self) -> Iterator[tuple[str, str]]:
        """See Kind."""
        yield from kept_in(number=self.number, when=self.when)

    def on_enter(self, turn: Turn) -> None:
        """See Kind."""
        offered = turn.run.callback
        number = _said(self._number(turn.run))
        if offered is not None and offered.confirmed:  # we were stopped between the yes and the promise
            self._ask_for_it(turn)
        elif not number:
            turn.enter(self.other)
        else:
            there = self._wanted_at(turn).astimezone(turn.flow.zone)
            clock = there.time().replace(second=0, microsecond=0)
            turn.set(callback=CallbackFacts(number=number, on=there.date(), at=clock), keyed="")
            self.listen(turn, self.prompt)

    def on_keys(self, turn: Turn) -> None:
        """See Kind."""
        key = turn.take_key()
        turn.step(StepKind.KEYS, keys=key, result="match" if key in (self.confirm, self.change) else "invalid")
        if key == self.change:
            turn.enter(self.other)
        elif key == self.confirm and turn.run.callback is not None:
            turn.set(callback=replace(turn.run.callback, confirmed=True))
            self._ask_for_it(turn)
        else:
            self.failed(turn)

    def on_answer(self, turn: Turn, answer: object) -> None:
        """See Kind."""
        if not isinstance(answer, CallbackFacts):
            self.on_no_answer(turn)
            return
        turn.set(callback=answer, requests=turn.run.requests + 1)
        wanted_at = datetime.combine(answer.on, answer.at, turn.flow.zone).isoformat(timespec="minutes")
        told = {"number": answer.number, "queue": self.queue, "wanted_at": wanted_at, "again": answer.again}
        turn.step(StepKind.CALLBACK_ASKED, **told)
        turn.enter(self.promised)

    def on_no_answer(self, turn: Turn) -> None:
        """See Kind."""
        if turn.run.callback is not None:
            turn.set(callback=replace(turn.run.callback, confirmed=False))
        turn.enter(self.unavailable)

    def again(self, turn: Turn, *, silent: bool, unknown: bool) -> None:
        """See Listening."""
        word = self.silent if silent else self.wrong
        self.listen(turn, *((word, self.prompt) if word else (self.prompt,)))

    def out_of_tries(self, turn: Turn, *, silent: bool) -> None:
        """See Listening."""
        turn.enter(self.refused)

    def _number(self, run: Run) -> str:
        told = text_of(run, self.number) if self.number else run.caller
        return "".join(digits.to_ascii(told).split())

    def _ask_for_it(self, turn: Turn) -> None:
        run = turn.run
        question = AskForCallback(
            origin=origin_of(run),
            node=run.node,
            channel=run.channel,
            number=self._number(run),
            queue=self.queue,
            wanted_at=self._wanted_at(turn),
            customer_code=run.customer.code if run.customer else "",
        )
        leave(turn, question, self.unavailable)

    def _wanted_at(self, turn: Turn) -> datetime:
        zone, wanted = turn.flow.zone, turn.now
        if self.when == "opening" and (opening := turn.run.opening) is not None:
            wanted = datetime.combine(opening.on, opening.at, zone)
        elif self.when.startswith(KEPT) and (kept := kept_of(turn.run, self.when)) is not None:
            wanted = _moment(kept.sort, kept.text, turn.now, zone)
        return max(wanted, turn.now)


def _moment(sort: str, text: str, now: datetime, zone: ZoneInfo) -> datetime:
    """The begin of a day, or the next time it is that late; now for anything else."""
    if sort == "date":
        return datetime.combine(date.fromisoformat(text), time.min, zone)
    if sort != "time":
        return now
    today = now.astimezone(zone).date()
    wanted = datetime.combine(today, time.fromisoformat(text), zone)
    return wanted if wanted >= now else datetime.combine(today + timedelta(days=1), wanted.time(), zone)


def _said(number: str) -> str:
    """The number as people dial it, digits only; empty where nobody can be called."""
    national = phone.national(number) if number.startswith("+") else number
    is_number = national.isascii() and national.isdigit() and len(national) <= _MOST_DIGITS
    return national if is_number else ""
