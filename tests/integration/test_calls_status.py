"""Callers who ask for their ticket's status: what Asterisk played, what the caller heard, what the record says."""

from __future__ import annotations

import asyncio
import json
import re
import signal
from collections.abc import Sequence
from datetime import date
from pathlib import Path

import pytest
from harness import audio, sipp
from harness.customers import CODES, ENGLISH, MISTYPED, NOBODYS, PERSIAN, TICKET, UNKNOWN
from harness.proof import Witness, clip_texts, witness
from harness.softphone import Softphone
from harness.system import COMMAND, Caller, SystemUnderTest

from pbx_bridge.calls.facts import StepKind
from pbx_bridge.ivr.known import TicketFacts
from pbx_bridge.ivr.phrase import Clip
from pbx_bridge.ivr.prompts import PromptBook
from pbx_bridge.pbx.phone import KeysBy

pytestmark = pytest.mark.asterisk

_FACTS = TicketFacts(
    tracking_number=TICKET, status="in_progress", updated_on=date(2026, 11, 11), promised_on=date(2026, 12, 1)
)
_DIGITS = {"fa": ["چهار", "هفت", "یک", "دو", "نُه", "چهار"], "en": ["four", "seven", "one", "two", "nine", "four"]}


def _status(language: str) -> list[str]:
    """The clips that say the status of the ticket."""
    phrase = PromptBook.load().phrase("ticket_status", language, {"ticket": _FACTS})
    return [item.text for item in phrase if isinstance(item, Clip)]


def _contains(whole: list[str], part: list[str]) -> bool:
    return any(whole[at : at + len(part)] == part for at in range(len(whole)))


def _said(record: dict[str, object]) -> list[str]:
    steps = record["steps"]
    assert isinstance(steps, list)
    return [step["data"]["prompt"] for step in steps if step["kind"] == "said"]


async def _to_the_status(caller: Caller, language_key: str = "") -> None:
    await caller.call.answered()
    if language_key:
        await caller.hears("choose_language")
        await caller.press(language_key)
    await caller.hears("menu")
    await caller.press("1")
    await caller.hears("ask_tracking")
    await caller.press(f"{TICKET}#")
    await caller.heard("ticket_status")


async def test_a_status_is_heard_to_its_end_in_both_languages(system: SystemUnderTest, tmp_path: Path) -> None:
    async with witness(system.pbx) as seen:
        await asyncio.gather(
            _hears_the_status(system, seen, tmp_path / "fa.wav", "1", "fa"),
            _hears_the_status(system, seen, tmp_path / "en.wav", "2", "en"),
        )


async def _hears_the_status(system: SystemUnderTest, seen: Witness, wav: Path, key: str, language: str) -> None:
    async with system.caller(UNKNOWN, record=True) as caller:
        await _to_the_status(caller, key)
    record = await system.record_of(caller)
    caller.call.heard.save(wav)

    played = clip_texts(system.pbx, seen.files(caller.channel))
    assert _contains(played, _status(language)), played
    assert _contains(played, _DIGITS[language])
    match = audio.find(_file_of(system, language, "status_in_progress"), wav)
    assert match.likeness > 0.9, match

    assert (record["outcome"], record["ended_by"], record["fallback"]) == ("self_served", "caller", False)
    assert (record["caller"], record["called"], record["language"]) == (UNKNOWN, "100", language)
    assert record["tracking_numbers"] == [TICKET]
    assert record["talk_s"] == record["wait_s"] == 0
    assert [segment["kind"] for segment in record["segments"]] == ["ivr"]
    assert [row["call_id"] for row in await system.calls()].count(record["call_id"]) == 1


def _file_of(system: SystemUnderTest, language: str, prompt: str) -> Path:
    """The clip that says a prompt of one sentence."""
    (clip,) = (item for item in PromptBook.load().phrase(prompt, language) if isinstance(item, Clip))
    manifest = json.loads((system.pbx.paths.sounds / "manifest.json").read_text(encoding="utf-8"))
    found = [e["file"] for e in manifest["clips"] if (e["language"], e["text"]) == (clip.language, clip.text)]
    return system.pbx.paths.sounds / str(found[0])


async def test_a_known_customer_is_not_asked_for_a_language(system: SystemUnderTest) -> None:
    for number, language in ((PERSIAN, "fa"), (ENGLISH, "en")):
        async with system.caller(number) as caller:
            await caller.call.answered()
            await caller.hears("menu")
        record = await system.record_of(caller)
        assert _said(record) == ["welcome", "menu"]
        assert (record["language"], record["customer_code"]) == (language, CODES[number])
        assert record["outcome"] == "abandoned_ivr"


async def test_a_mistyped_number_is_refused_before_any_lookup(system: SystemUnderTest) -> None:
    async with system.caller(ENGLISH) as caller:
        await caller.call.answered()
        await caller.hears("menu")
        await caller.press("1")
        await caller.hears("ask_tracking")
        await caller.press(f"{MISTYPED}#")
        await caller.hears("tracking_wrong")
        assert not [s for s in caller.steps if s.kind is StepKind.LOOKUP and s.data["what"] == "tracking"]
        await caller.press(f"{TICKET}#")
        await caller.heard("ticket_status")
    record = await system.record_of(caller)
    keyed = [(s["data"]["keys"], s["data"]["result"]) for s in record["steps"] if s["kind"] == "keys"]
    assert keyed == [("1", "match"), (MISTYPED, "invalid"), (TICKET, "match")]
    assert (record["outcome"], record["tracking_numbers"]) == ("self_served", [TICKET])


async def test_three_numbers_that_nobody_has_lead_to_a_person(system: SystemUnderTest) -> None:
    async with system.caller(ENGLISH) as caller:
        await caller.call.answered()
        await caller.hears("menu")
        await caller.press("1")
        await caller.hears("ask_tracking")
        for _ in range(2):
            await caller.press(f"{NOBODYS}#")
            await caller.hears("tracking_unknown")
        await caller.press(f"{NOBODYS}#")
        await caller.hears("too_many_tries")
        queue = await caller.step(StepKind.QUEUE)
        assert queue.data["queue"] == "support"


async def test_keys_typed_ahead_count_and_cut_every_prompt_short(system: SystemUnderTest) -> None:
    async with system.caller(UNKNOWN) as caller:
        await caller.call.answered()
        await caller.hears("choose_language")
        await caller.press(f"21{TICKET}#")
        await caller.hears("ticket_status")
    record = await system.record_of(caller)
    assert record["language"] == "en"
    assert record["outcome"] == "abandoned_ivr"  # hung up while it was being read


async def test_phones_of_every_kind_get_the_status_at_the_same_time(system: SystemUnderTest) -> None:
    outcomes = await asyncio.gather(
        _by_our_phone_with_info(system),
        _by_sipp(system, "sipp info", [sipp.Info(key) for key in f"21{TICKET}#"]),
        _by_sipp(system, "sipp rfc4733", [sipp.Rfc4733(f"21{TICKET}#")]),
        _by_softphone(system),
    )
    # Our own phone hung up after the status; the others listened on, and silence ended their calls from our side.
    assert list(outcomes) == [("self_served", "caller"), *[("self_served", "system")] * 3]


async def _by_our_phone_with_info(system: SystemUnderTest) -> tuple[str, str]:
    async with system.caller(PERSIAN, keys=KeysBy.INFO) as caller:
        await _to_the_status(caller)
    record = await system.record_of(caller)
    return record["outcome"], record["ended_by"]


async def _by_sipp(system: SystemUnderTest, shown: str, keys: Sequence[sipp.Act]) -> tuple[str, str]:
    acts = [sipp.Pause(0.3), *keys, sipp.AwaitBye()]
    result = await sipp.run(system.sip, acts, caller=UNKNOWN, shown=shown)
    assert result.status == 0, result.output
    record = await system.record_named(shown)
    assert record["tracking_numbers"] == [TICKET]
    return record["outcome"], record["ended_by"]


async def _by_softphone(system: SystemUnderTest) -> tuple[str, str]:
    async with Softphone(number=ENGLISH, server=system.sip, display_name="soft 1") as phone:
        await phone.dial("100")
        await phone.event("CALL_ESTABLISHED")
        await phone.press(f"1{TICKET}#")
        await phone.event("CALL_CLOSED", 90)
        (heard,) = phone.recordings()
        match = audio.find(_file_of(system, "en", "status_in_progress"), heard)
    assert match.likeness > 0.9, match
    record = await system.record_named("soft 1")
    assert record["customer_code"] == CODES[ENGLISH]
    return record["outcome"], record["ended_by"]


async def test_twenty_callers_at_once_make_twenty_records(system: SystemUnderTest) -> None:
    keys: list[sipp.Act] = [sipp.Info("2"), sipp.Pause(1.0), sipp.Info("1")]
    acts = [sipp.Pause(0.3), *keys, sipp.Pause(1.0), sipp.Hangup()]
    result = await sipp.run(system.sip, acts, caller=UNKNOWN, shown="sipp many", calls=20, rate=20)
    assert result.status == 0, result.output
    records = await system.records_named("sipp many", 20)
    assert len({record["call_id"] for record in records}) == 20
    assert {record["outcome"] for record in records} == {"abandoned_ivr"}
    assert {record["language"] for record in records} == {"en"}


async def test_try_call_tells_what_is_heard_and_then_the_record(system: SystemUnderTest) -> None:
    told = await system.command("try-call", "--from", UNKNOWN, "--keys", f"2,1,{TICKET}#", "--stay", "0.5", "--json")
    *lines, last = told.splitlines()
    assert all(re.fullmatch(r"\d\d:\d\d\.\d .+", line) for line in lines), told
    heard = [line[8:] for line in lines]
    assert heard[0] == f"calling 100 from {UNKNOWN}"
    assert "en «For English, press 2.»" in heard
    assert heard.index("key 2") < heard.index("key 1") < heard.index(f"keys {TICKET}#")
    assert any("We are working on it." in line for line in heard)
    assert heard[-1] == "hung up"
    record = json.loads(last)
    assert (record["outcome"], record["caller"], record["tracking_numbers"]) == ("self_served", UNKNOWN, [TICKET])


async def test_try_call_shows_the_record_to_people_too(system: SystemUnderTest) -> None:
    told = await system.command("try-call", "--from", ENGLISH, "--keys", "9", "--stay", "0.2")
    assert "abandoned_ivr, ended by the caller" in told
    assert f"customer  {CODES[ENGLISH]}" in told


async def test_ctrl_c_hangs_up_and_still_shows_the_record(system: SystemUnderTest) -> None:
    words = ("try-call", "--from", ENGLISH, "--keys", "9,9,9,9,9,9", "--json")
    process = await asyncio.create_subprocess_exec(
        COMMAND, *words, env=system.environment() | {"PYTHONUNBUFFERED": "1"}, stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    async with asyncio.timeout(60):
        lines = [await process.stdout.readline()]
        while b"press 9" not in lines[-1]:
            lines.append(await process.stdout.readline())
        process.send_signal(signal.SIGINT)
        rest, _ = await process.communicate()
    assert process.returncode == 0
    assert "hung up" in rest.decode()
    assert json.loads(rest.decode().splitlines()[-1])["outcome"] == "abandoned_ivr"


async def test_try_call_needs_a_running_daemon(system: SystemUnderTest) -> None:
    system.stop_daemon()
    process = await asyncio.create_subprocess_exec(
        COMMAND, "try-call", "--from", ENGLISH, env=system.environment(), stderr=asyncio.subprocess.PIPE
    )
    _, told = await process.communicate()
    assert process.returncode == 1
    assert told.decode().splitlines() == [
        "pbx-bridge: the system is not running: start it with `make run` (or `pbx-bridge run`)"
    ]
