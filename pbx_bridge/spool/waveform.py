"""How loud a WAV is from its beginning to its end, to be drawn: as Asterisk writes them, and never an error.

PCM of 16 bits, A-law and µ-law, one channel or two. A damaged, foreign or hostile file has no waveform; one whose
header was never finished has that of the sound that is there. Read once in a thread, a piece at a time.
"""

from __future__ import annotations

import asyncio
import os
import struct
import sys
from array import array
from collections import OrderedDict
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import BinaryIO

BARS = 400  # at most; as many as a screen has room for
_LOOKED_AT = 2000  # samples of a bar that are looked at, spread evenly: enough to meet a voice's peaks
_MOST_CHUNKS = 64  # in a header, before the sound
_PCM, _A_LAW, _MU_LAW = 1, 6, 7
_EXTENSIBLE = 0xFFFE
_LARGEST = 1 << 30  # bytes: 18 hours
_KEPT = 512  # waveforms remembered, of 800 bytes at most
_HEADER = struct.Struct("<HHIIHH")


@dataclass(frozen=True, slots=True, kw_only=True)
class Waveform:
    """The loudest of each stretch, 0 to 255: one row for each channel, all equally long and not empty."""

    channels: tuple[bytes, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Form:
    code: int
    channels: int
    frame: int  # bytes: one sample of each channel


Open = Callable[[], BinaryIO]
"""Opens a file. Raises OSError."""


def read_waveform(opened: Open) -> Waveform | None:
    """The waveform of a file; None if it cannot be opened, or is no such WAV. Blocking."""
    with suppress(OSError), opened() as file:
        size = file.seek(0, os.SEEK_END)
        file.seek(0)
        return measure(file, size)
    return None


def measure(file: BinaryIO, size: int) -> Waveform | None:
    """The waveform of an open file of `size` bytes. Raises OSError."""
    found = _find_sound(file) if size <= _LARGEST else None
    if found is None:
        return None
    form, told = found
    room = size - file.tell()
    # An unfinished header tells of nothing, or of more than is there.
    frames = (min(told, room) if told else room) // form.frame
    if frames <= 0:
        return None
    bars = min(BARS, frames)
    rows: list[bytearray] = [bytearray() for _ in range(form.channels)]
    done = 0
    for bar in range(bars):
        until = (bar + 1) * frames // bars
        piece = file.read((until - done) * form.frame)
        done = until
        if len(piece) < form.frame:  # it has become shorter since
            break
        for channel, row in enumerate(rows):
            row.append(_loudest(piece[: len(piece) // form.frame * form.frame], form, channel))
    return Waveform(channels=tuple(map(bytes, rows))) if rows[0] else None


def _find_sound(file: BinaryIO) -> tuple[_Form, int] | None:
    """The form of the sound and the bytes its header tells of; the file then stands at its beginning."""
    head = file.read(12)
    if head[:4] != b"RIFF" or head[8:] != b"WAVE":
        return None
    form: _Form | None = None
    for _ in range(_MOST_CHUNKS):
        name, length = file.read(4), file.read(4)
        if len(length) < 4:
            return None
        told = int.from_bytes(length, "little")
        if name == b"data":
            return (form, told) if form else None
        if name == b"fmt ":
            form = _form(file.read(min(told, 40)))
            told = max(0, told - 40)
        file.seek(told + told % 2, os.SEEK_CUR)
    return None


def _form(text: bytes) -> _Form | None:
    if len(text) < _HEADER.size:
        return None
    code, channels, _, _, _, bits = _HEADER.unpack_from(text)
    if code == _EXTENSIBLE and len(text) >= 26:
        code = int.from_bytes(text[24:26], "little")
    wanted = {_PCM: 16, _A_LAW: 8, _MU_LAW: 8}.get(code)
    if bits != wanted or channels not in (1, 2):
        return None
    return _Form(code=code, channels=channels, frame=channels * bits // 8)


def _loudest(piece: bytes, form: _Form, channel: int) -> int:
    step = max(1, len(piece) // form.frame // _LOOKED_AT) * form.channels
    if form.code != _PCM:
        levels = _A_LAW_LEVELS if form.code == _A_LAW else _MU_LAW_LEVELS
        return max(piece[channel::step].translate(levels))
    samples = array("h", piece)
    if sys.byteorder == "big":
        samples.byteswap()
    looked_at = samples[channel::step]
    return min(255, max(max(looked_at), -min(looked_at)) >> 7)


def _levels(loudness: Callable[[int], int]) -> bytes:
    return bytes(min(255, loudness(code) >> 7) for code in range(256))


def _a_law(code: int) -> int:
    """The sample's size, 0 to 32767 (ITU-T G.711)."""
    code ^= 0x55
    size, power = (code & 0x0F) << 4 | 8, code >> 4 & 7
    return size if power == 0 else (size | 0x100) << power - 1


def _mu_law(code: int) -> int:
    code ^= 0xFF
    return (((code & 0x0F) << 3 | 0x84) << (code >> 4 & 7)) - 0x84


_A_LAW_LEVELS, _MU_LAW_LEVELS = _levels(_a_law), _levels(_mu_law)


class Waveforms:
    """The waveforms of files, remembered by checksum; measured one at a time, for callers come first."""

    def __init__(self, read: Callable[[Open], Waveform | None] = read_waveform) -> None:
        self._read = read
        self._kept: OrderedDict[str, Waveform] = OrderedDict()
        self._turn = asyncio.Lock()

    async def of(self, opened: Open, checksum: str) -> Waveform | None:
        """The waveform of the file that has this checksum; None: it has none."""
        async with self._turn:
            found = self._kept.pop(checksum, None) or await asyncio.to_thread(self._read, opened)
            if found is not None:  # a file that was away may come back
                self._kept[checksum] = found
                if len(self._kept) > _KEPT:
                    self._kept.popitem(last=False)
            return found
