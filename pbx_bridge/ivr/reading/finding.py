"""What is wrong with a flow, at a place that a person can go to. Pure."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from pathlib import Path

from pbx_bridge.errors import FlowError


class Severity(enum.StrEnum):
    """An error keeps a flow from callers; a warning does not."""

    ERROR = "error"
    WARNING = "warning"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that is wrong.

    Attributes:
        code: a short slug for programs, e.g. `unreachable`.
        text: what is wrong, in words. do: what to do about it; may be empty.
        at: the place in the file, e.g. `nodes.menu.keys.2`; empty: the file as a whole.
        node: the flow node it belongs to; empty where it belongs to none.
        line: from 1. path: the file it stands in, where that is not the flow's.
    """

    code: str
    text: str
    do: str = ""
    at: str = ""
    node: str = ""
    line: int | None = None
    path: Path | None = None
    severity: Severity = Severity.ERROR

    @property
    def sentence(self) -> str:
        """Place, what is wrong, and what to do, without the file."""
        place = f"{self.at}: " if self.at else ""
        return f"{place}{self.text}; {self.do}" if self.do else f"{place}{self.text}"

    def error(self, path: Path) -> FlowError:
        """The same as an error of the flow in this file."""
        return FlowError(self.sentence, path=self.path or path, line=self.line)
