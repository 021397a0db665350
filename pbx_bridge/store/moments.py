"""Moments that went wrong as a to-do list: who looks after which, and how it stands."""

from __future__ import annotations

import enum
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pbx_bridge.calls.call import Outcome
from pbx_bridge.calls.moments import MomentKind
from pbx_bridge.health import Clock, utc_now
from pbx_bridge.store import moment_lists
from pbx_bridge.store.database import Database
from pbx_bridge.store.moment_rows import MomentRows
from pbx_bridge.store.times import from_us, maybe_us, to_us
from pbx_bridge.store.writer import Writer
from pbx_bridge.values.hostile import clean

LONGEST_NOTE = 1000  # letters
_LONGEST_NAME = 64
_LAST_US = 2**63 - 1


class MomentState(enum.StrEnum):
    """How far it is."""

    OPEN = "open"
    DONE = "done"


@dataclass(frozen=True, slots=True, kw_only=True)
class MomentLine:
    """One of the list; times are aware UTC.

    Attributes:
        at: when its call began.
        detail: see calls.moments.Moment.
        owner: who looks after it; empty: nobody yet.
        changed_at, changed_by: who worked on it last; None and empty: nobody has.
        caller, name, customer_code, agent: of the call: text as it came. All but the agent, who spoke last, empty
            where the call is another one now.
    """

    call_id: str
    kind: MomentKind
    at: datetime
    detail: str
    state: MomentState
    owner: str
    note: str
    changed_at: datetime | None
    changed_by: str
    is_there: bool
    caller: str = ""
    name: str = ""
    customer_code: str = ""
    agent: str = ""
    outcome: Outcome | None = None
    wait_us: int = 0
    talk_us: int = 0

    @property
    def place(self) -> str:
        """Where it stands in the list: the list goes on after this."""
        return f"{to_us(self.at)}.{self.call_id}.{self.kind}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Search:
    """Which moments.

    Attributes:
        state: None: all.
        kind: None: all.
        owner: only those that this user looks after; empty: everybody's.
        start, end: only those of calls begun in [start, end).
        own: (user, extension): only those they look after, and those of calls in which that extension spoke last.
        after: a place; only what comes after it.
    """

    state: MomentState | None = MomentState.OPEN
    kind: MomentKind | None = None
    owner: str = ""
    start: datetime | None = None
    end: datetime | None = None
    own: tuple[str, str] | None = None
    after: str = ""
    limit: int = 50


class MomentBook:
    """The list."""

    def __init__(self, writer: Writer, reader: Database, clock: Clock = utc_now) -> None:
        self._writer, self._reader, self._clock = writer, reader, clock

    async def list(self, search: Search) -> list[MomentLine]:
        """Newest first. Raises StoreError."""
        before_us, before_id, before_kind = _place(search.after)
        mine, agent = search.own or ("", "")
        kind, state = (MomentKind(search.kind).value if search.kind else ""), (search.state or "")
        statement = moment_lists.page(
            kind, state, owner=bool(search.owner), own=search.own is not None, agent=bool(agent)
        )
        rows = await self._reader.rows(
            statement,
            owner=search.owner,
            mine=mine,
            agent=agent,
            start_us=_or(search.start, -_LAST_US),
            end_us=_or(search.end, _LAST_US),
            before_us=before_us,
            before_id=before_id,
            before_kind=before_kind,
            limit=search.limit,
        )
        return [_line(row) for row in rows]

    async def get(self, call_id: str, kind: MomentKind) -> MomentLine | None:
        """One of them. Raises StoreError."""
        rows = await self._reader.rows(moment_lists.ONE, call_id=call_id, kind=kind.value)
        return _line(rows[0]) if rows else None

    async def change(
        self, call_id: str, kind: MomentKind, *, state: MomentState, owner: str, note: str, by: str
    ) -> bool:
        """Somebody works on it; False if there is no such moment. Raises StoreError."""
        values = {
            "state": state.value,
            "owner": clean(owner, _LONGEST_NAME),
            "note": clean(note, LONGEST_NOTE),
            "changed_at_us": to_us(self._clock()),
            "changed_by": by,
        }
        return await self._writer.submit(lambda tx: MomentRows(tx.db, call_id).change(kind.value, values))


def _or(moment: datetime | None, otherwise: int) -> int:
    told = maybe_us(moment)
    return otherwise if told is None else told


def _place(text: str) -> tuple[int, str, str]:
    at_us, _, rest = text.partition(".")
    call_id, _, kind = rest.partition(".")
    try:
        return max(min(int(at_us), _LAST_US), -_LAST_US), call_id, kind
    except ValueError:  # none, or edited by hand: from the beginning
        return _LAST_US, "", ""


def _line(row: Sequence[Any]) -> MomentLine:
    call_id, kind, at_us, detail, state, owner, note, changed_at_us, changed_by, *call = row
    caller, name, code, agent, outcome, wait_us, talk_us = call
    return MomentLine(
        call_id=call_id,
        kind=MomentKind(kind),
        at=from_us(at_us),
        detail=detail,
        state=MomentState(state),
        owner=owner,
        note=note,
        changed_at=None if changed_at_us is None else from_us(changed_at_us),
        changed_by=changed_by,
        is_there=caller is not None,
        caller=caller or "",
        name=name or "",
        customer_code=code or "",
        agent=agent or "",
        outcome=Outcome(outcome) if outcome else None,
        wait_us=wait_us or 0,
        talk_us=talk_us or 0,
    )
