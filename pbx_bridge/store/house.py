"""What the house's settings tell the store, and may tell it anew while it is open."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from pbx_bridge.calls.promises import Promises
from pbx_bridge.store.callbacks_rules import Retry
from pbx_bridge.values.number_rules import PLAIN, NumberRules


@dataclass(frozen=True, slots=True, kw_only=True)
class House:
    """The rules of a house. They count for what is written from then on; what stands is not worked out anew.

    Attributes:
        numbers: what the house does to numbers.
        promises: what is promised of tickets that are opened.
        retry: when callbacks are tried again.
        audit_days: for so many days lines of the audit log are kept; 0: for ever.
    """

    numbers: NumberRules = PLAIN
    promises: Promises = field(default_factory=Promises)
    retry: Retry = field(default_factory=Retry)
    audit_days: int = 0


TakeHouse = Callable[[House], None]
"""Have the store go by these from the next write on."""
