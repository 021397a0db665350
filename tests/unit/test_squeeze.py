"""Squeezed bytes come out as they went in; what is damaged is refused; and no dictionary ever changes."""

from __future__ import annotations

import hashlib
import zlib
from contextlib import suppress
from importlib.resources import files

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pbx_bridge.store.squeeze import CALL, FACTS, Damaged, squeeze, unsqueeze

# Changing one of these would make every store unreadable: add another dictionary instead.
DIGESTS = {1: "26d8aba7bd3f2c0a", 2: "5cea9dadc6e0379a", FACTS: "a2612ee9b26f7013", CALL: "8c882721a8a34398"}


@given(st.binary(max_size=3000), st.sampled_from(sorted(DIGESTS)))
def test_there_and_back(data: bytes, dictionary: int) -> None:
    assert unsqueeze(squeeze(data, dictionary)) == data


@pytest.mark.parametrize("dictionary", sorted(DIGESTS))
def test_a_dictionary_is_what_it_was(dictionary: int) -> None:
    held = files("pbx_bridge.store").joinpath(f"squeeze_{dictionary}.dict").read_bytes()
    assert hashlib.blake2b(held, digest_size=8).hexdigest() == DIGESTS[dictionary]


@given(st.binary(max_size=3000), st.sampled_from([FACTS, CALL]))
def test_the_bytes_are_those_of_a_packer_of_its_own(data: bytes, dictionary: int) -> None:
    known = files("pbx_bridge.store").joinpath(f"squeeze_{dictionary}.dict").read_bytes()
    packer = zlib.compressobj(7, zlib.DEFLATED, -15, 8, zlib.Z_DEFAULT_STRATEGY, known)
    assert squeeze(data, dictionary) == bytes((dictionary,)) + packer.compress(data) + packer.flush()


@given(st.binary(max_size=200))
def test_what_is_no_squeezed_text_is_refused_or_read(data: bytes) -> None:
    with suppress(Damaged):
        assert isinstance(unsqueeze(data), bytes)


@given(st.binary(min_size=1, max_size=300), st.data())
def test_a_torn_end_is_refused(data: bytes, draw: st.DataObject) -> None:
    whole = squeeze(data, FACTS)
    torn = whole[: draw.draw(st.integers(0, len(whole) - 1))]
    with pytest.raises(Damaged):
        unsqueeze(torn)
