"""What Asterisk wrote of one scene, found among the rows of others by the ids it shares."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.scene_lab import NODE
from pbx_bridge.calls.fact_text import decode
from pbx_bridge.calls.facts import Fact, RawFact
from pbx_bridge.calls.keys import keys_of


@dataclass(frozen=True, kw_only=True)
class Trace:
    """What Asterisk wrote of one scene, in file order, and what AMI told."""

    cel: Sequence[str]
    queue_log: Sequence[str]
    cdr: Sequence[str]
    live: Sequence[dict[str, Any]]

    @property
    def whole(self) -> bool:
        """Whether every channel has ended and every linkedid is told over."""
        rows = [line.split('","') for line in self.cel]
        begun = sum(row[0] == '"CHAN_START' for row in rows)
        over = {row[15] for row in rows if row[0] == '"LINKEDID_END'}
        ended = sum(row[0] == '"CHAN_END' for row in rows)
        return 0 < begun == ended and {row[15] for row in rows if row[0] == '"CHAN_END'} <= over

    def save(self, folder: Path) -> None:
        """Keep it as a capture."""
        folder.mkdir(parents=True, exist_ok=True)
        live = [json.dumps(event) for event in self.live]
        files = {"cel.csv": self.cel, "queue_log.txt": self.queue_log, "cdr.csv": self.cdr, "live.jsonl": live}
        for name, lines in files.items():
            (folder / name).write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")


def line_count(file: Path) -> int:
    """How many lines a spool file has; 0 before it appears."""
    return file.read_bytes().count(b"\n") if file.exists() else 0


def rows_of(file: Path, since: int, make: Callable[..., RawFact]) -> list[tuple[str, Fact]]:
    """The whole lines after so many, each with its fact: a scene's texts hold no line ends."""
    if not file.exists():
        return []
    *lines, _ = file.read_text(encoding="utf-8").split("\n")
    facts = (decode(make(node=NODE, file=file.name, offset=n, body=line)) for n, line in enumerate(lines[since:]))
    return list(zip(lines[since:], facts, strict=True))


def closure(rows: Sequence[tuple[str, Fact]], marks: Sequence[str]) -> frozenset[str]:
    """The keys of every fact that belongs, directly or through others, to those in whose text a mark stands."""
    keys: set[str] = set()
    for text, fact in rows:
        if any(mark in text for mark in marks):
            keys |= keys_of(fact)
    grown = True
    while grown:
        before = len(keys)
        for _, fact in rows:
            mine = keys_of(fact)
            if mine & keys:
                keys |= mine
        grown = len(keys) > before
    return frozenset(keys)


def cdr_of(file: Path, keys: frozenset[str]) -> list[str]:
    """The lines of Asterisk's own CDRs, a cross-check only, that carry one of those ids."""
    lines = file.read_text(encoding="utf-8").splitlines() if file.exists() else []
    return [line for line in lines if keys & set(line.strip('"').split('","')[-5:-3])]
