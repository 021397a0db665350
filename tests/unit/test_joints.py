"""Where clips can meet: every pair that any values make of a prompt is foreseen, with the pause between them."""

from __future__ import annotations

from datetime import date
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from pbx_bridge.ivr.phrase import COMMA, GROUP, SENTENCE, Clip, Pause, Phrase
from pbx_bridge.ivr.prompts import PromptBook
from pbx_bridge.ivr.sounds.joints import Joint, joints
from pbx_bridge.ivr.speech import inventory

SHIPPED = PromptBook.load()
STATUSES = sorted(key.removeprefix("status_") for key in SHIPPED.family("status"))


def meetings(phrase: Phrase) -> list[tuple[Clip, Pause, Clip]]:
    told: list[tuple[Clip, Pause, Clip]] = []
    before, pause = None, Pause(0)
    for item in phrase:
        if isinstance(item, Pause):
            pause = item
        else:
            told += [(before, pause, item)] if before else []
            before, pause = item, Pause(0)
    return told


def foreseen(known: list[Joint], meeting: tuple[Clip, Pause, Clip]) -> bool:
    before, pause, after = meeting
    return any(before in joint.before and pause == joint.pause and after in joint.after for joint in known)


@given(
    st.sampled_from(SHIPPED.languages),
    st.text("0123456789", min_size=6, max_size=12),
    st.sampled_from(STATUSES),
    st.dates(date(1990, 1, 1), date(2100, 1, 1)),
)
def test_every_meeting_within_a_sentence_is_foreseen(language: str, number: str, status: str, day: date) -> None:
    ticket = {"tracking_number": number, "status": status, "updated_on": day, "promised_on": day}
    known = list(joints(SHIPPED, SHIPPED.prompt("ticket_status", language)))
    within = [m for m in meetings(SHIPPED.phrase("ticket_status", language, {"ticket": ticket})) if m[1] != SENTENCE]
    assert len(within) > len(number)
    assert all(foreseen(known, meeting) for meeting in within)


def test_pauses_in_a_row_are_the_longest_and_sentences_do_not_join(tmp_path: Path) -> None:
    (tmp_path / "en.yaml").write_text(
        "x: \"One {{ n | digits }}, {{ w | prompt('st') }}. Last.\"\nst_a: A. B.\nst_c: C\n", encoding="utf-8"
    )
    book = PromptBook.load(tmp_path)
    digits, first = inventory("en", "digits"), frozenset({Clip("en", "A."), Clip("en", "C")})
    assert list(joints(book, book.prompt("x", "en"))) == [
        Joint(before=digits, pause=Pause(0), after=digits),
        Joint(before=frozenset({Clip("en", "One")}), pause=Pause(0), after=digits),
        Joint(before=digits, pause=COMMA, after=first),
    ]


def test_the_groups_of_a_tracking_number_are_apart() -> None:
    told = list(joints(SHIPPED, SHIPPED.prompt("ticket_status", "fa")))
    digits = inventory("fa", "tracking")
    assert Joint(before=digits, pause=GROUP, after=digits) in told
