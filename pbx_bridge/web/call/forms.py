"""What was wrong with a form of a call's page, and what was typed into it, so that nothing typed is lost. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """`form`: `note`, `link` or `new`; `error`: the key of its words; `typed`: its fields."""

    form: str = ""
    error: str = ""
    typed: Mapping[str, str] = field(default_factory=dict)

    def error_of(self, form: str) -> str:
        """The error, if it is of this form."""
        return self.error if self.form == form else ""

    def text(self, form: str, name: str) -> str:
        """What was typed into a field of this form."""
        return self.typed.get(name, "") if self.form == form else ""


NOTHING_REFUSED = Refused()
