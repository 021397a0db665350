"""Free text in flows: what the linter says, what a simulated caller hears, what goes to Asterisk and on record."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from pbx_bridge.ari_handlers.speech import chunks
from pbx_bridge.ivr import flow as flows
from pbx_bridge.ivr.announcer import Announcer
from pbx_bridge.ivr.flow import Flow
from pbx_bridge.ivr.lint.examine import findings
from pbx_bridge.ivr.lint.seconds import PromptSeconds
from pbx_bridge.ivr.phrase import PAUSES, Clip
from pbx_bridge.ivr.prompts import PromptBook
from pbx_bridge.ivr.run import Part, Play
from pbx_bridge.ivr.sounds.joints import joints
from pbx_bridge.ivr.sounds.script import script
from pbx_bridge.ivr.sounds.voice import Entry, Manifest, Media, Voice
from pbx_bridge.ivr.trial.caller import play
from pbx_bridge.ivr.trial.cases import crm_lookups
from pbx_bridge.ivr.trial.moves import parse_moves
from pbx_bridge.ivr.trial.simulation import Simulation, Stage, Visitor
from pbx_bridge.ivr.trial.transcript import Said
from pbx_bridge.store.crm import MemoryCrm, Ticket, TicketStatus
from pbx_bridge.values.tracking import with_check_digit

TEHRAN = ZoneInfo("Asia/Tehran")
NUMBER = with_check_digit("47129")
FLOW = """
flow: noted
languages: [en]
start: number
person: person
filler: wait
nodes:
  number: {kind: ask, what: tracking, prompt: number, wrong: no, unknown: no, silent: no, found: told,
    too_many: person, unavailable: person}
  told: {kind: say, prompt: told, next: bare}
  bare: {kind: say, prompt: bare, next: end}
  person: {kind: queue, queue: support, nobody: end, timeout: end}
  end: {kind: hang_up}
"""
FIXED = {"number": "Which number?", "no": "No.", "wait": "One moment.", "bare": "Goodbye."}
TOLD = "It is known. We wrote: {{ ticket.note | text }}. That is all."


def book_of(folder: Path, told: str = TOLD, **others: str) -> PromptBook:
    texts = FIXED | {"told": told} | others
    lines = [f'{key}: "{text}"' for key, text in texts.items()]
    (folder / "en.yaml").write_text("\n".join(lines), encoding="utf-8")
    return PromptBook.load(folder)


@pytest.fixture
def flow(tmp_path: Path) -> Flow:
    path = tmp_path / "flow" / "noted.yaml"
    path.parent.mkdir()
    path.write_text(FLOW, encoding="utf-8")
    return flows.load(str(path), TEHRAN)


# --- the linter ---------------------------------------------------------------------------------------------------


def codes(flow: Flow, book: PromptBook) -> list[str]:
    return [f"{found.severity} {found.code} {found.at}" for found in findings(flow, book, queues=("support",))]


def test_free_text_beside_other_sentences_is_no_finding(tmp_path: Path, flow: Flow) -> None:
    assert codes(flow, book_of(tmp_path)) == []


def test_free_text_that_nobody_makes_ahead_is_an_error(tmp_path: Path, flow: Flow) -> None:
    book = book_of(tmp_path, "It is known. Number {{ ticket.tracking_number | text }}.")
    assert codes(flow, book) == ["error not-made-ahead nodes.told.prompt"]


def test_a_prompt_of_free_text_alone_is_a_warning(tmp_path: Path, flow: Flow) -> None:
    book = book_of(tmp_path, "We wrote: {{ ticket.note | text }}.")
    assert codes(flow, book) == ["warning may-be-silent nodes.told.prompt"]


def test_a_long_note_is_reckoned_with(tmp_path: Path) -> None:
    (tmp_path / "fa.yaml").write_text('told: "تیکت. {{ ticket.note | text }}. تمام."', encoding="utf-8")
    seconds = PromptSeconds(book_of(tmp_path))
    assert 10 < seconds("told", "en") < 20  # 200 letters by the shipped voices: 11 s in English, 20 s in Persian
    assert 18 < seconds("told", "fa") < 25


# --- what is heard ------------------------------------------------------------------------------------------------


def heard(flow: Flow, book: PromptBook, note: str) -> list[tuple[str, str]]:
    moment = datetime(2026, 11, 21, 12, tzinfo=UTC)
    ticket = Ticket(
        tracking_number=NUMBER,
        customer_code="1",
        subject="-",
        status=TicketStatus.NEW,
        created_at=moment,
        updated_at=moment,
        promised_on=date(2026, 12, 1),
        note=note,
    )
    stage = Stage(flow=flow, texts=book, lookups=crm_lookups(MemoryCrm(tickets=[ticket]), TEHRAN, "IR"), delays={})
    simulation = Simulation(stage, Visitor(caller="0912", now=moment.astimezone(TEHRAN)))
    for _ in play(simulation, parse_moves(f"{NUMBER}#")):
        pass
    lines = [entry.line for entry in simulation.transcript]
    return [(line.prompt, line.text) for line in lines if isinstance(line, Said)][1:]


def test_a_simulated_caller_hears_the_note_as_it_is(tmp_path: Path, flow: Flow) -> None:
    told = heard(flow, book_of(tmp_path), "Ask for Reza, extension 4021.")
    assert told == [
        ("told", "It is known. We wrote: Ask for Reza, extension 4021. That is all."),
        ("bare", "Goodbye."),
    ]


def test_a_simulated_caller_without_a_note_hears_the_rest(tmp_path: Path, flow: Flow) -> None:
    assert heard(flow, book_of(tmp_path), "")[0] == ("told", "It is known. That is all.")
    assert heard(flow, book_of(tmp_path, "{{ ticket.note | text }}"), "") == [("bare", "Goodbye.")]


# --- what goes to Asterisk, and on record -------------------------------------------------------------------------


def voice_of(book: PromptBook, ahead: dict[Clip, Media], tmp_path: Path) -> Announcer:
    entries = tuple(
        Entry(language=clip.language, text=clip.text, file=f"{number}.wav", source="piper", seconds=1.0)
        for number, clip in enumerate(sorted(book.clips(["told", "bare"], "en"), key=lambda clip: clip.text))
    )
    pauses = {pause.milliseconds: f"pause-{pause.milliseconds}.wav" for pause in PAUSES}
    return Announcer(book, Voice(Manifest(clips=entries, pauses=pauses), tmp_path, ahead=ahead))


def said(announcer: Announcer, *prompts: str) -> tuple[list[str], list[str]]:
    """The words on record, and the files of free text that are played."""
    told = Play(
        playback=1,
        parts=tuple(Part(prompt, "en") for prompt in prompts),
        values={"ticket": {"note": "It is here. Come in."}},
        listens=False,
    )
    made = chunks(told, announcer)
    assert all(len(chunk.begins) == len(chunk.texts) for chunk in made)
    uris = [uri for chunk in made for uri in chunk.uris if "ahead" in uri]
    return [text for chunk in made for text in chunk.texts], uris


def test_the_record_says_what_was_heard(tmp_path: Path) -> None:
    ahead: dict[Clip, Media] = {}
    announcer = voice_of(book_of(tmp_path), ahead, tmp_path)
    assert said(announcer, "told", "bare") == (["It is known. That is all.", "Goodbye."], [])
    ahead[Clip("en", "It is here.")] = Media(uri="sound:ahead/1", seconds=1.0)
    assert said(announcer, "told") == (["It is known. That is all."], []), "half a note is none"
    ahead[Clip("en", "Come in.")] = Media(uri="sound:ahead/2", seconds=20.0)
    text = "It is known. We wrote: It is here. Come in. That is all."
    assert said(announcer, "told", "bare") == ([text, "Goodbye."], ["sound:ahead/1", "sound:ahead/2"])


def test_a_prompt_of_which_nothing_is_left_is_not_on_record(tmp_path: Path) -> None:
    announcer = voice_of(book_of(tmp_path, "{{ ticket.note | text }}"), {}, tmp_path)
    assert said(announcer, "told", "bare") == (["Goodbye."], [])
    assert said(announcer, "told") == ([], [])


# --- the workshop -------------------------------------------------------------------------------------------------


def test_the_workshop_does_not_ask_for_what_is_made_ahead(tmp_path: Path) -> None:
    book = book_of(tmp_path)
    texts = {clip.text for line in script(book, "en") for clip in line.phrase if isinstance(clip, Clip)}
    assert {"It is known.", "We wrote:", "That is all."} <= texts
    assert [joint for joint in joints(book, book.prompt("told", "en")) if joint.before and joint.after] == []
