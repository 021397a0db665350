"""Every word of the pages is there in both languages, and says the same things."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from pbx_bridge import web
from pbx_bridge.calls.call import Direction, Outcome, SegmentKind, TransferKind
from pbx_bridge.calls.causes import CAUSES
from pbx_bridge.health import LinkState
from pbx_bridge.web import words
from pbx_bridge.web.show import Language

FOLDER = Path(web.__file__).parent
_PLACE = re.compile(r"\{(\w+)\}")


def test_both_languages_have_every_word() -> None:
    for path in FOLDER.glob("texts/*.yaml"):
        for key, texts in yaml.safe_load(path.read_text(encoding="utf-8")).items():
            assert set(texts) == {"fa", "en"}, key
            assert all(isinstance(text, str) and text.strip() for text in texts.values()), key


def test_no_key_is_told_twice() -> None:
    files = FOLDER.glob("texts/*.yaml")
    lines = [line for path in files for line in path.read_text(encoding="utf-8").splitlines()]
    keys = [line.partition(":")[0] for line in lines if line and not line.startswith("#")]
    assert len(keys) == len(set(keys))


def test_both_languages_have_the_same_places() -> None:
    for key, texts in words.table().items():
        assert len({frozenset(_PLACE.findall(texts[language])) for language in Language}) == 1, key


def test_every_word_a_page_asks_for_is_there() -> None:
    sources = [*FOLDER.rglob("*.py"), *FOLDER.glob("templates/**/*.html")]
    asked = {
        key
        for source in sources
        for key in re.findall(
            r"""\bt\(\s*["']([a-z_]+\.[a-z_.0-9]+)["']\s*[,)]""", source.read_text(encoding="utf-8")
        )
    }
    assert len(asked) > 60
    assert asked <= set(words.table())


@pytest.mark.parametrize(
    "key",
    [
        *(f"outcome.{outcome}" for outcome in Outcome),
        *(f"direction.{direction}" for direction in Direction),
        *(f"segment.{kind}" for kind in SegmentKind),
        *(f"transfer.{kind}" for kind in TransferKind),
        *(f"cause.{cause}" for cause in CAUSES),
        *(f"source.{source}" for source in ("cel", "cdr")),
        *(f"customer_by.{way}" for way in ("key", "number")),
        *(f"progress.{kind}" for kind in SegmentKind),
        *(f"state.{state}" for state in LinkState),
        *(f"status.{overall}{lead}" for overall in ("ready", "look", "not_ready") for lead in ("", "_lead")),
        *(f"problem.{status}{lead}" for status in ("403", "404", "4xx", "500", "503") for lead in ("", "_lead")),
    ],
)
def test_every_word_a_value_leads_to_is_there(key: str) -> None:
    assert words.known(key)


def test_values_are_put_in_as_they_are() -> None:
    assert words.word(Language.EN, "call.title", who="{who} {x}") == "Call from {who} {x}"


def test_an_unknown_word_or_a_missing_value_is_an_error() -> None:
    with pytest.raises(KeyError):
        words.word(Language.EN, "no.such")
    with pytest.raises(KeyError):
        words.word(Language.EN, "call.title")


def test_counted_and_named_words() -> None:
    assert words.counted(Language.EN, "calls.news", 1, "1") == "1 new call"
    assert words.counted(Language.EN, "calls.news", 3, "3") == "3 new calls"
    assert words.named(Language.FA, "queue", "support") == "پشتیبانی"
    assert words.named(Language.FA, "queue", "billing") == "billing"
