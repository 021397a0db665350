"""Free text made ahead, with the real voices: made once, heard without a restart, removed when nobody needs it."""

from __future__ import annotations

import asyncio
import fcntl
import os
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from programs import needs as needs_programs

from pbx_bridge.errors import PromptError
from pbx_bridge.ivr.ahead import Need, clips_of, needs, texts_of
from pbx_bridge.ivr.announcer import Announcer
from pbx_bridge.ivr.flow import Flow
from pbx_bridge.ivr.flow import load as load_flow
from pbx_bridge.ivr.phrase import Clip
from pbx_bridge.ivr.prompts import PromptBook
from pbx_bridge.ivr.sounds import loudness
from pbx_bridge.ivr.sounds.ahead import GRACE_S, MadeAhead, keep_up, sweep
from pbx_bridge.ivr.sounds.ahead_keeper import AheadKeeper, Sources
from pbx_bridge.ivr.sounds.audio import LEVEL, read_wav
from pbx_bridge.ivr.sounds.render import render
from pbx_bridge.ivr.sounds.speakers import Espeak
from pbx_bridge.ivr.sounds.voice import Voice
from pbx_bridge.store import Store, open_store
from pbx_bridge.store.crm_import import import_folder

SPEAKERS = {"fa": Espeak(voice="fa"), "en": Espeak(voice="en-us")}
HERE, GONE, PERSIAN = Clip("en", "The part is here."), Clip("en", "It is gone."), Clip("fa", "قطعه رسید.")
NOW = datetime(2026, 11, 22, 8, tzinfo=UTC)

FLOW = """
flow: told
languages: [fa, en]
start: told
person: person
filler: filler
nodes:
  told: {kind: say, prompt: told, next: end}
  person: {kind: queue, queue: support, nobody: end, timeout: end}
  end: {kind: hang_up}
"""
PROMPTS = {
    "en": 'told: "Your ticket is new. It says: {{ ticket.note | text }}."\nfiller: "One moment."',
    "fa": 'told: "تیکت تازه است. یادداشت: {{ ticket.note | text }}."\nfiller: "یک لحظه."',
}


@pytest.fixture
def flow(tmp_path: Path) -> Flow:
    (tmp_path / "told.yaml").write_text(FLOW, encoding="utf-8")
    return load_flow(str(tmp_path / "told.yaml"), ZoneInfo("Asia/Tehran"))


@pytest.fixture
def book(tmp_path: Path) -> PromptBook:
    (tmp_path / "texts").mkdir()
    for language, text in PROMPTS.items():
        (tmp_path / "texts" / f"{language}.yaml").write_text(text, encoding="utf-8")
    return PromptBook.load(tmp_path / "texts")


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    async with open_store(tmp_path / "store.db") as store:
        yield store


def age(folder: Path) -> None:
    """As if its files were written long ago."""
    then = time.time() - GRACE_S - 5
    for path in folder.rglob("*.wav"):
        os.utime(path, (then, then))


def files(made: MadeAhead) -> set[Path]:
    return set(made.folder.glob("*/*.wav"))


# --- the files ----------------------------------------------------------------------------------------------------


def test_it_is_made_once_levelled_and_trimmed(tmp_path: Path) -> None:
    needs_programs("espeak-ng", "sox")
    done = keep_up(tmp_path, [HERE, PERSIAN], SPEAKERS)
    assert (done.made, done.kept, done.dropped, done.failed) == (2, 0, 0, 0)
    made = MadeAhead.load(tmp_path)
    assert set(made.clips) == {HERE, PERSIAN}
    for path in files(made):
        heard = loudness.hear(read_wav(path))
        assert heard is not None
        assert heard.level == pytest.approx(LEVEL, abs=1.5)
        assert max(heard.lead, heard.tail) <= 0.2
        assert 0.4 < heard.seconds < 3
        assert path.stat().st_mode & 0o777 == 0o644
    again = keep_up(tmp_path, [PERSIAN, HERE], SPEAKERS)
    assert (again.made, again.kept) == (0, 2)


def test_what_nobody_needs_is_dropped_at_once_and_its_file_a_minute_later(tmp_path: Path) -> None:
    needs_programs("espeak-ng", "sox")
    keep_up(tmp_path, [HERE, GONE], SPEAKERS)
    age(tmp_path)
    made = MadeAhead.load(tmp_path)
    assert keep_up(tmp_path, [HERE], SPEAKERS).dropped == 1
    made.take(made.news())
    assert set(made.clips) == {HERE}
    sweep(tmp_path)
    assert len(files(made)) == 2, "a caller may be hearing it"
    age(tmp_path)
    sweep(tmp_path)
    assert len(files(made)) == 1
    assert GONE.text not in (made.folder / "manifest.json").read_text(encoding="utf-8")


def test_a_text_that_no_voice_can_say_holds_up_no_other(tmp_path: Path) -> None:
    needs_programs("espeak-ng", "sox")
    silent = Clip("en", "...")
    done = keep_up(tmp_path, [silent, HERE], SPEAKERS)
    assert (done.made, done.failed) == (1, 1)
    assert set(MadeAhead.load(tmp_path).clips) == {HERE}


def test_what_cannot_be_written_is_an_error_that_names_the_file(tmp_path: Path) -> None:
    needs_programs("espeak-ng", "sox")
    (tmp_path / "ahead").mkdir()
    (tmp_path / "ahead" / "en").write_text("a file where a folder has to be")
    with pytest.raises(PromptError, match=r"ahead/en.*cannot be written"):
        keep_up(tmp_path, [HERE], SPEAKERS)


def test_another_voice_speaks_it_anew(tmp_path: Path) -> None:
    needs_programs("espeak-ng", "sox")
    keep_up(tmp_path, [HERE], SPEAKERS)
    assert keep_up(tmp_path, [HERE], {"en": Espeak(voice="en-gb")}).made == 1


def test_nothing_more_is_begun_when_the_time_is_up(tmp_path: Path) -> None:
    assert keep_up(tmp_path, [HERE], SPEAKERS, seconds=-1.0).made == 0


def test_a_file_that_is_gone_is_not_said_and_made_again(tmp_path: Path) -> None:
    needs_programs("espeak-ng", "sox")
    keep_up(tmp_path, [HERE], SPEAKERS)
    for path in files(MadeAhead(tmp_path)):
        path.unlink()
    assert MadeAhead.load(tmp_path).clips == {}
    assert keep_up(tmp_path, [HERE], SPEAKERS).made == 1


def test_a_broken_manifest_says_where_it_is(tmp_path: Path) -> None:
    (tmp_path / "ahead").mkdir()
    (tmp_path / "ahead" / "manifest.json").write_bytes(b"{")
    with pytest.raises(PromptError, match=r"ahead/manifest\.json"):
        MadeAhead.load(tmp_path)


# --- what is heard ------------------------------------------------------------------------------------------------


def test_a_present_voice_says_it_as_soon_as_it_is_there(tmp_path: Path, book: PromptBook) -> None:
    needs_programs("espeak-ng", "sox")
    sounds = tmp_path / "sounds"
    render(book.clips(["told"], "en"), sounds, SPEAKERS)
    made = MadeAhead(sounds)
    announcer = Announcer(book, Voice.load(sounds, ahead=made.clips))
    values = {"ticket": {"note": "The part is here."}}
    before = announcer.media("told", "en", values)
    assert announcer.text("told", "en", values) == "Your ticket is new."
    keep_up(sounds, [HERE], SPEAKERS)
    made.take(made.news())
    assert made.news() is None
    assert announcer.text("told", "en", values) == "Your ticket is new. It says: The part is here."
    files = [announcer.voice.path(media) for media in announcer.media("told", "en", values)]
    assert len(files) > len(before)
    assert all(path.is_file() for path in files)
    assert [path.parent.parent.name for path in files if "ahead" in path.parts] == ["ahead"]


def test_a_prompt_of_nothing_else_says_nothing(tmp_path: Path) -> None:
    (tmp_path / "en.yaml").write_text('bare: "{{ ticket.note | text }}"', encoding="utf-8")
    announcer = Announcer(PromptBook.load(tmp_path), Voice.load(tmp_path))
    assert announcer.media("bare", "en", {"ticket": {"note": "Not made."}}) == ()
    assert announcer.text("bare", "en", {"ticket": {"note": "Not made."}}) == ""


# --- what is needed -----------------------------------------------------------------------------------------------

TICKET = "2047155,1042,Router,{status},2026-05-01 10:00,{updated},,{note}"
CUSTOMERS = "code,name,language,tier\n1042,Behsazan,fa,gold\n"
COLUMNS = "tracking_number,customer_code,subject,status,created_at,updated_at,promised_on,note\n"


async def import_ticket(store: Store, folder: Path, note: str, status: str = "new", updated: str = "") -> None:
    (folder / "crm").mkdir(exist_ok=True)
    (folder / "crm" / "customers.csv").write_text(CUSTOMERS, encoding="utf-8")
    row = TICKET.format(status=status, updated=updated, note=note)
    (folder / "crm" / "tickets.csv").write_text(f"{COLUMNS}{row}\n", encoding="utf-8")
    await import_folder(store.writer, folder / "crm")


def test_only_what_the_flow_says_is_needed(flow: Flow, book: PromptBook) -> None:
    assert needs(flow, book) == (
        Need(value="ticket.note", kind="text", language="en"),
        Need(value="ticket.note", kind="text", language="fa"),
    )
    assert needs(load_flow("minimal"), PromptBook.load()) == ()


async def test_notes_of_tickets_that_callers_may_still_ask_for(tmp_path: Path, store: Store) -> None:
    needed = [Need(value=value, kind="text", language="en") for value in ("ticket.note", "customer.name")]
    await import_ticket(store, tmp_path, "The part is here.")
    assert await texts_of(needed, store.free_texts, NOW) == {
        "ticket.note": ["The part is here."],
        "customer.name": ["Behsazan"],
    }
    await import_ticket(store, tmp_path, "It is done.", status="closed", updated="2026-11-01 10:00")
    assert (await texts_of(needed[:1], store.free_texts, NOW))["ticket.note"] == ["It is done."]
    await import_ticket(store, tmp_path, "It is done.", status="closed", updated="2026-10-01 10:00")
    assert (await texts_of(needed[:1], store.free_texts, NOW))["ticket.note"] == []


def test_each_clip_is_needed_once_whatever_the_language_of_the_caller() -> None:
    needed = [Need(value="ticket.note", kind="text", language=language) for language in ("en", "fa")]
    assert clips_of(needed, {"ticket.note": ["The part is here. قطعه رسید.", "12", "The part is here."]}) == (
        HERE,
        PERSIAN,
        Clip("en", "12"),
        Clip("fa", "12"),
    )


# --- the keeper ---------------------------------------------------------------------------------------------------

CHILD = """
import sys
from pathlib import Path
from pbx_bridge.ivr.phrase import Clip
from pbx_bridge.ivr.sounds.ahead import keep_up
from pbx_bridge.ivr.sounds.speakers import Espeak
Path(sys.argv[1], "runs").open("a").write("x")
texts = Path(sys.argv[1], "texts-to-make").read_text().splitlines()
keep_up(Path(sys.argv[1]), [Clip("en", text) for text in texts], {"en": Espeak(voice="en-us")})
"""


def keeper_of(tmp_path: Path, store: Store, flow: Flow, book: PromptBook, *command: str) -> AheadKeeper:
    sources = Sources(
        met=lambda: [(flow, book)],
        texts=store.free_texts,
        command=command or (sys.executable, "-c", CHILD, str(tmp_path)),
    )
    return AheadKeeper(tmp_path, MadeAhead(tmp_path), sources, clock=lambda: NOW)


def runs(tmp_path: Path) -> int:
    return len((tmp_path / "runs").read_text()) if (tmp_path / "runs").exists() else 0


async def test_the_keeper_has_it_made_when_it_changes_and_not_before(
    tmp_path: Path, store: Store, flow: Flow, book: PromptBook
) -> None:
    needs_programs("espeak-ng", "sox")
    keeper = keeper_of(tmp_path, store, flow, book)
    await keeper.look()
    assert runs(tmp_path) == 0
    await import_ticket(store, tmp_path, "The part is here.")
    (tmp_path / "texts-to-make").write_text("The part is here.")
    await keeper.look()
    assert set(keeper.made.clips) == {HERE}
    await keeper.look()
    assert runs(tmp_path) == 1
    await import_ticket(store, tmp_path, "It is gone.")
    (tmp_path / "texts-to-make").write_text("It is gone.")
    await keeper.look()
    assert set(keeper.made.clips) == {GONE}
    assert runs(tmp_path) == 2


async def test_what_cannot_be_made_is_not_tried_again_at_once(
    tmp_path: Path, store: Store, flow: Flow, book: PromptBook
) -> None:
    keeper = keeper_of(tmp_path, store, flow, book)
    await import_ticket(store, tmp_path, "The part is here.")
    for _ in range(3):
        await keeper.look()  # the child fails: it is told no texts
    assert runs(tmp_path) == 1
    assert keeper.made.clips == {}
    await import_ticket(store, tmp_path, "It is gone.")
    await keeper.look()
    assert runs(tmp_path) == 2, "another text is tried"


async def test_a_stopped_keeper_stops_what_it_started(
    tmp_path: Path, store: Store, flow: Flow, book: PromptBook
) -> None:
    pid_file = tmp_path / "pid"
    waits = f"import os, time; open({str(pid_file)!r}, 'w').write(str(os.getpid())); time.sleep(600)"
    keeper = keeper_of(tmp_path, store, flow, book, sys.executable, "-c", waits)
    await import_ticket(store, tmp_path, "The part is here.")
    task = asyncio.create_task(keeper.run())
    async with asyncio.timeout(20):
        while not (pid_file.exists() and pid_file.read_text()):  # noqa: ASYNC110 - another process
            await asyncio.sleep(0.02)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    with pytest.raises(ProcessLookupError):
        os.kill(int(pid_file.read_text()), 0)


# --- the command --------------------------------------------------------------------------------------------------


@pytest.fixture
def home(tmp_path: Path, flow: Flow, book: PromptBook) -> Path:
    """A HOME that uses the flow, with its sounds, its texts and a store with a ticket."""
    (tmp_path / "texts").rename(tmp_path / "prompts")
    sounds = tmp_path / "asterisk" / "sounds"
    for language in ("en", "fa"):
        render(book.clips(flow.prompts(), language), sounds, SPEAKERS)
    settings = f'[ivr]\nflow = "{tmp_path / "told.yaml"}"\nvoice_en = "en-us"\n'
    (tmp_path / "pbx_bridge.toml").write_text(settings, encoding="utf-8")

    async def fill() -> None:
        async with open_store(tmp_path / "store.db") as store:
            await import_ticket(store, tmp_path, "The part is here. قطعه رسید.")

    asyncio.run(fill())
    return tmp_path


def run(home: Path, *words: str) -> tuple[int, str]:
    told = subprocess.run(
        [sys.executable, "-m", "pbx_bridge.cli", "prompts", "ahead", *words],
        env={**os.environ, "PBX_BRIDGE_HOME": str(home)},
        capture_output=True,
        text=True,
        check=False,
    )
    return told.returncode, told.stdout + told.stderr


def test_the_command_tells_what_waits_and_makes_it(home: Path) -> None:
    needs_programs("espeak-ng", "sox")
    assert run(home) == (1, "flow told says ticket.note\nclips: 0 made, 2 waiting, 0 cannot be said\n")
    assert run(home, "--now", "--at-most", "-1")[0] == 1
    code, told = run(home, "--now")
    assert (code, told) == (
        0,
        "flow told says ticket.note\n2 made, 0 dropped\nclips: 2 made, 0 waiting, 0 cannot be said\n",
    )
    assert run(home)[0] == 0
    assert set(MadeAhead.load(home / "asterisk" / "sounds").clips) == {HERE, PERSIAN}


def test_two_do_not_make_it_at_once(home: Path) -> None:
    needs_programs("espeak-ng", "sox")
    folder = home / "asterisk" / "sounds" / "ahead"
    folder.mkdir()
    with (folder / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        code, told = run(home, "--now")
    assert code == 1
    assert "another process is making these now" in told
