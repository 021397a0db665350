"""What a simulated call was: what the caller heard and did and what the flow did about it, line by line. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, assert_never

from pbx_bridge.calls.facts import StepKind
from pbx_bridge.ivr.run import Place
from pbx_bridge.values.hostile import on_terminal


@dataclass(frozen=True, slots=True, kw_only=True)
class Entered:
    """The caller came to a flow node."""

    node: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """A prompt began, in the words people write. `listens`: the caller may key an answer.

    Prompts of the same `playback` are said in one go.
    """

    playback: int
    prompt: str
    language: str
    text: str
    listens: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Replayed:
    """The caller heard the message that they had spoken."""

    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Pressed:
    """The caller pressed these keys."""

    keys: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """A step that the flow wrote for the record; its data as there."""

    kind: StepKind
    data: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Broken:
    """The flow could not do what it wanted, e.g. say a prompt that is missing."""

    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Left:
    """The caller hung up."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Undone:
    """The caller had this in mind, but the call gave no occasion."""

    move: str
    reason: str


Line = Entered | Said | Replayed | Pressed | Told | Broken | Left | Undone


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A line and when it happened, in seconds since the call began."""

    at: float
    line: Line


Transcript = tuple[Entry, ...]


def words(line: Line) -> str:
    """A line for people; empty where there is nothing to tell them. Nothing in it acts on a terminal."""
    return on_terminal(_words(line))


def shown(entry: Entry) -> str:
    """A line with its time, mm:ss.s."""
    return f"{int(entry.at // 60):02}:{entry.at % 60:04.1f}  {words(entry.line)}"


def texts(transcript: Transcript) -> tuple[str, ...]:
    """The words of every line that has some."""
    return tuple(text for entry in transcript if (text := words(entry.line)))


def _words(line: Line) -> str:
    match line:
        case Entered(node=node):
            return f"[{node}]"
        case Said(language=language, text=text):
            return f"{language} «{text}»"
        case Replayed(seconds=seconds):
            return f"played back: {seconds:g} s"
        case Pressed(keys=keys):
            return f"pressed {keys}"
        case Told(kind=kind, data=data):
            return _told(kind, data)
        case Broken(reason=reason):
            return f"trouble: {reason}"
        case Left():
            return "the caller hung up"
        case Undone(move=move, reason=reason):
            return f"not done: {move or 'silence'}: {reason}"
        case _:
            assert_never(line)


def _told(kind: StepKind, data: Mapping[str, Any]) -> str:
    match kind:
        case StepKind.STARTED | StepKind.SAID | StepKind.HEARD | StepKind.FILLER:
            return ""  # told by other lines, or by none that a person misses
        case StepKind.CUSTOMER:
            return f"customer {data['code']}, {data['name']}, known by the {data['by']}"
        case StepKind.LANGUAGE:
            return f"language {data['language']}, by {data['by']}"
        case StepKind.KEYS if data["result"] == "match":
            return ""
        case StepKind.KEYS if data["result"] == "timeout":
            return "no key came"
        case StepKind.KEYS:
            return f"{data['keys']} is {data['result']}"
        case StepKind.LOOKUP:
            reason = f" ({data['reason']})" if data.get("reason") else ""
            return f"looked up {data['what']}: {data['result']}{reason}"
        case StepKind.QUEUE:
            ahead = f", ahead of others: {data['because']}" if "because" in data else ""
            return f"waits in queue {data['queue']}{ahead}"
        case StepKind.QUEUE_RETURN:
            return f"back from queue {data['queue']}: {data['status']}"
        case StepKind.HOURS:
            return f"the office is {data['result']}" if "holiday" not in data else f"holiday: {data['holiday']}"
        case StepKind.HANDED_OVER if data["what"] == Place.RECORD:
            return "records a message"
        case StepKind.HANDED_BACK if data["what"] == Place.RECORD:
            return f"the message is over: {data['status']}"
        case StepKind.HANDED_OVER:
            return f"given to {data['what']} {data['to']}"
        case StepKind.HANDED_BACK:
            return f"back from {data['what']} {data['to']}: {data['status']}"
        case StepKind.WEBHOOK:
            reason = f" ({data['reason']})" if data.get("reason") else ""
            return f"told {data['service']}: {data['result']}{reason}"
        case StepKind.SURVEY:
            return f"{data['question']}: {data['answer']} of {data['scale']}" if data["answer"] else ""
        case StepKind.RECORDED:
            return f"recorded {data['seconds']:g} s: {data['result']}"
        case StepKind.TICKET_OPENED:
            done = "filed complaint" if data["sort"] == "complaint" else "opened ticket"
            return f"{done} {data['tracking_number']}"
        case StepKind.CALLBACK_ASKED:
            again = " again" if data["again"] else ""
            return f"promised{again} queue {data['queue']} to call {data['number']}, not before {data['wanted_at']}"
        case StepKind.ENDED:
            return "" if data["by"] == "caller" else f"the {data['by']} hung up"
        case StepKind.TROUBLE:
            return f"trouble: {data['reason']}"
        case _:  # kinds to come tell themselves
            return f"{kind}: " + ", ".join(f"{name} {value}" for name, value in data.items())
