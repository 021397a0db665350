"""`ask`: digits."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Annotated

import msgspec

from pbx_bridge.calls.facts import StepKind
from pbx_bridge.ivr.known import CustomerFacts, Kept, TicketFacts
from pbx_bridge.ivr.nodes import asked
from pbx_bridge.ivr.nodes.arguments import KeptName
from pbx_bridge.ivr.nodes.asked import Currency, What
from pbx_bridge.ivr.nodes.base import KEPT, Key, Listening, NodeName, PromptKey, Seconds
from pbx_bridge.ivr.nodes.request import kept_of
from pbx_bridge.ivr.questions import CustomerOfCode, Guess, Owner, PinOfCustomer, TicketOfNumber
from pbx_bridge.ivr.run import Run

if TYPE_CHECKING:
    from pbx_bridge.ivr.turn import Turn

Length = Annotated[int, msgspec.Meta(ge=1, le=20)]
OwnerName = Annotated[
    str,
    msgspec.Meta(
        pattern=r"^(customer|kept\.[a-z][a-z0-9_]{0,39})$",
        description="customer, or kept.NAME where an ask of digits keeps the end of a phone number",
    ),
]
_CUSTOMER = "customer"
PHONE_END = range(4, 9)  # so many digits prove whose a phone is
_MOST_SECRET = 64  # keys after which an endless secret is wrong


class AskNode(Listening, frozen=True, kw_only=True, tag="ask"):
    """Digits, ended by `end` or by reaching `longest`; checked, then looked up or kept.

    `tracking` refuses a wrong check digit before any lookup. Wrong, unknown and silent tries count together. All keys
    up to `end`, or to silence, belong to a secret, however many: none is left over for a node that writes it down.
    """

    what: What
    prompt: PromptKey
    wrong: PromptKey
    unknown: PromptKey | None = None
    silent: PromptKey
    found: NodeName
    too_many: NodeName
    unavailable: NodeName | None = None
    unknown_customer: NodeName | None = None
    owner: OwnerName | None = None
    keep: KeptName | None = None
    currency: Currency | None = None
    secret: bool | None = None
    end: Key = "#"
    shortest: Length | None = None
    longest: Length | None = None
    wait: Seconds = 7.0
    between: Seconds = 4.0

    def __post_init__(self) -> None:
        """Refuse what cannot be asked so."""
        told = {name: getattr(self, name) for name in self.__struct_fields__}
        for reason in asked.refusals(self.what, told, self.least, self.most):
            raise ValueError(reason)

    @property
    def least(self) -> int:
        """Digits that it has at least."""
        return self.shortest or asked.ASKED[self.what].shortest

    @property
    def most(self) -> int:
        """Digits that it has at most."""
        return self.longest or asked.ASKED[self.what].longest

    @property
    def is_secret(self) -> bool:
        """Whether its digits may stand nowhere."""
        return self.secret or asked.ASKED[self.what].secret

    @property
    def looks_up(self) -> str:
        """See Kind."""
        return self.what if asked.ASKED[self.what].looks_up else ""

    def makes_known(self) -> Mapping[str, tuple[str, ...]]:
        """See Kind."""
        if self.keep:
            return {"found": (f"{KEPT}{self.keep}",)}
        known = {"tracking": ("ticket",), "customer_code": (_CUSTOMER,), "pin": (_CUSTOMER,)}
        return {"found": known[self.what]} if self.what in known else {}

    def reads(self) -> Iterator[tuple[str, str]]:
        """See Kind."""
        if self.owner and self.owner != _CUSTOMER:
            yield "owner", self.owner

    def on_enter(self, turn: Turn) -> None:
        """See Kind."""
        if self.unknown_customer and turn.run.customer is None:
            turn.enter(self.unknown_customer)
        else:
            self.listen(turn, self.prompt)

    def on_keys(self, turn: Turn) -> None:
        """See Kind."""
        digits, end, rest = turn.run.keyed.partition(self.end)
        secret = self.is_secret
        taken = _MOST_SECRET if secret else self.most
        if not end and len(digits) < taken:
            turn.start_timer(self.between)
            return
        rest = rest if end or secret else digits[taken:]
        turn.set(keyed=rest, timer=0, late_end="" if end or rest or secret else self.end)
        self._take(turn, digits if secret else digits[:taken])

    def on_silence(self, turn: Turn) -> None:
        """See Kind. What was keyed until then counts as it is."""
        if keyed := turn.run.keyed:
            turn.set(keyed="", timer=0)
            self._take(turn, keyed)
        else:
            super().on_silence(turn)

    def _take(self, turn: Turn, digits: str) -> None:
        value = self._read(digits, turn.flow.region)
        shown = "*" * len(digits) if self.is_secret else digits
        turn.step(StepKind.KEYS, keys=shown, result="invalid" if value is None else "match")
        match value:
            case None:
                self.failed(turn)
            case Kept():
                if self.keep:
                    turn.keep(self.keep, value)
                turn.enter(self.found)
            case _:
                turn.look_up(self._question(turn.run, value))

    def _read(self, digits: str, region: str) -> str | Kept | None:
        if not (digits.isascii() and digits.isdigit() and self.least <= len(digits) <= self.most):
            return None
        return asked.read(self.what, digits, currency=self.currency, region=region)

    def _question(self, run: Run, value: str) -> Guess:
        if self.what == "tracking":
            return TicketOfNumber(value, self._owner(run), caller=run.caller)
        if self.what == "pin":
            return PinOfCustomer(run.customer.code if run.customer else "", value, caller=run.caller)
        return CustomerOfCode(value, caller=run.caller)

    def _owner(self, run: Run) -> Owner | None:
        """Whose the ticket must be; nobody's, where that is not known."""
        if self.owner is None:
            return None
        if self.owner == _CUSTOMER:
            return Owner(customer_code=run.customer.code if run.customer else "")
        kept = kept_of(run, self.owner)
        is_end = kept is not None and kept.text.isdigit() and len(kept.text) in PHONE_END
        return Owner(phone_end=kept.text) if kept and is_end else Owner()

    def on_answer(self, turn: Turn, answer: object) -> None:
        """See Kind."""
        match answer:
            case TicketFacts():
                turn.set(ticket=answer)
                turn.step(StepKind.LOOKUP, what=self.what, result="found", tracking_number=answer.tracking_number)
                turn.enter(self.found)
            case CustomerFacts() if self.what == "pin":
                turn.step(StepKind.LOOKUP, what=self.what, result="found", customer_code=answer.code)
                turn.set(customer=answer, verified=True)
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
        turn.enter(self.unavailable or turn.flow.person)

    def again(self, turn: Turn, *, silent: bool, unknown: bool) -> None:
        """See Listening."""
        self.listen(turn, (self.unknown or self.wrong) if unknown else self.silent if silent else self.wrong)

    def out_of_tries(self, turn: Turn, *, silent: bool) -> None:
        """See Listening."""
        turn.enter(self.too_many)
