"""What is read of some calls by their ids: one statement however many there are, so that it is prepared once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

AT_ONCE = 50

PLACES = ", ".join(f":id{number}" for number in range(AT_ONCE))
"""For `IN (…)` of a statement."""


def lots(ids: Sequence[str]) -> Iterator[dict[str, str]]:
    """The values of the places, lot by lot; the last one filled up with its last id."""
    for start in range(0, len(ids), AT_ONCE):
        some = ids[start : start + AT_ONCE]
        filled = [*some, *[some[-1]] * (AT_ONCE - len(some))]
        yield {f"id{number}": call_id for number, call_id in enumerate(filled)}
