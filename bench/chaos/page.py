"""The table of docs/chaos.md: a row for each fault, rewritten from what was measured; the others stay."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import Path

from bench.chaos.cases import Fault
from bench.chaos.trial import Outcome

HEAD = (
    "fault",
    "for",
    "calls: Asterisk's files / record",
    "longest dead air",
    "by the dialplan alone",
    "status page",
    "ready again",
    "verdict",
)
_TABLE = re.compile(r"(?<=<!-- measured -->\n).*?(?=<!-- end -->)", re.DOTALL)


def rewrite(page: Path, rows: Mapping[Fault, str]) -> None:
    """Put these rows into the page's table. Raises ValueError where the page has no place for it."""
    text = page.read_text(encoding="utf-8")
    found = _TABLE.search(text)
    if found is None:
        raise ValueError(f"{page}: no table between <!-- measured --> and <!-- end -->")
    kept = {line.split("|")[1].strip(): line for line in found[0].splitlines() if line.startswith("|")}
    merged = kept | {fault.value: row for fault, row in rows.items()}
    lines = [_line(HEAD), _line(["---"] * len(HEAD)), *(merged[fault] for fault in Fault if fault in merged)]
    draft = page.with_suffix(".draft")
    draft.write_text(_TABLE.sub(lambda _: "\n".join([*lines, ""]), text), encoding="utf-8")
    draft.replace(page)


def row(outcome: Outcome) -> str:
    """What was measured, as a row."""
    broken = f" ({outcome.interrupted} cut off)" if outcome.interrupted else ""
    return _line(
        (
            outcome.fault.value,
            f"{outcome.lasts_s:.0f} s",
            f"{outcome.in_files} / {outcome.on_record}{broken}",
            f"{outcome.dead_air_s:.1f} s",
            str(outcome.fallback),
            ", ".join(outcome.told) or "all up",
            f"{outcome.ready_s:.1f} s",
            "FAILED" if outcome.problems else "whole",
        )
    )


def _line(cells: Iterable[str]) -> str:
    return "| " + " | ".join(cells) + " |"
