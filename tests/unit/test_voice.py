"""The index over rendered clips: what Asterisk is told, what is missing, and whole recordings."""

from __future__ import annotations

from pathlib import Path, PurePosixPath

import msgspec
import pytest

from pbx_bridge.errors import PromptError
from pbx_bridge.ivr.announcer import Announcer
from pbx_bridge.ivr.phrase import COMMA, SENTENCE, Clip, Pause
from pbx_bridge.ivr.prompts import PromptBook
from pbx_bridge.ivr.sounds import audio
from pbx_bridge.ivr.sounds.voice import MANIFEST, Entry, Manifest, Voice, Whole, phrase_id

A, B = Clip("en", "A."), Clip("en", "B.")


def entry(clip: Clip, file: str) -> Entry:
    return Entry(language=clip.language, text=clip.text, file=file, source="piper", seconds=0.5)


def folder_with(folder: Path, manifest: Manifest) -> Path:
    for name in (*(e.file for e in manifest.clips), *(w.file for w in manifest.wholes), *manifest.pauses.values()):
        audio.write_wav(folder / name, [audio.silence(500)])
    (folder / MANIFEST).write_bytes(msgspec.json.encode(manifest))
    return folder


PLAIN = Manifest(clips=(entry(A, "en/a.wav"), entry(B, "en/b.wav")), pauses={350: "pause-350.wav"})


def test_media_are_named_as_asterisk_sees_them(tmp_path: Path) -> None:
    folder_with(tmp_path, PLAIN)
    here = Voice.load(tmp_path).media((A, SENTENCE, B))
    assert [m.uri for m in here] == [f"sound:{tmp_path}/{name}" for name in ("en/a", "pause-350", "en/b")]
    assert [m.seconds for m in here] == [0.5, 0.35, 0.5]
    there = Voice.load(tmp_path, PurePosixPath("/srv/sounds"))
    assert there.media((A,))[0].uri == "sound:/srv/sounds/en/a"
    assert there.path(there.media((A,))[0]) == tmp_path / "en/a.wav"


def test_what_was_not_rendered_is_named(tmp_path: Path) -> None:
    voice = Voice.load(folder_with(tmp_path, PLAIN))
    with pytest.raises(PromptError, match=r"'C.' \(en\); run: pbx-bridge prompts render"):
        voice.media((A, Clip("en", "C.")))
    with pytest.raises(PromptError, match="a pause of 150 ms"):
        voice.media((A, COMMA, B))
    assert voice.missing([Clip("fa", "A."), Clip("en", "C."), A]) == [Clip("en", "C."), Clip("fa", "A.")]


def test_a_file_that_is_gone_does_not_count(tmp_path: Path) -> None:
    folder_with(tmp_path, PLAIN)
    (tmp_path / "en/a.wav").unlink()
    assert Voice.load(tmp_path).missing([A, B]) == [A]


def test_a_folder_where_nothing_was_rendered(tmp_path: Path) -> None:
    assert Voice.load(tmp_path / "none").missing([A]) == [A]


def test_a_broken_manifest_is_refused(tmp_path: Path) -> None:
    (tmp_path / MANIFEST).write_text("{", encoding="utf-8")
    with pytest.raises(PromptError, match="render the prompts anew"):
        Voice.load(tmp_path)


def test_a_phrase_recorded_in_one_piece_wins(tmp_path: Path) -> None:
    whole = Whole(phrase=phrase_id((A, B)), prompt="x", language="en", file="en/whole.wav", seconds=2.0)
    voice = Voice.load(folder_with(tmp_path, msgspec.structs.replace(PLAIN, wholes=(whole,))))
    assert [m.seconds for m in voice.media((A, SENTENCE, B))] == [2.0]
    assert [m.seconds for m in voice.media((A, SENTENCE, B, SENTENCE))] == [2.0, 0.35]
    assert [m.seconds for m in voice.media((A,))] == [0.5]


def test_phrases_are_told_apart_by_what_is_said() -> None:
    assert phrase_id((A, Pause(150), B)) == phrase_id((A, B))
    assert len({phrase_id(p) for p in ((A, B), (B, A), (A,), (Clip("fa", "A."),), (Clip("en", "A.B."),))}) == 5


def test_the_announcer_says_prompts_and_ends_them_with_a_pause(tmp_path: Path) -> None:
    (tmp_path / "en.yaml").write_text("x: A. B.\n", encoding="utf-8")
    announcer = Announcer(PromptBook.load(tmp_path), Voice.load(folder_with(tmp_path / "sounds", PLAIN)))
    assert announcer.text("x", "en", {}) == "A. B."
    assert [m.seconds for m in announcer.media("x", "en", {})] == [0.5, 0.35, 0.5, 0.35]
