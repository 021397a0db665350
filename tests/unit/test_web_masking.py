"""Numbers are whole for those who may see them, and have their middle hidden for the others."""

from __future__ import annotations

import re
from datetime import UTC, datetime

import pytest
from demo_history import morning
from hypothesis import given
from hypothesis import strategies as st
from web_visitor import NAME, TEHRAN, Parts, visiting

from pbx_bridge.store import Role
from pbx_bridge.web.permits import SignedIn
from pbx_bridge.web.show import Language, Show, masked
from pbx_bridge.web.viewer import Viewer

NOW = datetime(2026, 11, 21, tzinfo=UTC)


def viewer(role: Role | None, language: Language = Language.EN, **told: frozenset[Role]) -> Viewer:
    account = None if role is None else SignedIn(name="sara", role=role)
    return Viewer(show=Show(language=language, zone=TEHRAN), now=NOW, account=account, **told)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("0912 123 4567", "0912•••4567"),
        ("۰۹۱۲۱۲۳۴۵۶۷", "۰۹۱۲•••۴۵۶۷"),
        ("+49 30 901820", "+4930•••820"),
        ("(021) 8812-3456", "0218•••3456"),
        ("123456", "12•••6"),
        ("201", "201"),
        ("10 of 12 at 14:32:05", "10 of 12 at 14:32:05"),
        ("Sara 09121234567, or 02188123456", "Sara 0912•••4567, or 0218•••3456"),
        ("sip:00989121234567@example", "sip:0098••••••4567@example"),
        ("", ""),
    ],
)
def test_the_middle_of_a_number_is_hidden(text: str, shown: str) -> None:
    assert masked(text) == shown


@given(st.from_regex(r"\A[0-9]{6,20}\Z"), st.sampled_from(["", " ", "-", ") ", "\u00a0"]))
def test_no_way_of_writing_a_number_shows_it_whole(number: str, parted: str) -> None:
    written = parted.join((number[:3], number[3:5], number[5:]))
    shown = "".join(filter(str.isdigit, masked(written)))
    assert len(shown) <= min(8, len(number) - 3)
    assert masked(masked(written)) == masked(written)


@pytest.mark.parametrize(
    ("role", "sees"),
    [(Role.ADMIN, True), (Role.LEAD, True), (Role.AGENT, True), (Role.READ_ONLY, False), (None, False)],
)
def test_roles_that_see_numbers(role: Role | None, sees: bool) -> None:
    who = viewer(role)
    assert who.phone("+989121234567") == ("0912 123 4567" if sees else "0912•••4567")
    assert who.private("call 09121234567") == ("call 09121234567" if sees else "call 0912•••4567")
    assert who.may("see_numbers") is sees


def test_the_settings_say_which_roles_do() -> None:
    leads = frozenset({Role.LEAD})
    assert viewer(Role.ADMIN, unmasked=leads).phone("+989121234567") == "0912•••4567"
    assert viewer(Role.LEAD, unmasked=leads).phone("+989121234567") == "0912 123 4567"
    everybody = frozenset(Role)
    assert viewer(Role.READ_ONLY, Language.FA, unmasked=everybody).phone("+989121234567") == "۰۹۱۲ ۱۲۳ ۴۵۶۷"
    assert viewer(None, unmasked=everybody).phone("+989121234567") == "0912•••4567"


def test_what_was_rendered_for_one_is_not_shown_to_another() -> None:
    looks = {viewer(role, language).look for role in (Role.ADMIN, Role.READ_ONLY) for language in Language}
    assert len(looks) == 4


async def test_no_page_of_calls_shows_a_whole_number_to_who_may_not_see_it() -> None:
    parts = Parts()
    parts.put(morning())
    numbers = {call.caller for call in morning() if len(call.caller) > 9}
    assert numbers
    async with visiting(parts) as visitor:
        whole = await visitor.page("/calls")
        parts.users.roles[NAME] = Role.READ_ONLY
        veiled = await visitor.page("/calls")
        one = await visitor.page(f"/calls/{morning()[0].call_id}")
    whole, veiled, one = (re.sub(r'placeholder="[^"]*"', "", page) for page in (whole, veiled, one))
    ends = {number[-7:-4] + " " + number[-4:] for number in numbers}
    assert any(end in whole for end in ends)
    assert not any(end in page for end in ends for page in (veiled, one))
    assert "•••" in veiled
