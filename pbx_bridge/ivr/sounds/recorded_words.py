"""For which words a recording was made: a prompt's text may change after its recording, and the file cannot tell.

Kept beside the recordings, in `FOLDER/words.json`, by `prompts import`. A file that was put there by hand has no
line, and one that was replaced by hand no longer fits its line: nothing is said of either.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import msgspec

from pbx_bridge.errors import PromptError
from pbx_bridge.ivr.sounds.audio import write_whole

WORDS = "words.json"


class Made(msgspec.Struct, frozen=True, kw_only=True):
    """The `phrase_id` of the words, and the start of the SHA-256 of the file they were recorded in."""

    words: str
    content: str


def read_made(folder: Path) -> Mapping[str, Made]:
    """What is known of a folder's recordings, by `<language>/<name>`. Raises PromptError."""
    path = folder / WORDS
    try:
        return msgspec.json.decode(path.read_bytes(), type=dict[str, Made])
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, RecursionError) as error:
        raise PromptError(f"cannot be read: {error}; remove it", path=path) from None


def add_made(folder: Path, made: Mapping[str, Made]) -> None:
    """Note more of them. Raises PromptError, OSError."""
    known = dict(sorted((dict(read_made(folder)) | dict(made)).items()))
    write_whole(folder / WORDS, msgspec.json.format(msgspec.json.encode(known)) + b"\n")
