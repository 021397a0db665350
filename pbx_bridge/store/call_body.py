"""A Call as JSON and back, exactly: times to the microsecond, every word and number as it was."""

from __future__ import annotations

import json
import re
from binascii import a2b_base64, b2a_base64
from collections.abc import Iterable
from functools import lru_cache
from hashlib import blake2b
from typing import TYPE_CHECKING, Any

import msgspec

from pbx_bridge.calls.call import Call
from pbx_bridge.calls.causes import cause_words
from pbx_bridge.store.announce import CallRow
from pbx_bridge.store.recordings import Recording
from pbx_bridge.store.squeeze import CALL, squeeze, unsqueeze
from pbx_bridge.store.times import iso
from pbx_bridge.values import phone

if TYPE_CHECKING:
    from pbx_bridge.store.wrap_ups import WrapUp

_DECODER = msgspec.json.Decoder(Call)
_LONE = re.compile("[\ud800-\udfff]")


def as_json(call: Call) -> tuple[Call, bytes, str]:
    """The call as it can be kept, its JSON and the hash of that."""
    try:
        body = msgspec.json.encode(call)
    except UnicodeEncodeError:  # half a character, as a hostile caller name may hold
        body = _LONE.sub("?", json.dumps(msgspec.to_builtins(call), ensure_ascii=False)).encode()
        call = _DECODER.decode(body)
    return call, body, blake2b(body, digest_size=16).hexdigest()


def encode(call: Call) -> tuple[Call, str, str]:
    """The call as it can be kept, its JSON made short (as text: so the column is), and the hash of the JSON."""
    call, body, content_hash = as_json(call)
    return call, shorten(body), content_hash


def decode(body: str) -> Call:
    """The Call of a kept body, short or plain JSON. Raises msgspec.ValidationError, squeeze.Damaged."""
    return _DECODER.decode(body if body.startswith("{") else unsqueeze(a2b_base64(body)))


def shorten(body: bytes) -> str:
    """JSON as the column keeps it."""
    return b2a_base64(squeeze(body, CALL), newline=False).decode()


def call_json(row: CallRow, recordings: Iterable[Recording] = (), wrap_ups: Iterable[WrapUp] = ()) -> dict[str, Any]:
    """What `pbx-bridge calls --json` prints: ISO 8601 times in UTC with microseconds, lengths in seconds."""
    call = row.call
    return {
        "call_id": call.call_id,
        "revision": row.revision,
        "node": call.node,
        "direction": call.direction.value,
        "outcome": call.outcome and call.outcome.value,
        "started_at": iso(call.started_at),
        "answered_at": iso(call.answered_at),
        "ended_at": iso(call.ended_at),
        "end_estimated": call.end_estimated,
        "caller": call.caller,
        "called": call.called,
        "destination": call.destination,
        "customer_code": call.customer_code,
        "customer_by": call.customer_by,
        "agents": list(call.agents),
        "transfer": call.transfer,
        "transfers": [
            {"kind": made.kind.value, "at": iso(made.at), "by": made.by, "to": made.to} for made in call.transfers
        ],
        "left_voicemail": call.left_voicemail,
        "cause": call.cause,
        "cause_words": cause_words(call.cause),
        "source": call.source,
        "tracking_numbers": list(call.tracking_numbers),
        "language": call.language,
        "talk_s": call.talk_us / 1_000_000,
        "wait_s": call.wait_us / 1_000_000,
        "ring_s": call.ring_us / 1_000_000,
        "hold_s": call.hold_us / 1_000_000,
        "ivr_s": call.ivr_us / 1_000_000,
        "ended_by": call.ended_by,
        "fallback": call.fallback,
        "survey": [
            {
                "question": told.question,
                "answer": told.answer,
                "scale": told.scale,
                "queue": told.queue,
                "agent": told.agent,
                "at": iso(told.at),
            }
            for told in call.survey
        ],
        "wrap_ups": [
            {
                "user": told.user,
                "extension": told.extension,
                "reason": told.reason,
                "next_step": told.next_step,
                "began_at": iso(told.began_at),
                "done_at": iso(told.done_at),
            }
            for told in wrap_ups
        ],
        "segments": [
            {
                "kind": segment.kind.value,
                "started_at": iso(segment.started_at),
                "ended_at": iso(segment.ended_at),
                "party": segment.party,
                "result": segment.result,
            }
            for segment in call.segments
        ],
        "steps": [
            {"at": iso(step.at), "flow_node": step.flow_node, "kind": step.kind, "data": dict(step.data)}
            for step in call.steps
        ],
        "recordings": [_recording_json(recording) for recording in recordings if recording.is_shown],
    }


def _recording_json(recording: Recording) -> dict[str, Any]:
    return {
        "state": recording.state.value,
        "started_at": iso(recording.started_at),
        "length_s": recording.length_us / 1_000_000,
        "bytes": recording.size,
        "sha256": recording.sha256,
        "path": recording.path,
    }


@lru_cache(4096)
def number_key(number: str, region: str) -> str:
    """What a number is found by: E.164 where it is one, else as it came."""
    return phone.to_e164(number, region) or number.strip()
