"""What the forms of accounts and admin share: reading fields, saying what is wrong, writing the audit log."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime

from aiohttp import web

from pbx_bridge.errors import AccountRefused
from pbx_bridge.store.users import Role, User
from pbx_bridge.values import dates
from pbx_bridge.values.hostile import clean
from pbx_bridge.web import keys

_LONGEST = 2000

REFUSED = 422  # the status of a page that says why a form was not taken


async def fields_of(request: web.Request) -> Mapping[str, str]:
    """The text fields that were sent. Passwords are among them: nothing of it is logged."""
    return {name: value for name, value in (await request.post()).items() if isinstance(value, str)}


def typed(fields: Mapping[str, str], name: str) -> str:
    """A field as one clean line."""
    return clean(fields.get(name, ""), _LONGEST)


def role_in(fields: Mapping[str, str]) -> Role:
    """The role that was picked. Raises AccountRefused."""
    try:
        return Role(typed(fields, "role"))
    except ValueError:
        raise AccountRefused("role", "that is no role") from None


def end_of_day(text: str, request: web.Request) -> datetime | None:
    """The end of a typed day in the pages' zone, aware UTC; None for an empty field. Raises ValueError."""
    if not text:
        return None
    day: date = dates.parse_date(text)
    return dates.end_of_day(day, request.app[keys.ZONE]).astimezone(UTC)


async def note(request: web.Request, what: str, about: str, detail: str = "") -> None:
    """A line in the audit log by whoever asks, on disk when this returns. Raises StoreError."""
    await request.app[keys.AUDIT].note(request[keys.USER], what, about, detail, request.remote or "")


async def known_user(request: web.Request, name: str) -> User:
    """The user of that name. Raises HTTPNotFound."""
    user = await request.app[keys.USERS].get(name)
    if user is None:
        raise web.HTTPNotFound
    return user
