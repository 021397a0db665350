"""Bytes made small: raw deflate with a dictionary of what calls are full of. The first byte names the dictionary.

A dictionary is a file that never changes: what was squeezed with it could not be read without it. Each holds the
shipped prompts' texts and some made-up calls, packed (1, 3) or as JSON (2, 4). A better one gets the next number.
"""

from __future__ import annotations

import zlib
from importlib.resources import files

FACTS, CALL = 3, 4  # what is squeezed now; the first two were made before callers were asked and promised so much

_LEVEL, _WINDOW, _MEMORY = 7, -15, 8  # level 8 would take twice the time, for two parts in a hundred
_DICTIONARIES = {
    number: files("pbx_bridge.store").joinpath(f"squeeze_{number}.dict").read_bytes()
    for number in (1, 2, FACTS, CALL)
}
_MOST = 64 * 1024 * 1024  # what damaged bytes may at most claim to hold
# Made once and copied: a copy costs half of what learning the dictionary does. The bytes are the same.
_PACKERS = {
    number: zlib.compressobj(_LEVEL, zlib.DEFLATED, _WINDOW, _MEMORY, zlib.Z_DEFAULT_STRATEGY, known)
    for number, known in _DICTIONARIES.items()
}
_READERS = {number: zlib.decompressobj(_WINDOW, known) for number, known in _DICTIONARIES.items()}


class Damaged(ValueError):
    """Squeezed bytes that cannot be read."""


def squeeze(data: bytes, dictionary: int) -> bytes:
    """The same, smaller."""
    packer = _PACKERS[dictionary].copy()
    return bytes((dictionary,)) + packer.compress(data) + packer.flush()


def unsqueeze(data: bytes) -> bytes:
    """What was squeezed. Raises Damaged."""
    fresh = _READERS.get(data[0] if data else 0)
    if fresh is None:
        raise Damaged("it begins with no dictionary's number that is known here")
    reader = fresh.copy()
    try:
        whole = reader.decompress(memoryview(data)[1:], _MOST)
    except zlib.error as error:
        raise Damaged(str(error)) from error
    if not reader.eof or reader.unused_data:
        raise Damaged("its end is not where it should be")
    return whole
