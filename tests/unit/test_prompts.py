"""The prompt book reads texts, refuses what it cannot say, and says the same words it plays."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, time
from itertools import pairwise
from pathlib import Path

import pytest

from pbx_bridge.errors import PromptError
from pbx_bridge.ivr import flow
from pbx_bridge.ivr.phrase import COMMA, GROUP, SENTENCE, Clip, Pause
from pbx_bridge.ivr.prompts import PromptBook

BOOK = PromptBook.load()
VALUES = {
    "ticket.tracking_number": "4712906",
    "ticket.status": "in_progress",
    "ticket.updated_on": date(2026, 3, 6),
    "ticket.note": "",
    "ticket.promised_on": date(2026, 3, 21),
    "contract.ends_on": date(2026, 3, 20),
    "opening.because": "hours",
    "opening.day": "tomorrow",
    "opening.on": date(2026, 11, 24),
    "opening.at": time(8),
    "queue.position": 3,
    "queue.wait": 180,
    "callback.number": "02144556677",
    "complaint.tracking_number": "4712906",
    "complaint.answer_by": date(2026, 12, 2),
}


def book(folder: Path, **files: str) -> PromptBook:
    folder.mkdir(exist_ok=True)
    for language, text in files.items():
        (folder / f"{language}.yaml").write_text(text, encoding="utf-8")
    return PromptBook.load(folder)


def test_the_shipped_book_is_whole() -> None:
    assert BOOK.languages == ("en", "fa")
    assert BOOK.keys("en") == BOOK.keys("fa")
    BOOK.check(BOOK.keys("fa"), BOOK.languages)


def test_the_shipped_flow_finds_its_prompts() -> None:
    support = flow.load("support")
    BOOK.check(support.prompts(), support.languages)


@pytest.mark.parametrize("language", BOOK.languages)
def test_what_is_played_is_in_the_clips(language: str) -> None:
    for key in BOOK.keys(language):
        rendered = BOOK.clips([key], language)  # free text is not among them: it is made ahead, or left out
        phrase = BOOK.phrase(key, language, VALUES, rendered.__contains__)
        played = {item for item in phrase if isinstance(item, Clip)}
        assert played
        assert played <= rendered
        assert "{{" not in BOOK.text(key, language, VALUES)


def test_both_languages_need_the_same_values() -> None:
    for key in BOOK.keys("en"):
        assert BOOK.prompt(key, "en").names == BOOK.prompt(key, "fa").names


def test_the_ticket_status_in_words() -> None:
    assert BOOK.text("ticket_status_no_promise", "en", VALUES) == (
        "Ticket number 471 29 06: We are working on it. It was last changed on March 6, 2026."
    )
    assert BOOK.text("ticket_status_no_promise", "fa", VALUES) == (
        "درخواست شمارهٔ ۴۷۱ ۲۹ ۰۶: در دست بررسی است. آخرین تغییر در تاریخ پانزدهم اسفند هزار و چهارصد و چهار بوده است."
    )


def test_a_phrase_has_a_clip_for_each_sentence_and_value(tmp_path: Path) -> None:
    prompts = book(
        tmp_path, en="x: 'Hello, you. Ticket {{ no | tracking }}, is {{ s | prompt(\"st\") }}!'\nst_new: new.\n"
    )
    phrase = prompts.phrase("x", "en", {"no": "1234567", "s": "new"})
    said = " ".join(item.text if isinstance(item, Clip) else f"/{item.milliseconds}" for item in phrase)
    assert said == "Hello, you. /350 Ticket one two three /250 four five /250 six seven /150 is new."
    assert prompts.text("x", "en", {"no": "1234567", "s": "new"}) == "Hello, you. Ticket 123 45 67, is new!"


def test_a_long_sentence_is_split_at_its_commas(tmp_path: Path) -> None:
    prompts = book(tmp_path, en=f"x: {'long ' * 9}sentence, {'long ' * 9}sentence.\n")
    phrase = prompts.phrase("x", "en")
    assert [item for item in phrase if isinstance(item, Pause)] == [COMMA]
    assert len(phrase) == 3


def test_values_are_found_by_path_in_mappings_and_objects(tmp_path: Path) -> None:
    @dataclass(frozen=True)
    class Ticket:
        number: str

    prompts = book(tmp_path, en="x: '{{ ticket.number | digits }}'\n")
    for values in ({"ticket.number": "7"}, {"ticket": {"number": "7"}}, {"ticket": Ticket("7")}):
        assert prompts.phrase("x", "en", values) == (Clip("en", "seven"),)


def test_an_extra_folder_adds_and_replaces(tmp_path: Path) -> None:
    (tmp_path / "en.yaml").write_text("welcome: Hi.\nmore: More.\n", encoding="utf-8")
    extended = PromptBook.load(extra_folder=tmp_path)
    assert extended.text("welcome", "en") == "Hi."
    assert extended.keys("en") == BOOK.keys("en") | {"more"}
    assert PromptBook.load(extra_folder=tmp_path / "none").keys("en") == BOOK.keys("en")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("x: '{{ no }}'", "must be {{ name | filter }}"),
        ("x: '{{ no | upper }}'", "no filter is called 'upper'"),
        ("x: '{{ no | digits | count }}'", "must be {{ name | filter }}"),
        ("x: '{{ no | digits(1) }}'", "must be {{ name | filter }}"),
        ("x: '{{ no | prompt }}'", "no filter is called 'prompt'"),
        ("x: '{{ no | prompt(family) }}'", "must be {{ name | filter }}"),
        ("x: '{{ no() | digits }}'", "must be {{ name | filter }}"),
        ("x: '{{ no().a | digits }}'", "a placeholder's name"),
        ("x: '{% if a %}b{% endif %}'", "only text and {{ name | filter }} may stand here, not 'If'"),
        ("x: '{{ no | digits'", "unexpected end of template"),
        ("x: ''", "the text is empty"),
        ("x: [a]", "its text is missing"),
        ("x: a\nx: b", "it stands in this file twice"),
        ("X Y: a", "a key is lower-case letters"),
        ("- a", "lines of key: text"),
        ("x: 'a", "not YAML"),
    ],
)
def test_a_text_that_cannot_be_said_is_refused(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(PromptError) as caught:
        book(tmp_path, en=f"ok: Fine.\n{text}\n" if not text.startswith("-") else text)
    assert said in str(caught.value)
    assert str(tmp_path / "en.yaml") in str(caught.value)
    assert "\n" not in str(caught.value)


def test_an_error_names_file_line_and_key(tmp_path: Path) -> None:
    with pytest.raises(PromptError, match=r"en\.yaml:3: prompt 'bad': no filter"):
        book(tmp_path, en="a: A.\n\nbad: '{{ x | y }}'\n")


def test_a_missing_prompt_is_named_with_its_language(tmp_path: Path) -> None:
    prompts = book(tmp_path, en="a: A.\nb: B.\n", fa="a: آ\n")
    with pytest.raises(PromptError, match=r"prompt 'b' is missing in language 'fa'"):
        prompts.check(["a", "b"], ["en", "fa"])
    with pytest.raises(PromptError, match=r"prompt 'a' is missing in language 'de'"):
        prompts.check(["a"], ["de"])


def test_a_missing_word_of_a_family_is_named(tmp_path: Path) -> None:
    prompts = book(tmp_path, en="a: '{{ s | prompt(\"st\") }}'\nst_new: New.\n", fa="a: '{{ s | prompt(\"st\") }}'\n")
    with pytest.raises(PromptError, match=r"prompt 'st_new' is missing in language 'fa'"):
        prompts.check(["a"], ["en", "fa"])
    with pytest.raises(PromptError, match=r"s: no prompt is called 'st_old'"):
        prompts.phrase("a", "en", {"s": "old"})
    nothing = book(tmp_path, en="a: '{{ s | prompt(\"st\") }}'\n")
    with pytest.raises(PromptError, match=r"no prompt is called st_…"):
        nothing.check(["a"], ["en"])
    nested = book(tmp_path, en="a: '{{ s | prompt(\"st\") }}'\nst_new: '{{ n | count }}'\n")
    with pytest.raises(PromptError, match=r"'st_new': it is chosen by a value"):
        nested.check(["a"], ["en"])


def test_a_missing_or_wrong_value_is_named() -> None:
    with pytest.raises(PromptError, match=r"prompt 'contract_ended': no value was given for 'contract.ends_on'"):
        BOOK.phrase("contract_ended", "en", {"contract": object()})
    with pytest.raises(PromptError, match=r"prompt 'contract_ended': contract.ends_on: '2026' is no date"):
        BOOK.text("contract_ended", "en", {"contract.ends_on": "2026"})


def test_a_language_without_numbers_can_still_have_plain_texts(tmp_path: Path) -> None:
    assert book(tmp_path, de="a: Hallo.\n").phrase("a", "de") == (Clip("de", "Hallo."),)
    with pytest.raises(PromptError, match=r"no values can be said in language 'de'"):
        book(tmp_path, de="a: '{{ n | count }}'\n")


def test_a_folder_without_prompts_is_refused(tmp_path: Path) -> None:
    with pytest.raises(PromptError, match=r"no prompt file"):
        PromptBook.load(tmp_path)
    with pytest.raises(PromptError, match=r"called by its language"):
        book(tmp_path, english="a: A.\n")


def test_a_file_that_is_no_text_is_refused(tmp_path: Path) -> None:
    (tmp_path / "en.yaml").write_bytes(b"a: \xff\n")
    with pytest.raises(PromptError, match=r"en\.yaml: cannot be read"):
        PromptBook.load(tmp_path)
    (tmp_path / "en.yaml").write_bytes(b"")
    (tmp_path / "fa.yaml").write_bytes("a: آ".encode())
    assert PromptBook.load(tmp_path).keys("en") == frozenset()


def test_pauses_stand_between_clips_only() -> None:
    for language in BOOK.languages:
        phrase = BOOK.phrase("ticket_status", language, VALUES)
        assert isinstance(phrase[0], Clip)
        assert isinstance(phrase[-1], Clip)
        assert not any(isinstance(a, Pause) and isinstance(b, Pause) for a, b in pairwise(phrase))
        assert {item for item in phrase if isinstance(item, Pause)} == {GROUP, SENTENCE}
