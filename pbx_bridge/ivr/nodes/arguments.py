"""What a flow tells a service: constants, and values of the run by their names."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date, time
from typing import Annotated, Any

import msgspec

from pbx_bridge.ivr.grammar import Money
from pbx_bridge.ivr.nodes.base import Kind
from pbx_bridge.ivr.run import Run

_NAME = r"^[a-z][a-z0-9_]{0,39}$"
_AS = "small letters, digits and _, the first one a letter"
ServiceName = Annotated[str, msgspec.Meta(pattern=_NAME, description=f"the name of a service in the settings: {_AS}")]
KeptName = Annotated[str, msgspec.Meta(pattern=_NAME, description=f"a name for what is kept: {_AS}")]
TellName = Annotated[str, msgspec.Meta(pattern=_NAME, description=f"the name of an argument: {_AS}")]
Scalar = str | int | float | bool
Told = (
    Annotated[
        str,
        msgspec.Meta(pattern=r"^('[^'\x00-\x1f\x7f]{0,200}'|[a-z][a-z_]{0,39}(\.[a-z][a-z0-9_]{0,39})?)$"),
    ]
    | int
    | float
    | bool
)

OF_THE_CALL = ("caller", "caller_name", "called", "channel", "language")


class Telling(Kind, frozen=True, kw_only=True):
    """A kind that tells a service something.

    Attributes:
        with_: by argument, what it is told: see `Told`. Text in quotes of its own is a constant, other text names a
            value of the run.
    """

    with_: dict[TellName, Told] = msgspec.field(default_factory=dict, name="with")

    def reads(self) -> Iterator[tuple[str, str]]:
        """See Kind."""
        for argument, told in self.with_.items():
            if isinstance(told, str) and not told.startswith("'") and told not in OF_THE_CALL:
                yield f"with.{argument}", told

    def arguments(self, run: Run) -> dict[str, Scalar]:
        """What the service is told now. Raises KeyError with the name of a value that is not known."""
        values = run.values()
        return {argument: _value(run, values, told) for argument, told in self.with_.items()}

    def blank(self, run: Run) -> str:
        """The name of a value of the call that it tells and that is empty, such as a hidden number; else empty."""
        told = (one for one in self.with_.values() if isinstance(one, str) and one in OF_THE_CALL)
        return next((one for one in told if not getattr(run, one)), "")


def _value(run: Run, values: Mapping[str, Any], told: Scalar) -> Scalar:
    if not isinstance(told, str):
        return told
    if told.startswith("'"):
        return told[1:-1]
    if told in OF_THE_CALL:
        return str(getattr(run, told))
    what, _, name = told.partition(".")
    value = values.get(what, {}).get(name)
    if value is None:
        raise KeyError(told)
    return _plain(value)


def _plain(value: object) -> Scalar:
    """As JSON and URLs have it: a day and a time of day by ISO 8601, money as its amount."""
    match value:
        case bool() | int() | float() | str():
            return value
        case Money(amount=amount):
            return amount
        case time():
            return f"{value:%H:%M}"
        case date():
            return value.isoformat()
        case _:
            return str(value)
