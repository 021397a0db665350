"""Who may see and do what: roles, permissions, and the mark on each handler that says what it needs. Pure.

A handler without a mark is refused when the site is made: a page that was forgotten here is closed, not open.
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

from pbx_bridge.store.users import Role

Handler = TypeVar("Handler", bound=Callable[..., Any])
_MARK = "_pbx_bridge_needs"
_PROGRAMS = "_pbx_bridge_for_programs"


class Permission(enum.StrEnum):
    """What a page or a change needs."""

    SIGNED_IN = "signed_in"  # everybody with an account
    SEE_STATUS = "see_status"
    SEE_CALLS = "see_calls"  # an agent's: only those of their own extension
    SEE_ALL_CALLS = "see_all_calls"
    SEE_NUMBERS = "see_numbers"  # unmasked
    HEAR = "hear"  # recordings
    HANDLE = "handle"  # notes, tickets, what went wrong
    DESK = "desk"  # a phone of their own: cards at the ring, calls by a click, wrap-up, pause
    SEE_CUSTOMERS = "see_customers"
    EDIT_CUSTOMERS = "edit_customers"  # their names, phones, contracts' outcomes
    MERGE_CUSTOMERS = "merge_customers"
    EXPORT = "export"
    SEE_REPORTS = "see_reports"
    SEE_BOARD = "see_board"
    SEE_FLOW = "see_flow"
    ADMIN = "admin"  # users, tokens, the audit log, retention


_READS = frozenset(
    {
        Permission.SIGNED_IN,
        Permission.SEE_STATUS,
        Permission.SEE_CALLS,
        Permission.SEE_ALL_CALLS,
        Permission.SEE_REPORTS,
        Permission.SEE_BOARD,
        Permission.SEE_FLOW,
        Permission.SEE_CUSTOMERS,
    }
)
_AGENT = frozenset(
    {
        Permission.SIGNED_IN,
        Permission.SEE_CALLS,
        Permission.SEE_NUMBERS,
        Permission.HEAR,
        Permission.HANDLE,
        Permission.DESK,
        Permission.SEE_CUSTOMERS,
        Permission.EDIT_CUSTOMERS,
    }
)

PERMITTED: Mapping[Role, frozenset[Permission]] = {
    Role.ADMIN: frozenset(Permission),
    Role.LEAD: frozenset(Permission) - {Permission.ADMIN},
    Role.AGENT: _AGENT,
    Role.READ_ONLY: _READS,  # numbers masked, nothing heard, nothing taken away
}


UNMASKED = frozenset(role for role, permitted in PERMITTED.items() if Permission.SEE_NUMBERS in permitted)
"""The roles that see whole numbers, where the settings name no others."""


class Account(Protocol):
    """Who is signed in."""

    @property
    def name(self) -> str:
        """What they sign in with."""

    @property
    def role(self) -> Role:
        """What they may do."""

    @property
    def extension(self) -> str:
        """Their phone; empty if they have none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedIn:
    """An Account as a plain value."""

    name: str
    role: Role
    extension: str = ""


def may(role: Role, permission: Permission) -> bool:
    """Whether somebody of that role has the permission."""
    return permission in PERMITTED[role]


def own_only(account: Account) -> str | None:
    """The extension whose calls alone are shown; None: everybody's.

    An agent without an extension sees none: their extension is empty, and no call is of it.
    """
    return None if may(account.role, Permission.SEE_ALL_CALLS) else account.extension


def needs(permission: Permission) -> Callable[[Handler], Handler]:
    """Mark a handler: only who has this permission gets to it."""

    def mark(handler: Handler) -> Handler:
        setattr(handler, _MARK, permission)
        return handler

    return mark


def for_programs(handler: Handler) -> Handler:
    """Mark a handler that changes something and that a token may call all the same; it checks which token itself."""
    setattr(handler, _PROGRAMS, True)
    return handler


def is_for_programs(handler: Callable[..., Any]) -> bool:
    """Whether a token may have it change something."""
    return getattr(handler, _PROGRAMS, False) is True


def open_to_all(handler: Handler) -> Handler:
    """Mark a handler that serves people who are not signed in, and programs."""
    setattr(handler, _MARK, None)
    return handler


def needed(handler: Callable[..., Any]) -> Permission | None:
    """What a handler needs; None: nothing. Raises LookupError for one without a mark."""
    if not hasattr(handler, _MARK):
        raise LookupError(f"{handler.__module__}.{handler.__qualname__} says nothing about who may call it")
    permission: Permission | None = getattr(handler, _MARK)
    return permission
