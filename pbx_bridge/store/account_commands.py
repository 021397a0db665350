"""What the commands for users, tokens and the audit log do, beside a daemon that may run. Changes are in the log."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime

from pbx_bridge.errors import AccountRefused, InputError
from pbx_bridge.store.audit import Sought
from pbx_bridge.store.calls_text import moment_of
from pbx_bridge.store.commands import Place
from pbx_bridge.store.open import Store
from pbx_bridge.store.users import Role, User
from pbx_bridge.values import dates
from pbx_bridge.values.hostile import on_terminal


@dataclass(frozen=True, slots=True, kw_only=True)
class _Command:
    """Who the audit log names for what is done here."""

    name: str = "command"


async def add_user(place: Place, name: str, password: str, role: str, *, full_name: str, extension: str) -> None:
    """A new user. Raises AccountRefused, StoreError."""
    async with place.open() as store:
        user = await store.users.create(name, password, role, full_name=full_name, extension=extension)
        await _note(store, "user_made", user.name, f"role={user.role} extension={user.extension or '-'}")


async def set_password(place: Place, name: str, password: str) -> None:
    """A new password for a user, who is signed out everywhere. Raises AccountRefused, StoreError."""
    async with place.open_existing() as store:
        await store.users.set_password(name, password)
        await store.sessions.end_all(name.strip())
        await _note(store, "password_given", name.strip())


async def change_user(
    place: Place,
    name: str,
    *,
    role: str | None = None,
    full_name: str | None = None,
    extension: str | None = None,
    disabled: bool | None = None,
) -> str:
    """Change what is told of a user; the user as they are now, as a line. Raises AccountRefused, StoreError."""
    async with place.open_existing() as store:
        user = await store.users.get(name)
        if user is None:
            raise AccountRefused("unknown", f"there is no user {name}")
        wanted = replace(
            user,
            role=Role(role) if role else user.role,
            full_name=user.full_name if full_name is None else full_name,
            extension=user.extension if extension is None else extension,
            disabled=user.disabled if disabled is None else disabled,
        )
        await store.users.change(wanted)
        if wanted.disabled:
            await store.sessions.end_all(name)
        now = await store.users.get(name) or wanted
        await _note(store, "user_changed", name, _line(now).replace("\t", " "))
        return _line(now)


async def sign_out(place: Place, name: str) -> int:
    """End every session of a user; how many there were. Raises AccountRefused, StoreError."""
    async with place.open_existing() as store:
        if await store.users.get(name) is None:
            raise AccountRefused("unknown", f"there is no user {name}")
        ended = await store.sessions.end_all(name)
        await _note(store, "sessions_ended", name, str(ended))
        return ended


async def user_lines(place: Place) -> list[str]:
    """Every user, a line each. Raises StoreError."""
    async with place.open_existing() as store:
        return [_line(user) for user in await store.users.list()]


async def add_token(place: Place, title: str, role: str, until: str | None) -> str:
    """A new token, as its program sends it; good to the end of a day. Raises AccountRefused, InputError."""
    ends_at = None if until is None else _end_of(until, place)
    async with place.open_existing() as store:
        token, secret = await store.tokens.make(title, role, _Command().name, ends_at)
        await _note(store, "token_made", token.title, f"role={token.role} until={until or '-'}")
        return secret


async def token_lines(place: Place) -> list[str]:
    """Every token that holds, a line each: name, role, end, last use. Raises StoreError."""
    async with place.open_existing() as store:
        tokens = [token for token in await store.tokens.list() if token.holds(datetime.now(UTC))]
        return [
            f"{on_terminal(token.title)}\t{token.role}\t{_day(token.ends_at, place)}\t{_day(token.used_at, place)}"
            for token in tokens
        ]


async def revoke_token(place: Place, title: str) -> None:
    """End the token of that name at once. Raises AccountRefused, StoreError."""
    async with place.open_existing() as store:
        found = [token for token in await store.tokens.list() if token.title == title and token.revoked_at is None]
        if not found:
            raise AccountRefused("token", f"there is no token {title} in use")
        await store.tokens.revoke(found[0].number)
        await _note(store, "token_revoked", title)


async def audit_lines(place: Place, *, user: str, what: str, about: str, since: str | None, limit: int) -> list[str]:
    """The log, newest first, a line each. Raises InputError, StoreError."""
    sought = Sought(user=user, what=what, about=about, start=moment_of(since, place.zone))
    async with place.open_existing() as store:
        entries = await store.audit.page(sought, limit=limit)
    return [
        "\t".join(
            on_terminal(cell)
            for cell in (
                entry.at.astimezone(place.zone).isoformat(sep=" ", timespec="seconds"),
                entry.user or "-",
                entry.what,
                entry.about or "-",
                entry.detail or "-",
                entry.address or "-",
            )
        )
        for entry in entries
    ]


async def _note(store: Store, what: str, about: str, detail: str = "") -> None:
    await store.audit.note(_Command(), what, about, detail)


def _line(user: User) -> str:
    cells = [user.name, user.role.value, user.extension, user.full_name, "disabled" if user.disabled else ""]
    while not cells[-1]:
        cells.pop()
    return "\t".join(on_terminal(cell) or "-" for cell in cells)


def _end_of(text: str, place: Place) -> datetime:
    try:
        return dates.end_of_day(dates.parse_date(text), place.zone).astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise InputError(f"--until: {error}") from error


def _day(moment: datetime | None, place: Place) -> str:
    return "-" if moment is None else f"{moment.astimezone(place.zone):%Y-%m-%d %H:%M}"
