"""The call: what a person would call one call, from the first ring to the last hang-up."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha1
from typing import Any, NewType
from uuid import UUID

import msgspec

CallId = NewType("CallId", str)

_NAMESPACE = UUID("5f0c7d0e-6f7a-5c3e-9f63-1d1f6a1b7c55")  # ours alone; changing it would rename every call


class Direction(enum.StrEnum):
    """Seen from the company."""

    INBOUND = "inbound"
    OUTBOUND = "outbound"
    INTERNAL = "internal"


class Outcome(enum.StrEnum):
    """How a call ended, in the words of a support lead."""

    ANSWERED = "answered"  # a person spoke with the caller (inbound) or the far end answered (outbound)
    SELF_SERVED = "self_served"  # the IVR's answer was heard to its end
    ABANDONED_IVR = "abandoned_ivr"  # the caller hung up in the menus
    ABANDONED_QUEUE = "abandoned_queue"  # the caller hung up waiting
    MISSED = "missed"  # nobody answered: time-out, or the queue was empty
    VOICEMAIL = "voicemail"
    CALLBACK = "callback"
    REJECTED = "rejected"
    BUSY = "busy"  # outbound, as the three below
    NO_ANSWER = "no_answer"
    FAILED = "failed"
    CANCELLED = "cancelled"
    LOST = "lost"  # the PBX died with the call; how it would have ended is unknown


class SegmentKind(enum.StrEnum):
    """What a stretch of a call was."""

    IVR = "ivr"
    WAIT = "wait"
    RING = "ring"
    TALK = "talk"
    HOLD = "hold"
    CONSULT = "consult"
    PARK = "park"
    VOICEMAIL = "voicemail"


@dataclass(frozen=True, slots=True, kw_only=True)
class Segment:
    """One stretch of a call.

    Attributes:
        kind: what it was.
        started_at: aware UTC.
        ended_at: aware UTC; None while it goes on.
        party: the queue (wait), the agent or extension (ring, talk), the flow (ivr); empty if unknown.
        result: how it ended: `answered`, `busy`, `no_answer`, `cancelled`, `rejected`,
            `forwarded`, `picked_up`, `unreachable` (ring); `not_left` (voicemail); `answered`,
            `abandoned`, `timeout`, `empty`, `key` (wait); empty where the kind has no result.
    """

    kind: SegmentKind
    started_at: datetime
    ended_at: datetime | None
    party: str = ""
    result: str = ""


class TransferKind(enum.StrEnum):
    """How a person handed the call on."""

    BLIND = "blind"  # without asking the other first
    ATTENDED = "attended"  # after they had spoken
    BLONDE = "blonde"  # while the other's phone still rang


@dataclass(frozen=True, slots=True, kw_only=True)
class Transfer:
    """One handing on of the call: `by` and `to` are extensions or numbers, empty if unknown."""

    kind: TransferKind
    at: datetime
    by: str
    to: str


class CallStep(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One IVR step as it stands on the record: `kind` and `data` as in calls.facts.StepKind.

    A Struct for the reason that facts.CelRow is one: a call has many, and each fold makes them anew.
    """

    at: datetime
    flow_node: str
    kind: str
    data: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class SurveyAnswer:
    """What was answered to one question after a talk.

    Attributes:
        question: its name in the flow.
        answer: 1 to `scale`; None: it was asked, and the caller gave none or left.
        queue: the queue of that talk, empty if it came through none; agent: who talked last before, empty if unknown.
        at: when it was answered, or began to be asked if it never was; aware UTC.
    """

    question: str
    answer: int | None
    scale: int
    queue: str
    agent: str
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One call, folded from all its facts.

    Attributes:
        call_id: uuid5 of node and root channel; never changes.
        root: uniqueid of the root channel (the earliest CHAN_START that is no Local channel).
        outcome: None while the call goes on.
        started_at: aware UTC, microseconds, as all times here.
        answered_at: when a person answered (not the IVR); None if none did.
        ended_at: None while the call goes on.
        end_estimated: the end was never told (PBX killed); ended_at is the last fact's time.
        caller: the number as it came. caller_name: as it came: hostile text.
        called: the number dialled, as the PBX saw it.
        destination: where the call was delivered in the end: the last party that spoke or rang; empty if none did.
        customer_by: how customer_code was found: `key` (typed in the menu), `number`, or empty.
        agents: extensions of ours that spoke with the caller, in the order they began.
        transfers: by time.
        left_voicemail: a message was left, whatever came before.
        cause: Q.850 cause of the far end's hang-up; None if it was never told.
        source: `cel`, or `cdr` for a call from before our time.
        ring_us: union of the intervals a phone of the called side rang; so hold_us (nobody heard the other).
        talk_us: union of the intervals the far party spoke with a person, microseconds; so wait_us, ivr_us.
        ended_by: `caller` (the person outside; of an internal call, whoever called), `agent`, `system`, or empty when
            unknown.
        fallback: the dialplan had to serve the caller without us.
        survey: every question that the caller was asked after a talk, in order.
    """

    call_id: CallId
    node: str
    root: str
    direction: Direction
    outcome: Outcome | None
    started_at: datetime
    answered_at: datetime | None
    ended_at: datetime | None
    end_estimated: bool
    caller: str
    caller_name: str
    called: str
    destination: str = ""
    customer_code: str
    customer_by: str = ""
    agents: tuple[str, ...] = ()
    transfers: tuple[Transfer, ...] = ()
    left_voicemail: bool = False
    cause: int | None = None
    source: str = "cel"
    tracking_numbers: tuple[str, ...]
    language: str
    talk_us: int
    wait_us: int
    ivr_us: int
    ring_us: int = 0
    hold_us: int = 0
    ended_by: str
    fallback: bool
    segments: tuple[Segment, ...]
    steps: tuple[CallStep, ...]
    survey: tuple[SurveyAnswer, ...] = ()

    @property
    def transfer(self) -> str:
        """The last transfer's kind; empty if there was none."""
        return self.transfers[-1].kind.value if self.transfers else ""

    @property
    def last_agent(self) -> str:
        """The agent who spoke last; empty if none did."""
        return self.agents[-1] if self.agents else ""


def call_id(node: str, root: str) -> CallId:
    """The identity of a call: the same for every fold, on every machine.

    It is str(uuid5(namespace, text)), made in a third of the time (RFC 9562, 5.5).
    """
    digest = bytearray(sha1(_NAMESPACE.bytes + f"{node}\n{root}".encode(), usedforsecurity=False).digest()[:16])
    digest[6] = digest[6] & 0x0F | 0x50  # version 5
    digest[8] = digest[8] & 0x3F | 0x80  # this variant
    text = digest.hex()
    return CallId(f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}")
