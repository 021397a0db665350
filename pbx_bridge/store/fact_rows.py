"""Facts as rows of the table `fact`, and back."""

from __future__ import annotations

from typing import Any

from pbx_bridge.calls.facts import FactKind, RawFact
from pbx_bridge.store.times import from_us, to_us

_KINDS = {kind.value: kind for kind in FactKind}
_WORDS = {kind: word for word, kind in _KINDS.items()}  # an enum's own `value` costs more than all of a row's rest


def raw_of(
    node: str, file: str, offset: int, kind: str, at_us: int, channel: str, linkedid: str, body: str
) -> RawFact:
    """The fact of a row of `facts_of_group`."""
    return RawFact(
        node=node,
        file=file,
        offset=offset,
        kind=_KINDS[kind],
        at=from_us(at_us),
        channel=channel,
        linkedid=linkedid,
        body=body,
    )


def row_of(raw: RawFact, group: int | None) -> dict[str, Any]:
    """The values of `insert_fact`."""
    return {
        "node": raw.node,
        "file": raw.file,
        "at_offset": raw.offset,
        "kind": _WORDS[raw.kind],
        "at_us": to_us(raw.at),
        "channel": raw.channel,
        "linkedid": raw.linkedid,
        "body": raw.body,
        "call_group": group,
    }
