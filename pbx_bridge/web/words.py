"""The words of the pages in Persian and English, and how a sentence is made of them. Pure.

`texts/` holds a file a page set, with one entry a key: its Persian and its English text. `{name}` stands for a
value. A key with `_one` and `_many` forms is chosen by count.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path

import yaml

from pbx_bridge.values.hostile import clean
from pbx_bridge.web.show import Language

_FOLDER = Path(__file__).with_name("texts")
_LOADER: type = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # libyaml's, where it is there: ten times as fast
_PLACE = re.compile(r"\{(\w+)\}")


@cache
def table() -> Mapping[str, Mapping[Language, str]]:
    """Every key with its text in each language; read once."""
    told: dict[str, Mapping[Language, str]] = {}
    for path in sorted(_FOLDER.glob("*.yaml")):
        entries = yaml.load(path.read_bytes(), Loader=_LOADER)  # noqa: S506 - a safe loader, ours to read
        for key, texts in entries.items():
            if key in told:
                raise KeyError(f"{path.name}: {key} is in another file, too")
            told[key] = {language: texts[language.value] for language in Language}
    return told


def word(language: Language, key: str, /, **values: object) -> str:
    """The text of a key with its values put in. Raises KeyError for a key or value that is not there."""
    text = table()[key][language]
    # Not str.format: a value is inserted as it is and never looked at again.
    return _PLACE.sub(lambda match: str(values[match[1]]), text) if "{" in text else text


def counted(language: Language, key: str, count: int, shown: str) -> str:
    """The `_one` or `_many` form of a key, `{n}` being the count as shown."""
    return word(language, f"{key}_one" if count == 1 else f"{key}_many", n=shown)


def known(key: str) -> bool:
    """Whether the table has this key."""
    return key in table()


def named(language: Language, prefix: str, name: str) -> str:
    """The word for a name from outside (a queue, a reason), or the name itself, cleaned."""
    texts = table().get(f"{prefix}.{name}")
    return texts[language] if texts is not None else clean(name, 80)
