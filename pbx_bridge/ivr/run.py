"""One caller's way through a flow: the run, what can happen to it, and what it wants done.

A `Run` is frozen and says everything; it is checkpointed at every step, so that a restarted daemon goes on with it.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

import msgspec

from pbx_bridge.calls.facts import StepKind
from pbx_bridge.ivr.known import (
    Answer,
    CallbackFacts,
    ComplaintFacts,
    ContractFacts,
    CustomerFacts,
    Kept,
    OpeningFacts,
    QueueFacts,
    RecordingFacts,
    TicketFacts,
)
from pbx_bridge.ivr.questions import Question


class Take(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A message that a caller is at: where in the flow, and how far it is.

    Attributes:
        name: of the recording, without an ending; a new take of the same message has the same.
        stage: speaking: the dialplan records; spoken: the caller may decide; keeping: it is to be kept. Empty: done.
        seconds: its length, once it is known.
    """

    name: str = ""
    flow_node: str = ""
    stage: Literal["", "speaking", "spoken", "keeping"] = ""
    seconds: float = 0.0


class Phase(enum.StrEnum):
    """What the run waits for."""

    SAYING = "saying"  # the end of a prompt (or a key, which cuts it)
    COLLECTING = "collecting"  # a key
    LOOKING = "looking"  # a lookup's answer
    QUEUED = "queued"  # the dialplan to give the caller back, from a queue or another Place
    OVER = "over"  # nothing


class Place(enum.StrEnum):
    """What the dialplan can be given a caller for; its contexts and what it gives them back with are named so."""

    QUEUE = "queue"
    VOICEMAIL = "voicemail"
    DIAL = "dial"
    TRANSFER = "transfer"
    RECORD = "message"  # `record` is what the dialplan does with talks


class Run(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Where one caller stands in a flow.

    Attributes:
        node: the PBX. channel: the caller's uniqueid. caller, caller_name, called: as the dialplan let them through.
        at: the flow node. entered_at: when the run began, aware UTC.
        language: empty until known. keyed: keys not yet used, typed ahead ones included.
        tries: failed tries at the present node.
        playback: the number of the prompt being said, 0 when silent; `timer` and `lookup` likewise, so that a late
            answer to something given up is told from the present one. All count with `counter`.
        excused: the filler was said for the present lookup.
        steps: how many steps were written; the next one's sequence number.
        handed: how often the caller was given to the dialplan.
        kept: what the flow itself keeps, by its names: `kept.amount` in prompts and conditions.
        late_end: the key that ends a number, which a caller may press though the number was long enough to be taken
            without; as the very next key it means nothing more. Empty: there is none.
        recording: the last message that was kept. take: the one the caller is at.
        talked: how the last talk with a person ended whose caller came back to the flow; None: there was none.
        talked_at: when that was, aware UTC.
        surveyed: the survey node last come to, `handed` at that time, and how many of its questions are done.
        verified: the caller keyed the PIN of `customer`.
        told: how often a service took what it was told; with it the next time has an origin of its own.
        requests: how many things were written down for people to do; with them the next one has an origin of its own.
    """

    node: str
    channel: str
    caller: str
    caller_name: str
    called: str
    flow: str
    version: str
    entered_at: datetime
    at: str
    phase: Phase = Phase.SAYING
    language: str = ""
    keyed: str = ""
    tries: int = 0
    playback: int = 0
    timer: int = 0
    lookup: int = 0
    counter: int = 0
    excused: bool = False
    steps: int = 0
    handed: int = 0
    late_end: str = ""
    customer: CustomerFacts | None = None
    ticket: TicketFacts | None = None
    contract: ContractFacts | None = None
    opening: OpeningFacts | None = None
    kept: Mapping[str, Kept] = {}
    queue: QueueFacts | None = None
    complaint: ComplaintFacts | None = None
    callback: CallbackFacts | None = None
    requests: int = 0
    told: int = 0
    verified: bool = False
    talked: GivenBack | None = None
    talked_at: datetime | None = None
    surveyed: tuple[str, int, int] = ("", 0, 0)
    recording: RecordingFacts | None = None
    take: Take = Take()

    def values(self) -> Mapping[str, Any]:
        """What prompts may speak of, as `ticket.status` and so on."""
        told = {
            "customer": self.customer,
            "ticket": self.ticket,
            "contract": self.contract,
            "opening": self.opening,
            "queue": self.queue,
            "complaint": self.complaint,
            "callback": self.callback,
            "recording": self.recording,
        }
        known = {name: msgspec.structs.asdict(facts) for name, facts in told.items() if facts is not None}
        return known | {"kept": {name: one.value for name, one in self.kept.items()}} if self.kept else known


# --- what can happen ---------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Begun:
    """The caller reached us."""


@dataclass(frozen=True, slots=True)
class Resumed:
    """We were away; the caller is still there."""


@dataclass(frozen=True, slots=True)
class KeyPressed:
    """One DTMF digit: 0-9, * or #."""

    key: str


@dataclass(frozen=True, slots=True)
class PromptEnded:
    """A prompt was played to its end (`heard`), or could not be."""

    playback: int
    heard: bool = True


@dataclass(frozen=True, slots=True)
class TimeUp:
    """A timer ran out."""

    timer: int


@dataclass(frozen=True, slots=True)
class Found:
    """A lookup's answer: what was asked for, or None if there is no such thing."""

    lookup: int
    answer: Answer


@dataclass(frozen=True, slots=True)
class LookupFailed:
    """A lookup ended in an error."""

    lookup: int
    reason: str


@dataclass(frozen=True, slots=True)
class GivenBack:
    """The dialplan gave the caller back: `what` and `to` as in HandOver, as it tells them.

    `status` is Asterisk's word for how it ended: QUEUESTATUS, DIALSTATUS or VMSTATUS; INVALID: it knows no such `to`.
    """

    what: str
    to: str
    status: str


@dataclass(frozen=True, slots=True)
class Gone:
    """The channel left us: the caller hung up (`caller`), or it was taken away while we could not act (`lost`)."""

    by: str = "caller"


Happening = Begun | Resumed | KeyPressed | PromptEnded | TimeUp | Found | LookupFailed | GivenBack | Gone


# --- what a run wants done ---------------------------------------------------------------------------------------
# Structs, not dataclasses as what happens: every key makes several, and a dataclass takes five times as long to make.
# `gc=False` here and for Run: they hold data only and can be in no circle.


class Part(msgspec.Struct, frozen=True, gc=False):
    """One prompt, in its language; or a message that was recorded, as long as it says."""

    prompt: str
    language: str
    recording: str = ""
    seconds: float = 0.0


class Play(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Say these prompts, one after the other, as playback `playback`. `listens`: the caller may key an answer."""

    playback: int
    parts: tuple[Part, ...]
    values: Mapping[str, Any]
    listens: bool
    serves: bool = False


class StopPlaying(msgspec.Struct, frozen=True, gc=False):
    """Cut the prompt short."""

    playback: int


class StartTimer(msgspec.Struct, frozen=True, gc=False):
    """Tell `TimeUp(timer)` after so many seconds. The newest timer replaces the one before."""

    timer: int
    seconds: float


class LookUp(msgspec.Struct, frozen=True, gc=False):
    """Ask, and tell `Found(lookup, …)` or `LookupFailed(lookup, …)`."""

    lookup: int
    question: Question


class HandOver(msgspec.Struct, frozen=True, gc=False):
    """Give the caller to the dialplan, in this language.

    `to` is the queue, the mailbox, the number, or the extensions with `+` between them. `settings` are what its
    context reads as channel variables, `ring` as PBXB_RING.
    """

    what: Place
    to: str
    language: str
    settings: Mapping[str, str] = {}


class HangUp(msgspec.Struct, frozen=True, gc=False):
    """End the call."""


class WriteStep(msgspec.Struct, frozen=True, gc=False):
    """A fact for the record."""

    sequence: int
    kind: StepKind
    flow_node: str
    data: Mapping[str, Any]


Effect = Play | StopPlaying | StartTimer | LookUp | HandOver | HangUp | WriteStep
