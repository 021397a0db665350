"""`ask`: digits."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Literal

import msgspec

from pbx_bridge.calls.facts import StepKind
from pbx_bridge.ivr.nodes.base import Key, Listening, NodeName, PromptKey, Seconds
from pbx_bridge.ivr.questions import CustomerOfCode, TicketOfNumber
from pbx_bridge.ivr.run import CustomerFacts, TicketFacts
from pbx_bridge.values import tracking

if TYPE_CHECKING:
    from pbx_bridge.ivr.turn import Turn


class AskNode(Listening, frozen=True, kw_only=True, tag="ask"):
    """Digits, ended by `end` or by reaching `longest`; checked, then looked up.

    `tracking` refuses a wrong check digit before any lookup. Wrong, unknown and silent tries count together.
    """

    what: Literal["tracking", "customer_code"]
    prompt: PromptKey
    wrong: PromptKey
    unknown: PromptKey
    silent: PromptKey
    found: NodeName
    too_many: NodeName
    unavailable: NodeName
    end: Key = "#"
    longest: Annotated[int, msgspec.Meta(ge=1, le=20)] = 12
    wait: Seconds = 7.0
    between: Seconds = 4.0

    @property
    def looks_up(self) -> str:
        """See Kind."""
        return self.what

    def makes_known(self) -> Mapping[str, tuple[str, ...]]:
        """See Kind."""
        return {"found": ("ticket" if self.what == "tracking" else "customer",)}

    def on_enter(self, turn: Turn) -> None:
        """See Kind."""
        self.listen(turn, self.prompt)

    def on_keys(self, turn: Turn) -> None:
        """See Kind."""
        digits, end, rest = turn.run.keyed.partition(self.end)
        if end or len(digits) >= self.longest:
            rest = rest if end else digits[self.longest :]
            turn.set(keyed=rest, timer=0, late_end="" if end or rest else self.end)
            self._take(turn, digits[: self.longest])
        else:
            turn.start_timer(self.between)

    def on_silence(self, turn: Turn) -> None:
        """See Kind. What was keyed until then counts as it is."""
        if turn.run.keyed:
            self._take(turn, turn.run.keyed)
        else:
            super().on_silence(turn)

    def _take(self, turn: Turn, digits: str) -> None:
        turn.set(keyed="" if turn.run.keyed == digits else turn.run.keyed, timer=0)
        key = tracking.parse(digits) if self.what == "tracking" else digits if digits.isdigit() else None
        turn.step(StepKind.KEYS, keys=digits, result="match" if key else "invalid")
        if key is None:
            self.failed(turn)
        else:
            turn.look_up(TicketOfNumber(key) if self.what == "tracking" else CustomerOfCode(key))

    def on_answer(self, turn: Turn, answer: object) -> None:
        """See Kind."""
        match answer:
            case TicketFacts():
                turn.set(ticket=answer)
                turn.step(StepKind.LOOKUP, what=self.what, result="found", tracking_number=answer.tracking_number)
                turn.enter(self.found)
            case CustomerFacts():
                turn.step(StepKind.LOOKUP, what=self.what, result="found", customer_code=answer.code)
                turn.meet(answer, "code")
                turn.enter(self.found)
            case _:
                turn.step(StepKind.LOOKUP, what=self.what, result="none")
                self.failed(turn, unknown=True)

    def on_no_answer(self, turn: Turn) -> None:
        """See Kind."""
        turn.enter(self.unavailable)

    def again(self, turn: Turn, *, silent: bool, unknown: bool) -> None:
        """See Listening."""
        self.listen(turn, self.unknown if unknown else self.silent if silent else self.wrong)

    def out_of_tries(self, turn: Turn, *, silent: bool) -> None:
        """See Listening."""
        turn.enter(self.too_many)
