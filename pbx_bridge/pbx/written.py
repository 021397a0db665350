"""A rendered configuration beside what a folder holds: what is new, what differs, and putting it there.

Passwords are in these files, so whatever is shown of them has none.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pbx_bridge.errors import PbxError
from pbx_bridge.pbx.instance import write_conf

_SECRET = re.compile(r"^(\s*(?:secret|password)\s*=>?\s*)\S.*$", re.M)

State = Literal["new", "changed", "same"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One file. Its texts hold passwords: show `diff()`, never them."""

    name: str
    before: str | None
    after: str

    def __repr__(self) -> str:
        return f"Change({self.name}, {self.state})"

    @property
    def state(self) -> State:
        """What writing it would do."""
        if self.before is None:
            return "new"
        return "same" if self.before == self.after else "changed"

    def diff(self) -> Iterator[str]:
        """The lines that differ, as a unified diff; of a password only that it is another."""
        old, new = (masked(text).splitlines() for text in (self.before or "", self.after))
        yield from difflib.unified_diff(old, new, f"{self.name} (there)", f"{self.name} (rendered)", lineterm="", n=2)
        if self.state == "changed" and old == new:
            yield f"{self.name}: only a password is another one"


def masked(text: str) -> str:
    """The text of a file without its passwords."""
    return _SECRET.sub(r"\1••••••••", text)


def changes(folder: Path, files: Mapping[str, str]) -> list[Change]:
    """What writing these files into a folder would do, in order of their names. Raises PbxError."""
    return [Change(name=name, before=_read(folder / name), after=text) for name, text in sorted(files.items())]


def others(folder: Path, files: Mapping[str, str]) -> list[str]:
    """Files for Asterisk that are in a folder and were not rendered: Asterisk would read them too."""
    return sorted(path.name for path in folder.glob("*.conf") if path.name not in files)


def put(folder: Path, wanted: list[Change], owner: tuple[int, int] | None = None) -> None:
    """Write what is new or changed, each file whole or not at all, 0640. Raises PbxError."""
    try:
        folder.mkdir(mode=0o750, parents=True, exist_ok=True)
        for change in wanted:
            if change.state != "same":
                write_conf(folder / change.name, change.after, owner)
    except OSError as error:
        raise PbxError(f"cannot write {error.filename or folder}: {error.strerror}") from error


def _read(path: Path) -> str | None:
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError) as error:
        raise PbxError(f"cannot read {path}: {error}") from error
