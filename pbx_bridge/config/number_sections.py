"""The settings of numbers: how trunks write their callers, and how the PBX wants to be told what to dial."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, Field

from pbx_bridge.config.sections import Section
from pbx_bridge.values.number_pattern import NumberPattern
from pbx_bridge.values.number_rules import NumberRule

TrunkName = Annotated[str, Field(pattern=r"^[A-Za-z0-9_.+-]{1,80}$")]
Match = Annotated[str, AfterValidator(lambda text: NumberPattern.parse(text).text)]


class NumberOutSettings(Section):
    """A number to dial that matches: take off so many characters in front, put others there. The first one counts."""

    match: Match  # with a + of E.164, else of the number as it is dialled here
    strip: int = Field(default=0, ge=0, le=16)  # so many characters in front are taken off
    put: str = Field(default="", pattern=r"^\+?[0-9]{0,15}$")  # this is put in front then

    def rule(self) -> NumberRule:
        """The same as a value."""
        return NumberRule(match=NumberPattern.parse(self.match), strip=self.strip, put=self.put)


class NumberInSettings(NumberOutSettings):
    """The same of callers' numbers, as a trunk writes them."""

    trunk: TrunkName | None = None  # only its callers; unset: of every trunk
    withheld: bool = False  # such a number stands for callers who show none

    def rule(self) -> NumberRule:
        """The same as a value."""
        return NumberRule(
            match=NumberPattern.parse(self.match),
            strip=self.strip,
            put=self.put,
            trunk=self.trunk or "",
            withheld=self.withheld,
        )


class NumbersSettings(Section):
    """What the house does to numbers. `trunks`: names of those that are not in pbx.trunks, for rules to name."""

    trunks: list[TrunkName] = Field(default=[])
    inbound: list[NumberInSettings] = Field(default=[])  # the first that matches counts
    outbound: list[NumberOutSettings] = Field(default=[])
