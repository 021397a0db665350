"""The script as a voice actor gets it: a table that Excel opens, and a page to print.

The page asks nothing of the network. Signs that turn the direction of writing are dropped from both: a text of a
prompt file must not change what the rest of the page seems to say.
"""

from __future__ import annotations

import csv
import unicodedata
from collections.abc import Mapping, Sequence
from io import StringIO
from pathlib import Path

from jinja2 import Environment

from pbx_bridge.errors import PromptError
from pbx_bridge.ivr.sounds.audio import write_whole
from pbx_bridge.ivr.sounds.script import Line
from pbx_bridge.values import digits

_BOM = "\ufeff"  # without it Excel takes Persian for Latin letters
_FORMULA = ("=", "+", "-", "@", "\uff1d", "\uff0b", "\uff0d", "\uff20")
_JOINERS = "\u200c\u200d"  # part of how Persian words are written

_HEADS: Mapping[str, Mapping[str, str]] = {
    "en": {
        "title": "Recording script",
        "file": "File",
        "language": "Language",
        "text": "Text",
        "words": "To be spoken",
        "note": "Note",
        "lines": "recordings",
        "how": "One file for each line, named as it stands here, as wav, mp3 or m4a. Speak evenly, keep the same"
        " distance from the microphone, and leave about a second of silence before and after.",
    },
    "fa": {
        "title": "متن ضبط صدا",
        "file": "نام فایل",
        "language": "زبان",
        "text": "متن",
        "words": "آنچه خوانده می‌شود",
        "note": "یادداشت",
        "lines": "ضبط",
        "how": "برای هر سطر یک فایل با همین نام، به شکل wav یا mp3 یا m4a. یکنواخت بخوانید، فاصله از میکروفون را ثابت"
        " نگه دارید و پیش و پس از هر متن نزدیک یک ثانیه سکوت بگذارید.",
    },
}

_PAGE = Environment(autoescape=True, trim_blocks=True, lstrip_blocks=True).from_string("""\
<!doctype html>
<html lang="{{ language }}" dir="{{ 'rtl' if rtl else 'ltr' }}">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>{{ heads.title }} ({{ language }})</title>
<style>
  @page { size: A4; margin: 15mm; }
  body { font: 20pt/1.7 Vazirmatn, "Noto Naskh Arabic", Tahoma, Arial, sans-serif; margin: 0 auto; max-width: 60rem; }
  @media screen { body { padding: 1rem; } }
  h1 { font-size: 26pt; margin: 0; }
  p { font-size: 14pt; }
  section { break-inside: avoid; border-top: 1px solid #888; padding: .4rem 0; display: flex; gap: 1rem; }
  .clips { break-before: page; }
  .tick { flex: none; width: 1.1rem; height: 1.1rem; border: 2px solid #000; margin-top: .6rem; }
  .file { font: 11pt/1.4 monospace; display: block; }
  .note, .text { font-size: 12pt; color: #333; display: block; }
</style>
</head>
<body>
<h1>{{ heads.title }}</h1>
<p>{{ count }} {{ heads.lines }}. {{ heads.how }}</p>
{% for row in rows %}
<section{% if loop.index0 == wholes and wholes %} class="clips"{% endif %}>
<span class="tick" role="img" aria-label="☐"></span>
<div>
<span class="file"><bdi dir="ltr">{{ row.file }}</bdi></span>
<bdi>{{ row.words }}</bdi>
{% if row.text != row.words %}
<bdi class="text">{{ row.text }}</bdi>
{% endif %}
<span class="note">{{ row.note }}</span>
</div>
</section>
{% endfor %}
</body>
</html>
""")


def as_csv(lines: Sequence[Line], language: str) -> bytes:
    """The script as UTF-8 with a byte order mark; no cell is a formula to a spreadsheet."""
    told = StringIO(newline="")
    rows = csv.writer(told)
    heads = _heads(language)
    rows.writerow([heads[name] for name in ("file", "language", "text", "words", "note")])
    for line in lines:
        rows.writerow([_guarded(cell) for cell in _cells(line).values()])
    return (_BOM + told.getvalue()).encode()


def as_html(lines: Sequence[Line], language: str) -> bytes:
    """The script as a page to print, from right to left for Persian."""
    rows = [_cells(line) for line in lines]
    count = str(len(lines)) if language != "fa" else digits.to_persian(str(len(lines)))
    wholes = sum(line.name == line.stored for line in lines)
    page = _PAGE.render(
        language=language, rtl=language in {"fa", "ar"}, heads=_heads(language), rows=rows, count=count, wholes=wholes
    )
    return page.encode()


def write_script(lines: Sequence[Line], language: str, folder: Path) -> tuple[Path, Path]:
    """Write both as `folder/script-LANGUAGE.csv` and `.html`. Raises PromptError if they cannot be written."""
    table, page = folder / f"script-{language}.csv", folder / f"script-{language}.html"
    try:
        write_whole(table, as_csv(lines, language))
        write_whole(page, as_html(lines, language))
    except OSError as error:
        raise PromptError(f"cannot be written: {error.strerror}", path=error.filename or folder) from error
    return table, page


def _heads(language: str) -> Mapping[str, str]:
    return _HEADS.get(language, _HEADS["en"])


def _cells(line: Line) -> dict[str, str]:
    told = {"file": f"{line.name}.wav", "language": line.language, "text": line.text, "words": line.words}
    return {name: _plain(cell) for name, cell in (told | {"note": line.note}).items()}


def _plain(text: str) -> str:
    """Without signs that are not seen, such as those that turn the direction."""
    return "".join(
        letter for letter in text if letter in _JOINERS or unicodedata.category(letter) not in {"Cf", "Cc"}
    )


def _guarded(cell: str) -> str:
    """A spreadsheet runs what begins like a formula; after an apostrophe it does not."""
    return f"'{cell}" if cell.lstrip().startswith(_FORMULA) else cell
