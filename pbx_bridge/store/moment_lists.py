"""How a page of moments is found: from indexes in which they stand in the list's order, so whatever is asked for and
however many there are, a page costs some hundred rows of them.

    one walk for each kind and state, or for an owner ─► the first few of each ─► the first few of all ─► their calls
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import product

from pbx_bridge.calls.moments import MomentKind

_STATES = ("open", "done")
_PLACE = (
    "at_us >= :start_us AND at_us < :end_us AND at_us <= :before_us AND (at_us < :before_us OR call_id < :before_id"
    " OR (call_id = :before_id AND kind < :before_kind))"
)
_ORDER = "at_us DESC, call_id DESC, kind DESC"
_OWNED = "owner = :{name} AND owner <> ''"
COLUMNS = (
    "moment.call_id, moment.kind, moment.at_us, moment.detail, moment.state, moment.owner, moment.note,"
    " moment.changed_at_us, moment.changed_by, call.caller, call.name, call.customer_code, moment.agent,"
    " call.outcome, call.wait_us, call.talk_us"
)
_CALLS = "LEFT JOIN call ON call.call_id = moment.call_id AND call.started_at_us = moment.at_us"
ONE = f"SELECT {COLUMNS} FROM moment {_CALLS} WHERE moment.call_id = :call_id AND moment.kind = :kind"  # noqa: S608


@lru_cache(100)
def page(kind: str, state: str, *, owner: bool, own: bool, agent: bool) -> str:
    """The statement of a page.

    Args:
        kind, state: empty: whichever.
        owner: only those of `:owner`.
        own: only those that `:mine` looks after; with `agent` those of calls in which `:agent` spoke last, too.
    """
    some = [
        f"SELECT * FROM (SELECT call_id, kind, at_us FROM moment WHERE {walk} AND {_PLACE}"  # noqa: S608
        f" ORDER BY {_ORDER} LIMIT :limit) AS walk{number}"
        for number, walk in enumerate(_walks(kind, state, owner=owner, own=own, agent=agent))
    ]
    return (
        f"SELECT {COLUMNS} FROM ({' UNION ALL '.join(some)} ORDER BY {_ORDER} LIMIT :limit) AS found"  # noqa: S608
        f" JOIN moment ON moment.call_id = found.call_id AND moment.kind = found.kind {_CALLS}"
        " ORDER BY moment.at_us DESC, moment.call_id DESC, moment.kind DESC"
    )


def _walks(kind: str, state: str, *, owner: bool, own: bool, agent: bool) -> Iterator[str]:
    of_person = _only(kind, state)
    if owner and own:
        own_too = "(owner = :mine OR (agent = :agent AND agent <> ''))"
        yield " AND ".join([_OWNED.format(name="owner"), own_too, *of_person])
    elif owner or own:
        yield " AND ".join([_OWNED.format(name="owner" if owner else "mine"), *of_person])
    if owner or (own and not agent):
        return
    also = ["agent = :agent", "agent <> ''", "owner <> :mine"] if own else []
    for one_kind, one_state in product([kind] if kind else MomentKind, [state] if state else _STATES):
        yield " AND ".join([f"kind = '{one_kind}' AND state = '{one_state}'", *also])


def _only(kind: str, state: str) -> Sequence[str]:
    # A person has few enough to look at each. Written so that no index is sought for it.
    return [f"{column} || '' = '{value}'" for column, value in (("kind", kind), ("state", state)) if value]
