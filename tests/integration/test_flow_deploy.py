"""Another flow on a running system: new callers meet it at once, those inside finish on theirs, and back again."""

from __future__ import annotations

import json
from typing import Any

import pytest
from harness.customers import UNKNOWN
from harness.system import SystemUnderTest

from pbx_bridge.ivr import flow as flows

pytestmark = [pytest.mark.asterisk, pytest.mark.timeout(180)]

# A menu entry with a prompt of its own, in both languages.
_PROMPTS = {"fa": "ساعت‌های کار ما هر روز هشت تا پنج است.", "en": "We are open from eight to five, every day."}
_ENTRY = """
  opening_hours:
    kind: say
    prompt: opening_hours
    next: menu
"""


def _admins_flow(system: SystemUnderTest, *, with_prompts: bool = True) -> str:
    """The shipped flow with key 5 in its menu, as an admin would write it."""
    text = flows.find("support").read_text(encoding="utf-8")
    changed = text.replace('keys: {"1": ask_tracking,', 'keys: {"8": opening_hours, "1": ask_tracking,', 1) + _ENTRY
    assert changed.count("opening_hours") == 3
    path = system.home / "mine.yaml"
    path.write_text(changed, encoding="utf-8")
    (system.home / "prompts").mkdir(exist_ok=True)
    for language, words in _PROMPTS.items():
        if with_prompts:
            (system.home / "prompts" / f"{language}.yaml").write_text(f"opening_hours: {words}\n", encoding="utf-8")
    return str(path)


async def _history(system: SystemUnderTest) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (await system.command("flow", "history", "--json")).splitlines()]


async def test_deployed_while_callers_are_inside_and_rolled_back(system: SystemUnderTest) -> None:
    async with system.caller(UNKNOWN) as inside:
        await inside.hears("choose_language")
        said = await system.command("flow", "deploy", _admins_flow(system), "--note", "opening hours")
        assert "new callers meet it now" in said
        await inside.press("2")
        await inside.hears("menu")
        await inside.press("8")
        await inside.hears("menu_wrong")
        async with system.caller(UNKNOWN) as newcomer:
            await newcomer.hears("choose_language")
            await newcomer.press("2")
            await newcomer.hears("menu")
            await newcomer.press("8")
            await newcomer.heard("opening_hours")
    new, old = [(await system.record_of(caller))["steps"][0]["data"]["version"] for caller in (newcomer, inside)]
    now, before = await _history(system)
    assert (now["what"], now["version"], now["note"]) == ("deploy", new, "opening hours")
    assert before["what"] == "begin"
    assert new != old

    assert "new callers meet it now" in await system.command("flow", "rollback")
    async with system.caller(UNKNOWN) as after:
        await after.hears("choose_language")
        await after.press("2")
        await after.hears("menu")
        await after.press("8")
        await after.hears("menu_wrong")
    assert (await system.record_of(after))["steps"][0]["data"]["version"] == before["version"]


async def test_a_killed_daemon_goes_on_with_both_versions(system: SystemUnderTest) -> None:
    await system.command("flow", "deploy", _admins_flow(system))
    async with system.caller(UNKNOWN) as inside:
        await inside.hears("choose_language")
        await system.command("flow", "rollback")
        system.kill_daemon()
        await system.start_daemon()
        await inside.hears("choose_language")
        await inside.press("2")
        await inside.hears("menu")
        await inside.press("8")
        await inside.hears("opening_hours")
        async with system.caller(UNKNOWN) as newcomer:
            await newcomer.hears("choose_language")
            await newcomer.press("2")
            await newcomer.hears("menu")
            await newcomer.press("8")
            await newcomer.hears("menu_wrong")


async def test_what_is_wrong_is_not_deployed(system: SystemUnderTest) -> None:
    """The prompt that the admin forgot is named, and callers meet what they met."""
    path = _admins_flow(system, with_prompts=False)
    with pytest.raises(AssertionError, match=r"'opening_hours' is missing in language|opening_hours.*not deployed"):
        await system.command("flow", "deploy", path)
    assert await _history(system) == []
    async with system.caller(UNKNOWN) as caller:
        await caller.hears("choose_language")
