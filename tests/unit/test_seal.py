"""Sealed sounds: every part is as it was, and nothing that was cut, changed, moved or renamed is taken for it."""

from __future__ import annotations

import io
import os
import random
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pbx_bridge.spool.plain_files import NotOurs
from pbx_bridge.spool.seal import (
    CHUNK,
    Sealer,
    SoundDamaged,
    SoundKey,
    SoundLocked,
    key_of,
    open_sealed,
    sealed_size,
    sound_size,
)

HEAD, PIECE = 56, CHUNK + 16
KEY, OTHER = SoundKey(b"k" * 32), SoundKey(b"o" * 32)
NAME = "pbx1_1.1.wav"

edges = [edge + near for edge in (0, CHUNK, 2 * CHUNK) for near in (-17, -16, -1, 0, 1, 16, 17) if edge + near >= 0]
sizes = st.one_of(st.sampled_from(edges), st.integers(0, 3 * CHUNK))


def sound(size: int, seed: int = 1) -> bytes:
    return random.Random(seed).randbytes(size)


def sealed(content: bytes, key: SoundKey = KEY, name: str = NAME, step: int = 40_000) -> bytes:
    out = io.BytesIO()
    sealer = Sealer(out, len(content), key=key, name=name)
    for place in range(0, len(content), step):
        sealer.write(content[place : place + step])
    sealer.finish()
    return out.getvalue()


def keys(key_id: str) -> SoundKey:
    for key in (KEY, OTHER):
        if key.id == key_id:
            return key
    raise SoundLocked(key_id)


@contextmanager
def file_of(content: bytes) -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder) / f"{NAME}.enc"
        place.write_bytes(content)
        yield place


def opened(content: bytes, name: str = NAME) -> bytes:
    with file_of(content) as place, open_sealed(place, name, keys) as file:
        return file.read()


@given(sizes, st.integers(1, 100_000))
@settings(max_examples=50)
def test_it_comes_out_as_it_went_in_whatever_the_pieces(size: int, step: int) -> None:
    content = sound(size)
    text = sealed(content, step=step)
    assert opened(text) == content
    assert (len(text), sound_size(len(text))) == (sealed_size(size), size)


@given(sizes, st.lists(st.tuples(st.integers(-10, 4 * CHUNK), st.sampled_from([0, 1, 2]), st.integers(0, 2 * CHUNK))))
@settings(max_examples=50)
def test_every_part_is_that_of_the_plain_sound(size: int, moves: list[tuple[int, int, int]]) -> None:
    content = sound(size)
    plain = io.BytesIO(content)
    with file_of(sealed(content)) as place, open_sealed(place, NAME, keys) as file:
        for offset, whence, count in moves:
            if whence == os.SEEK_SET and offset < 0:
                continue
            assert file.seek(offset, whence) == plain.seek(offset, whence)
            assert file.read(count) == plain.read(count)


@given(sizes, st.data())
@settings(max_examples=80)
def test_a_bit_that_was_turned_is_noticed(size: int, data: st.DataObject) -> None:
    text = bytearray(sealed(sound(size)))
    place = data.draw(st.one_of(st.integers(0, HEAD - 1), st.integers(0, len(text) - 1)))
    text[place] ^= 1 << data.draw(st.integers(0, 7))
    with pytest.raises((SoundDamaged, SoundLocked)):
        opened(bytes(text))


@given(sizes, st.integers(0, 3 * CHUNK), st.binary(min_size=1, max_size=40), st.booleans())
@settings(max_examples=80)
def test_what_was_cut_or_lengthened_does_not_open_at_all(size: int, cut: int, more: bytes, whole: bool) -> None:
    text = sealed(sound(size))
    shorter = text[: -min(cut * PIECE if whole else cut, len(text)) or -1]
    for wrong in (shorter, text + more, text + text[HEAD : HEAD + PIECE], text[:HEAD]):
        with file_of(wrong) as place, pytest.raises(SoundDamaged):
            open_sealed(place, NAME, keys).close()


def swapped(text: bytes) -> bytes:
    one, two = text[HEAD : HEAD + PIECE], text[HEAD + PIECE : HEAD + 2 * PIECE]
    return text[:HEAD] + two + one + text[HEAD + 2 * PIECE :]


def told_shorter(text: bytes) -> bytes:
    """The last whole chunk cut off, and the head made to fit."""
    return text[: HEAD - 8] + (2 * CHUNK).to_bytes(8, "big") + text[HEAD : HEAD + 2 * PIECE]


def with_one_of_another(text: bytes) -> bytes:
    other = sealed(sound(3 * CHUNK, seed=2))
    return text[: HEAD + PIECE] + other[HEAD + PIECE : HEAD + 2 * PIECE] + text[HEAD + 2 * PIECE :]


def with_the_head_of_another(text: bytes) -> bytes:
    return sealed(sound(3 * CHUNK, seed=2))[:HEAD] + text[HEAD:]


def as_if_by_another_key(text: bytes) -> bytes:
    return text[:8] + bytes.fromhex(OTHER.id) + text[16:]


@pytest.mark.parametrize(
    "change", [swapped, told_shorter, with_one_of_another, with_the_head_of_another, as_if_by_another_key]
)
def test_chunks_and_heads_belong_to_their_file_and_place(change: Callable[[bytes], bytes]) -> None:
    text = sealed(sound(3 * CHUNK))
    assert len(change(text)) in (len(text), len(text) - PIECE)
    with pytest.raises(SoundDamaged):
        opened(change(text))


def test_under_another_name_and_without_its_key_it_does_not_open() -> None:
    text = sealed(sound(100))
    with pytest.raises(SoundDamaged, match="own name"):
        opened(text, "pbx1_1.2.wav")
    with pytest.raises(SoundLocked):
        opened(sealed(sound(100), key=SoundKey(b"x" * 32)))


def test_nothing_of_the_sound_shows_and_no_two_are_alike() -> None:
    content = b"RIFF" + b"\x00" * CHUNK
    one, two = sealed(content), sealed(content)
    assert b"RIFF" not in one
    assert b"\x00" * 16 not in one
    assert one[16:48] != two[16:48]
    assert one[HEAD:] != two[HEAD:]
    assert KEY.secret not in one
    assert "kkkk" not in repr(KEY)


@pytest.mark.parametrize("told", [99, 101])
def test_a_sound_that_is_not_as_long_as_was_said_is_not_finished(told: int) -> None:
    sealer = Sealer(io.BytesIO(), told, key=KEY, name=NAME)
    sealer.write(sound(100))
    with pytest.raises(SoundDamaged):
        sealer.finish()


def test_a_file_tells_its_key_and_what_is_no_such_file_is_refused(tmp_path: Path) -> None:
    with file_of(sealed(sound(5), key=OTHER)) as place:
        assert key_of(place) == OTHER.id
    (tmp_path / "link").symlink_to(place)
    for wrong, error in ((tmp_path / "link", OSError), (tmp_path, NotOurs)):
        with pytest.raises(error):
            open_sealed(wrong, NAME, keys)
    for noise in (b"", b"RIFF" * 20, sealed(b"")[:8], b"PBXBSND\x02" + sealed(b"")[8:]):
        with file_of(noise) as place, pytest.raises(SoundDamaged, match="no sealed sound"):
            key_of(place)


@given(st.integers(-5, 4 * CHUNK))
def test_no_size_is_taken_for_that_of_another_sound(size: int) -> None:
    found = sound_size(size)
    assert found == -1 or sealed_size(found) == size
