"""The code of templates: to compile them all takes most of a second, so it is done once.

Kept for every site of this process and, where that can be written, beside Python's own compiled files for the next.
"""

from __future__ import annotations

import hashlib
import sys
from contextlib import suppress
from pathlib import Path
from types import CodeType

import jinja2
from jinja2.bccache import Bucket

_FOLDER = Path(__file__).with_name("__pycache__")


class Compiled(jinja2.FileSystemBytecodeCache):
    """See jinja2.

    Args:
        settled: all that decides besides a template's text what becomes of it.
        kind: parts those that become something else of the same templates.
    """

    def __init__(self, settled: bytes, folder: Path = _FOLDER, kind: str = "plain") -> None:
        super().__init__(str(folder), f"template-{kind}-%s.cache")
        self._settled = hashlib.sha256(jinja2.__version__.encode() + settled).hexdigest()
        self._folder = folder
        self._kept: dict[str, tuple[str, CodeType]] = {}

    def get_source_checksum(self, source: str) -> str:
        """Of a template's text and what is settled: what is out of date is written over, not left lying beside."""
        return super().get_source_checksum(f"{self._settled}\n{source}")

    def load_bytecode(self, bucket: Bucket) -> None:
        """Give what was compiled of the same text."""
        checksum, code = self._kept.get(bucket.key, ("", None))
        if checksum == bucket.checksum:
            bucket.code = code
            return
        with suppress(OSError, ValueError, EOFError, TypeError):  # half a file, or nobody's that we know
            super().load_bytecode(bucket)
        self._keep(bucket)

    def dump_bytecode(self, bucket: Bucket) -> None:
        """Keep what was compiled."""
        self._keep(bucket)
        if sys.dont_write_bytecode:
            return
        with suppress(OSError):  # installed where we may not write: then each start compiles anew
            self._folder.mkdir(exist_ok=True)
            super().dump_bytecode(bucket)

    def _keep(self, bucket: Bucket) -> None:
        if bucket.code is not None:
            self._kept[bucket.key] = (bucket.checksum, bucket.code)
