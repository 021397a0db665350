"""A ticket's note is spoken to a file when it is imported, and heard by the next caller: nobody waits for a voice."""

from __future__ import annotations

import asyncio
import fcntl
import json
import shutil
from typing import Any

import pytest
from harness.customers import ENGLISH, TICKET
from harness.system import Caller, SystemUnderTest

from pbx_bridge.calls.facts import Step
from pbx_bridge.ivr.sounds import audio
from pbx_bridge.ivr.sounds.ahead import FOLDER
from pbx_bridge.values.tracking import with_check_digit

pytestmark = [pytest.mark.asterisk, pytest.mark.timeout(420)]

FLOW = """
flow: noted
languages: [en, fa]
start: number
person: person
filler: one_moment
nodes:
  number:
    kind: ask
    what: tracking
    prompt: ask_tracking
    wrong: tracking_wrong
    unknown: tracking_unknown
    silent: tracking_silence
    found: told
    too_many: person
    unavailable: person
  told: {kind: say, prompt: note_told, next: end}
  person: {kind: queue, queue: support, nobody: end, timeout: end}
  end: {kind: hang_up}
"""
PROMPTS = {
    "en": "note_told: 'Your ticket is known. We wrote: {{ ticket.note | text }}.'",
    "fa": "note_told: 'تیکت شما پیدا شد. یادداشت: {{ ticket.note | text }}.'",
}
WITHOUT = str(with_check_digit("47130"))
NOTE = "The spare part is here. قطعه‌ی شما رسید."
HEARD = "Your ticket is known."


async def deploy(system: SystemUnderTest) -> None:
    """The flow in use, and nothing made for it yet: the sounds outlive a test."""
    shutil.rmtree(system.pbx.paths.sounds / FOLDER, ignore_errors=True)
    (system.home / "prompts").mkdir(exist_ok=True)
    for language, words in PROMPTS.items():
        (system.home / "prompts" / f"{language}.yaml").write_text(words + "\n", encoding="utf-8")
    (system.home / "noted.yaml").write_text(FLOW, encoding="utf-8")
    said = await system.command("flow", "deploy", str(system.home / "noted.yaml"), "--no-cases")
    assert "new callers meet it now" in said


async def import_note(system: SystemUnderTest, note: str) -> None:
    await system.import_crm(
        tickets=f"""tracking_number,customer_code,subject,status,created_at,updated_at,promised_on,note
            {TICKET},1001,printer,in_progress,1405/08/01,1405/08/20,1405/09/10,{note}
            {WITHOUT},1001,screen,in_progress,1405/08/01,1405/08/20,1405/09/10,"""
    )


def entries(system: SystemUnderTest) -> list[dict[str, Any]]:
    path = system.pbx.paths.sounds / FOLDER / "manifest.json"
    return list(json.loads(path.read_bytes())["clips"]) if path.exists() else []


async def made_ahead(system: SystemUnderTest, times: int) -> None:
    """Wait until the daemon has said so often that it made something."""
    async with asyncio.timeout(150):  # it comes last for the CPU
        while system.log().count("made_ahead ") < times:  # noqa: ASYNC110 - another process
            await asyncio.sleep(0.05)


async def hears_the_end(system: SystemUnderTest, number: str) -> tuple[Caller, Step, Step]:
    async with system.caller(ENGLISH) as caller:
        await caller.call.answered()
        await caller.hears("ask_tracking")
        await caller.press(f"{number}#")
        said = await caller.hears("note_told")
        heard = await caller.heard("note_told")
        await caller.call.ended(20)
    return caller, said, heard


async def test_a_note_is_heard_by_the_next_caller_and_forgotten_when_it_changes(system: SystemUnderTest) -> None:
    await deploy(system)
    assert entries(system) == []
    await import_note(system, NOTE)
    _, said, _ = await hears_the_end(system, WITHOUT)
    assert said.data["text"] == HEARD, "without a note its sentence is left out"

    await made_ahead(system, 1)
    made = {entry["text"]: entry for entry in entries(system)}
    assert {(entry["language"], text) for text, entry in made.items()} == {
        ("en", "The spare part is here."),
        ("fa", "قطعه‌ی شما رسید."),
    }
    lengths = [audio.seconds(system.pbx.paths.sounds / FOLDER / entry["file"]) or 0.0 for entry in made.values()]
    assert all(0.6 < length < 4 for length in lengths), lengths
    assert "2 made, 0 waiting, 0 cannot be said" in await system.command("prompts", "ahead")

    caller, said, heard = await hears_the_end(system, TICKET)
    assert said.data["text"] == f"{HEARD} We wrote: {NOTE}"
    assert (heard.at - said.at).total_seconds() >= sum(lengths), "Asterisk plays the files"
    record = await system.record_of(caller)
    texts = [step["data"]["text"] for step in record["steps"] if step["kind"] == "said"]
    assert texts[-1] == said.data["text"]

    await import_note(system, "It is ready.")
    await made_ahead(system, 2)
    assert [entry["text"] for entry in entries(system)] == ["It is ready."]
    _, said, _ = await hears_the_end(system, TICKET)
    assert said.data["text"] == f"{HEARD} We wrote: It is ready."


async def test_a_caller_who_comes_before_it_is_made_hears_the_rest(system: SystemUnderTest) -> None:
    await deploy(system)
    system.stop_daemon()
    await import_note(system, "Nobody has said this yet.")
    (system.pbx.paths.sounds / FOLDER).mkdir(exist_ok=True)
    with (system.pbx.paths.sounds / FOLDER / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # as if another process had much to make
        await system.start_daemon()
        _, said, heard = await hears_the_end(system, TICKET)
    assert said.data["text"] == HEARD
    assert (heard.at - said.at).total_seconds() < 6
