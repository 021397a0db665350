"""What a person's calls say of each other: was the first one enough, and which was the third within a week. Pure.

A person's calls of all time need not be known: a call changes what is said of its near neighbours only, so `changes`
compares those few with it and without it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

WEEK_US = 7 * 86_400_000_000
REACH_US = 2 * WEEK_US  # a neighbour within a week is itself judged by what is within a week of it
NEAR = 3  # neighbours on each side whose standing a call may change, or that tell its own
_THIRD = 2  # calls before it within a week


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Contact:
    """One ended inbound call of a person; `at_us`: when it began, microseconds since 1970. Ordered by time."""

    at_us: int
    call_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """What is said of one call.

    Attributes:
        first: the person had not called in the week before.
        again: they called again in the week after.
        third: it is the third of a week.
    """

    first: bool
    again: bool
    third: bool


def standings(contacts: Sequence[Contact]) -> dict[Contact, Standing]:
    """What is said of each of a person's calls, which are told by time."""
    return {contact: _standing(contacts, place) for place, contact in enumerate(contacts)}


def _standing(contacts: Sequence[Contact], place: int) -> Standing:
    at_us = contacts[place].at_us
    before = sum(at_us - one.at_us <= WEEK_US for one in contacts[max(place - NEAR, 0) : place])
    again = any(one.at_us - at_us <= WEEK_US for one in contacts[place + 1 : place + 2])
    return Standing(first=before == 0, again=again, third=before == _THIRD)


def changes(
    before: Sequence[Contact], contact: Contact, after: Sequence[Contact]
) -> dict[Contact, tuple[Standing | None, Standing]]:
    """What a call changes: of each call the standing without it (None of itself) and with it, where they differ.

    Args:
        before: the NEAR calls before it within REACH_US, by time; fewer if there are no more.
        after: the NEAR calls after it, likewise.
    """
    without, present = standings([*before, *after]), standings([*before, contact, *after])
    return {one: (without.get(one), now) for one, now in present.items() if without.get(one) != now}
