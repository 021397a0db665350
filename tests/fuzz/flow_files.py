"""Target `flow`: spoilt flow files through the reader, the linter and the drawing.

What is asked: a file gives a flow or says what is wrong with it, each time with a place that is in the file.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from fuzz.mutate import Stock
from fuzz.target import Defect, Found, Target
from pbx_bridge.ivr import flow as flows
from pbx_bridge.ivr.drawing.svg import svg
from pbx_bridge.ivr.drawing.texts import texts_of
from pbx_bridge.ivr.flow import Flow
from pbx_bridge.ivr.lint.examine import examine
from pbx_bridge.ivr.prompts import PromptBook

_EVERYWHERE = Path(__file__).parents[1] / "harness" / "everywhere.yaml"
_NODE = re.compile(r"^  \w+:\n(?:    .*\n|\n)+", re.M)
_WORDS = (
    "kind: say", "kind: menu", "kind: queue", "kind: hours", "kind: call", "kind: choose", "kind: ask", "kind: dial",
    "prompt:", "next:", "keys:", "nodes:", "start:", "arguments:", "holidays: iran", "timeout: 3s", "&a", "*a",
    "<<: *a", "!!python/object:os.system", "!!binary aGk=", "!!float 1", "? ", "- ", "|", ">", "---", "...",
    "%YAML 1.1", "[fa, en]", "{a: {a: {a: {a: 1}}}}", "\t", "    ", "yes", "~", "0x1F", "1_000", "16:30",
    "2026-02-30", "{{ name }}", "end", "person",
)  # fmt: skip
_PATH = Path("fuzzed.yaml")
_LINE_ENDS = (b"\n", b"\r", "\x85".encode(), "\u2028".encode(), "\u2029".encode())  # of YAML


@dataclass(slots=True)
class FlowSession:
    """A prompt book, and what each file came to."""

    book: PromptBook = field(default_factory=PromptBook.load)

    async def play(self, number: int, data: bytes) -> None:
        """Read it, look through it, draw it."""
        reading = examine(data, self.book, queues=("support",), mailboxes=(), extensions=("101",))
        if reading.flow is None and not reading.findings:
            raise Defect("no flow, and nothing said to be wrong with it")
        last = sum(map(data.count, _LINE_ENDS)) + 2
        for finding in reading.findings:
            told = str(finding.error(_PATH))
            if not finding.text or "\n" in told or (finding.line or 1) > last:
                raise Defect(f"a finding that helps nobody: {told!r}")
        if reading.flow is not None:
            self._use(reading.flow)

    def _use(self, flow: Flow) -> None:
        flow.prompts(), flow.queues(), flow.reachable()
        if not any(flow.unreachable()):
            svg(flow, texts_of(self.book, flow.default_language), flow.default_language)

    async def settle(self) -> list[Found]:
        """Nothing waits."""
        return []


@asynccontextmanager
async def _session(_: Path) -> AsyncIterator[FlowSession]:
    yield FlowSession()


def _stock() -> Stock:
    minimal, whole = flows.read_bytes(flows.find("minimal")).decode(), [_EVERYWHERE.read_text(encoding="utf-8")]
    whole += [flows.read_bytes(flows.find(name)).decode() for name in flows.shipped()]
    nodes = dict.fromkeys(node for text in whole for node in _NODE.findall(text))
    seeds = [*[minimal] * 20, *(f"{minimal}\n{node}" for node in nodes), *whole]
    return Stock(seeds=[seed.encode() for seed in seeds], words=[word.encode() for word in _WORDS])


FLOW = Target(name="flow", stock=cache(_stock), session=_session)
