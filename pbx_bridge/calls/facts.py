"""Facts: what happened, as its source told it, kept for ever in the journal.

A fact is identified by `(node, file, offset)`: for a spool the file's identity (a hash of its first record, see
spool/tail.py) and the row's byte offset; for an IVR step the channel and its sequence number. Reading a source
twice therefore gives the same facts, and the journal keeps each once. The body is the source's own text, so that
every call can be folded anew from it; fact_text.py writes and reads it.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec


class FactKind(enum.StrEnum):
    """Where a fact comes from; also how its body is decoded."""

    CEL = "cel"  # one record of cel_custom, CSV
    QUEUE = "queue"  # one line of queue_log
    STEP = "step"  # one IVR step, JSON
    BOOT = "boot"  # the node's Asterisk came up; body is empty
    LIVE = "live"  # what only AMI or the daemon could tell, JSON; the record is right without it, if poorer
    CDR = "cdr"  # one CDR of a time before us, JSON


@dataclass(frozen=True, slots=True, kw_only=True)
class RawFact:
    """A fact as it is journaled.

    Attributes:
        node: the PBX's systemname.
        file: the source's identity, e.g. `cel:<hash>`, `queue:<hash>`, `step:<channel uniqueid>`.
        offset: byte offset in the file, or the step's sequence number.
        at: aware UTC, microseconds (whole seconds for queue_log).
        channel: the uniqueid it speaks of; empty for a boot.
        linkedid: Asterisk's linkedid if the source tells it, else empty.
        body: the source's own text.
        told: its typed form, where reading it has made that already; no part of the fact.
    """

    node: str
    file: str
    offset: int
    kind: FactKind
    at: datetime
    channel: str
    linkedid: str = ""
    body: str
    told: CelRow | None = field(default=None, compare=False, repr=False)

    def __post_init__(self) -> None:
        if self.at.tzinfo is not UTC and self.at.utcoffset() != timedelta(0):
            raise ValueError("a fact's time is aware UTC")


class CelRow(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One CEL record (columns as in asterisk-conf/cel_custom.conf). `extra` is eventextra, decoded.

    A Struct, not a dataclass like its siblings: it has 22 fields, and one is made for every row of the spool.
    """

    node: str
    file: str
    offset: int
    at: datetime
    event: str
    user_type: str
    name: str
    num: str
    ani: str
    rdnis: str
    dnid: str
    exten: str
    context: str
    channel_name: str
    app: str
    app_data: str
    account: str
    uniqueid: str
    linkedid: str
    peer: str
    user_field: str
    extra: Mapping[str, Any] = msgspec.field(default_factory=dict)

    @property
    def is_local(self) -> bool:
        """A Local channel: Asterisk's own plumbing, never shown to people."""
        return self.channel_name.startswith("Local/")


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueEvent:
    """One queue_log line: `epoch|uniqueid|queue|agent|EVENT|data…`. Whole seconds: causes, never times."""

    node: str
    file: str
    offset: int
    at: datetime
    uniqueid: str
    queue: str
    agent: str
    event: str
    args: tuple[str, ...]


class StepKind(enum.StrEnum):
    """What an IVR step tells. The flow engine writes them, the fold and the page read them."""

    STARTED = "started"  # data: flow, version, called
    CUSTOMER = "customer"  # the caller is known now. data: code, name, by (number | code)
    LANGUAGE = "language"  # data: language (fa | en), by (record | key | default)
    SAID = "said"  # a prompt began. data: prompt, language, text, playback
    HEARD = "heard"  # a prompt was heard to its end. data: prompt, playback, serves (bool: a self-service answer)
    KEYS = "keys"  # data: keys (a secret's are replaced by asterisks), result (match | invalid | timeout)
    LOOKUP = "lookup"  # data: what, result (found | none | unavailable), seconds, tracking_number or customer_code
    FILLER = "filler"  # the lookup took long; a filler was played
    QUEUE = "queue"  # handed to a queue. data: queue, reason; of who goes ahead: priority, because (words)
    QUEUE_RETURN = "queue_return"  # data: queue, status, reason
    HOURS = "hours"  # data: result (open | closed | holiday), holiday (its name), opens_at (ISO 8601, when not open)
    HANDED_OVER = "handed_over"  # given to the dialplan otherwise. data: what (a Place of ivr/run.py), to
    HANDED_BACK = "handed_back"  # data: what, to, status
    SURVEY = "survey"  # a question begins, answer null, or was answered. data: question, answer, scale, queue, agent
    TICKET_OPENED = "ticket_opened"  # data: sort (request | complaint), tracking_number, message (a recording's name)
    CALLBACK_ASKED = "callback_asked"  # data: number, queue, wanted_at (ISO 8601), again (bool: one was moved)
    WEBHOOK = "webhook"  # a service was told. data: service, result (sent | failed), reason (of a failure)
    RECORDED = "recorded"  # what the caller said. data: name, seconds, result (kept | empty: nothing to keep)
    RESUMED = "resumed"  # the daemon came back and went on at this flow node
    ENDED = "ended"  # the run is over. data: by (caller | flow | queue | dial | transfer | lost)
    TROUBLE = "trouble"  # something failed and the caller was helped otherwise. data: reason


class Step(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One step of a caller's run through a flow; `flow_node` is the flow's node, `offset` the sequence."""

    node: str
    file: str
    offset: int
    at: datetime
    uniqueid: str
    kind: StepKind
    flow_node: str
    data: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Boot:
    """The node's Asterisk started: whatever was open before is over."""

    node: str
    file: str
    offset: int
    at: datetime


class LiveKind(enum.StrEnum):
    """What a live fact tells: no row of CEL or queue_log does."""

    HOLD = "hold"  # the channel's phone put the call on hold (AMI Hold)
    UNHOLD = "unhold"  # AMI Unhold: a resume; also heard, without a Hold, at every park and transfer
    PARKED = "parked"  # data: slot. AMI ParkedCall
    ORIGINATE = "originate"  # we are about to call for somebody. data: dialled, agent
    GONE = "gone"  # Asterisk has this channel no longer, though CEL never told its end


@dataclass(frozen=True, slots=True, kw_only=True)
class Live:
    """One live fact; `uniqueid` is the channel it speaks of."""

    node: str
    file: str
    offset: int
    at: datetime
    uniqueid: str
    event: LiveKind
    data: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class CdrRow:
    """One CDR from before our time. Texts are as they came; `dst` may be an application's name or `s`.

    Attributes:
        at: when it started, aware UTC; so answered_at (None: never) and ended_at.
        disposition: `ANSWERED`, `NO ANSWER`, `BUSY`, `FAILED`, `CONGESTION`.
        did: the number dialled by somebody outside, where the export knows it.
    """

    node: str
    file: str
    offset: int
    at: datetime
    answered_at: datetime | None
    ended_at: datetime
    clid: str
    src: str
    dst: str
    context: str
    channel_name: str
    peer_name: str
    app: str
    app_data: str
    disposition: str
    uniqueid: str
    linkedid: str
    did: str
    user_field: str


Fact = CelRow | QueueEvent | Step | Boot | Live | CdrRow
