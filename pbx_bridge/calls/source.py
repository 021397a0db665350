"""Where facts are read from: how far a file has been read, and what in it could not be read.

Shared by the spool, which reads, and the store, which keeps cursor and facts in one transaction.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Cursor:
    """Everything in `file` before `offset` has been taken over.

    Attributes:
        node: the PBX's systemname.
        source: `cel` or `queue`.
        file: the file's identity, as in RawFact.file.
        offset: bytes from the file's start; always the start of a record.
    """

    node: str
    source: str
    file: str
    offset: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Unreadable:
    """A record that is there but cannot be decoded: kept aside with its reason, never dropped.

    Attributes:
        node, file, offset: its identity, as a fact's would be.
        body: the record's text; bytes that are no UTF-8 stand as `\\xNN`.
        reason: one sentence for a person.
    """

    node: str
    file: str
    offset: int
    body: str
    reason: str
