"""Calls as the spool and the flow runner tell them: a caller hears the menu, waits in the queue, talks to an agent.

The rows are those of a captured call (tests/captures/ivr_queue_answered), with ids, numbers and times of their own.
"""

from __future__ import annotations

import random
import re
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import cache
from pathlib import Path

from pbx_bridge.calls.fact_text import cel_fact, queue_fact, step_fact
from pbx_bridge.calls.facts import RawFact, StepKind
from pbx_bridge.ivr.prompts import PromptBook
from pbx_bridge.spool.record import split_cel, split_lines

NODE = "pbx1"
CEL_ROWS = 20  # of one call

_CAPTURE = Path(__file__).resolve().parents[1] / "tests" / "captures" / "ivr_queue_answered"
_BEGUN = 1795293642  # when the captured call came in
_LASTS_S = 3  # between two calls
_SECOND = re.compile(r"17952936\d\d")
_BRIDGE = "93a58544-2861-482a-a21f-4f13c40d65c7"
_SAID = ("welcome", "menu", "contract_ending", "to_person")


@dataclass(frozen=True, slots=True, kw_only=True)
class SpoolCall:
    """One call's rows, as text, and its IVR steps."""

    cel: str
    queue_log: str
    steps: Sequence[RawFact]


def spool_calls(count: int, *, first: int = 0, begun: int = _BEGUN) -> Iterator[SpoolCall]:
    """So many calls, one each few seconds."""
    cel, queue_log = _template("cel.csv"), _template("queue_log.txt")
    for number in range(first, first + count):
        chance = random.Random(number)  # the same calls in each run
        later = begun - _BEGUN + number * _LASTS_S
        channel = f"{_BEGUN + later}.{2 * number}"
        words = {
            f"{NODE}-{_BEGUN}.0": f"{NODE}-@.{2 * number}",
            f"{NODE}-{_BEGUN + 1}.1": f"{NODE}-@@.{2 * number + 1}",
            "09121234567": f"0912{chance.randrange(10**7):07}",
            "Caller 1": "",
            "Agent 101": "",
            "agent101-00000001": f"1{chance.randrange(40):02}-{2 * number + 1:08x}",
            "agent101": "101",
            "trunk-00000000": f"trunk-{2 * number:08x}",
            _BRIDGE: str(uuid.UUID(int=chance.getrandbits(128))),
        }
        yield SpoolCall(
            cel=_told(cel, words, later, chance),
            queue_log=_told(queue_log, words, later, chance),
            steps=_steps(f"{NODE}-{channel}", _BEGUN + later, chance),
        )


def write_spool(folder: Path, count: int) -> None:
    """`cel.csv` and `queue_log` of so many calls."""
    with (folder / "cel.csv").open("w") as cel, (folder / "queue_log").open("w") as queue_log:
        for call in spool_calls(count):
            cel.write(call.cel)
            queue_log.write(call.queue_log)


def facts_of(call: SpoolCall, number: int) -> list[RawFact]:
    """Every fact of one call; `number` makes its place in the files its own."""
    base = number * 100_000
    cel = split_cel(call.cel.encode(), 1000).records
    queue = split_lines(call.queue_log.encode(), 1000).records
    return [
        *(cel_fact(node=NODE, file="cel:bench", offset=base + r.offset, body=r.text) for r in cel),
        *(queue_fact(node=NODE, file="queue:bench", offset=base + r.offset, body=r.text) for r in queue),
        *call.steps,
    ]


@cache
def _template(name: str) -> str:
    return (_CAPTURE / name).read_text(encoding="utf-8")


def _told(text: str, words: dict[str, str], later: int, chance: random.Random) -> str:
    for old, new in words.items():
        text = text.replace(old, new)
    text = text.replace(f"{NODE}-@@.", f"{NODE}-{_BEGUN + 1}.").replace(f"{NODE}-@.", f"{NODE}-{_BEGUN}.")
    text = _SECOND.sub(lambda second: str(int(second[0]) + later), text)
    shift = chance.randrange(1000)
    return re.sub(r"\.(\d{6})\"", lambda micros: f'.{min(999_999, int(micros[1]) + shift):06}"', text)


@cache
def _texts() -> dict[str, str]:
    book, values = PromptBook.load(), {"contract": {"ends_on": date(2026, 12, 1)}}
    return {key: book.text(key, "fa", values) for key in _SAID}


def _steps(channel: str, second: int, chance: random.Random) -> list[RawFact]:
    code = f"C-{chance.randrange(1000, 9999)}"
    told: list[tuple[StepKind, str, dict[str, object]]] = [
        (StepKind.STARTED, "who", {"flow": "support", "version": "4f0c1d2e9a7b", "called": "100"}),
        (StepKind.LOOKUP, "who", {"what": "caller", "result": "found", "customer_code": code}),
        (StepKind.CUSTOMER, "who", {"code": code, "name": f"شرکت {chance.randrange(10**6)}", "by": "number"}),
        (StepKind.LANGUAGE, "language", {"language": "fa", "by": "record"}),
        *_said("welcome", 1),
        *_said("menu", 2),
        (StepKind.KEYS, "menu", {"keys": "2", "result": "match"}),
        (StepKind.LOOKUP, "contract", {"what": "contract", "result": "found", "customer_code": code}),
        *_said("contract_ending", 4),
        (StepKind.QUEUE, "support", {"queue": "support"}),
        (StepKind.QUEUE_RETURN, "support", {"queue": "support", "status": "CONTINUE"}),
        (StepKind.ENDED, "support", {"by": "caller"}),
    ]
    at = datetime.fromtimestamp(second, UTC)
    facts = []
    for sequence, (kind, flow_node, data) in enumerate(told):
        at += timedelta(microseconds=chance.randrange(400_000))
        facts.append(
            step_fact(node=NODE, channel=channel, sequence=sequence, at=at, kind=kind, flow_node=flow_node, data=data)
        )
    return facts


def _said(prompt: str, playback: int) -> list[tuple[StepKind, str, dict[str, object]]]:
    said = {"prompt": prompt, "language": "fa", "text": _texts()[prompt], "playback": playback, "listens": True}
    heard = {"prompt": prompt, "playback": playback, "serves": False}
    return [(StepKind.SAID, prompt, said), (StepKind.HEARD, prompt, heard)]
