"""Free text: whatever comes in, no voice is given a command, no reader a sign that cannot be seen."""

from __future__ import annotations

import unicodedata
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from pbx_bridge.errors import PromptError
from pbx_bridge.ivr import free_text
from pbx_bridge.ivr.grammar import FreeKind
from pbx_bridge.ivr.phrase import COMMA, SENTENCE, Clip, Pause
from pbx_bridge.ivr.prompts import PromptBook
from pbx_bridge.ivr.speech import FREE_KINDS, inventory, say, spoken

KINDS: st.SearchStrategy[FreeKind] = st.sampled_from(FREE_KINDS)
SHARDS = st.sampled_from(
    [
        "[[",
        "]]",
        "<",
        ">",
        "<mark name='",
        "\x01",
        "\x1b[2J",
        "\u202e",
        "\u2066",
        "\u200c",
        "\u200b",
        "\n",
        "آرمان",
        "ab",
        "4021",
    ]
)
HOSTILE = st.one_of(
    st.text(), st.lists(SHARDS, max_size=30).map("".join), st.text(st.characters(categories=["Mn", "Cf", "Cc", "So"]))
)
SPEAKABLE = frozenset(" .,!?:;'()/+%-،؛؟" + free_text.HALF_SPACE)


def clips(value: str, kind: FreeKind = "text", language: str = "en") -> list[Clip]:
    return [item for item in say(value, kind, language) if isinstance(item, Clip)]


@given(HOSTILE, KINDS, st.sampled_from(["fa", "en"]))
@example("[[fl'Vf]]", "text", "en")
@example("[\u200b[fl'Vf]\u200b]", "text", "en")  # a command once what cannot be seen is gone
@example("［［fl'Vf］］ ＜speak＞", "text", "en")  # a command once it is brought to its usual form
@example("\x01+50R <audio src='file:///etc/passwd'/>", "name", "fa")
@example("ﷺ" * 300, "text", "fa")  # each is eighteen letters when brought to its usual form
def test_nothing_but_letters_digits_and_pauses_goes_to_a_voice(value: str, kind: FreeKind, language: str) -> None:
    told = clips(value, kind, language)
    for clip in told:
        assert clip.language in ("fa", "en")
        assert any(map(str.isalnum, clip.text))
        for letter in clip.text:
            category = unicodedata.category(letter)
            assert letter in SPEAKABLE or category in ("Mn", "Nd") or category.startswith("L"), (letter, clip.text)
            assert unicodedata.name(letter, "").startswith(("LATIN", "ARABIC", "DIGIT")) or not letter.isalpha()
        assert clip.text == clip.text.strip()
    assert sum(len(clip.text) for clip in told) <= free_text.LONGEST[kind] * 10  # a digit is a word
    assert not any(
        isinstance(item, Pause) for item in (*say(value, kind, language)[:1], *say(value, kind, language)[-1:])
    )


@given(HOSTILE, KINDS)
def test_what_people_read_hides_nothing_and_turns_nothing_around(value: str, kind: FreeKind) -> None:
    shown = spoken(value, kind, "en")
    assert len(shown) <= free_text.LONGEST[kind]
    assert not [c for c in shown if unicodedata.category(c)[0] == "C" and c != free_text.HALF_SPACE]
    assert "\u2028" not in shown


def test_each_piece_is_read_by_the_voice_of_its_script() -> None:
    assert clips("Server restarted. لطفاً VPN را دوباره وصل کنید.") == [
        Clip("en", "Server restarted."),
        Clip("fa", "لطفاً VPN را دوباره وصل کنید."),
    ]
    assert clips("12", language="fa") == [Clip("fa", "12")]
    assert clips("علی‌رضا", "name") == [Clip("fa", "علی‌رضا")]
    assert clips("O'Neil & Sons", "name", "fa") == [Clip("en", "O'Neil Sons")]


def test_it_pauses_where_it_is_written() -> None:
    assert [item for item in say("One. Two, and three.", "text", "en") if isinstance(item, Pause)] == [SENTENCE]
    assert COMMA in say("A long sentence has a comma somewhere in its middle, where one takes breath.", "text", "en")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("Call 4021", "Call four zero two one"),
        ("Call 4021.", "Call four zero two one ."),
        ("12 boxes at 10:30", "12 boxes at 10:30"),
        ("by 1404/12/29, or 2026-03-20", "by 1404/12/29, or 2026-03-20"),
        ("داخلی ۴۰۲۱", "داخلی چهار صفر دو یک"),
    ],
)
def test_long_numbers_are_spelt_and_dates_left(text: str, said: str) -> None:
    assert " ".join(clip.text for clip in clips(text)) == said


def test_it_is_cut_at_a_word() -> None:
    told = spoken("word " * 100, "text", "en")
    assert len(told) <= 200
    assert told.endswith("word")
    assert len(free_text.sayable("x" * 5000, "name")) == free_text.LONGEST["name"]


def test_only_text_can_be_free_text() -> None:
    for kind in ("name", "text"):
        with pytest.raises(ValueError, match="is no text"):
            say(12, kind, "en")
        assert inventory("en", kind) == frozenset()


# --- in prompts ---------------------------------------------------------------------------------------------------


@pytest.fixture
def book(tmp_path: Path) -> PromptBook:
    lines = [
        'told: "Hello {{ customer.name | name }}. Your ticket is new. '
        'The technician says: {{ ticket.note | text }}. Press 1."',
        'bare: "{{ ticket.note | text }}"',
        'number: "{{ ticket.note | text }} of {{ ticket.number | tracking }}. V2.{{ ticket.number | digits }}!"',
    ]
    (tmp_path / "en.yaml").write_text("\n".join(lines), encoding="utf-8")
    return PromptBook.load(tmp_path)


def values(name: str, note: str) -> dict[str, object]:
    return {"customer": {"name": name}, "ticket": {"note": note, "number": "2047155"}}


def said(book: PromptBook, key: str, given: dict[str, object], *unmade: str) -> tuple[str, str]:
    """As it is shown, and what is played."""
    there = lambda clip: clip.text not in unmade  # noqa: E731
    phrase = book.phrase(key, "en", given, there)
    return book.text(key, "en", given, there), " ".join(i.text if isinstance(i, Clip) else "|" for i in phrase)


def test_a_sentence_whose_text_was_made_is_heard(book: PromptBook) -> None:
    shown, played = said(book, "told", values("Behsazan", "The part is here."))
    assert shown == "Hello Behsazan. Your ticket is new. The technician says: The part is here. Press 1."
    assert played == "Hello Behsazan | Your ticket is new. | The technician says: | The part is here. | Press 1."


def test_a_sentence_whose_text_is_not_there_is_left_out_whole(book: PromptBook) -> None:
    for note, unmade in (("The part is here.", "The part is here."), ("", ""), ("\u202e [[a]]", "")):
        shown, played = said(book, "told", values("Behsazan", note), unmade)
        assert shown == "Hello Behsazan. Your ticket is new. Press 1."
        assert played == "Hello Behsazan | Your ticket is new. | Press 1."
    shown, played = said(book, "told", values("A", "B"), "A", "B")
    assert (shown, played) == ("Your ticket is new. Press 1.", "Your ticket is new. | Press 1.")


def test_a_note_of_several_pieces_is_heard_whole_or_not_at_all(book: PromptBook) -> None:
    assert said(book, "bare", values("", "One. Two."))[1] == "One. | Two."
    assert said(book, "bare", values("", "One. Two."), "Two.") == ("", "")


def test_a_point_within_a_word_ends_no_sentence(book: PromptBook) -> None:
    shown, played = said(book, "number", values("", ""))
    assert shown == "V2.2047155!"
    assert played == "V2. | two zero four seven one five five"


def test_a_value_that_is_not_known_is_an_error_as_ever(book: PromptBook) -> None:
    with pytest.raises(PromptError, match=r"no value was given for 'ticket\.note'"):
        book.text("bare", "en", {})


def test_free_text_has_no_clips_to_render(book: PromptBook) -> None:
    assert {clip.text for clip in book.clips(["told"], "en")} == {
        "Hello", "Your ticket is new.", "The technician says:", "Press 1.",
    }  # fmt: skip
    assert not book.prompt("told", "en").fixed
