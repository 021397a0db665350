"""PINs: what is kept tells nothing, and only the right one matches."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pbx_bridge.values import pin

PINS = st.text("0123456789", min_size=pin.SHORTEST, max_size=pin.LONGEST)


@settings(max_examples=20, deadline=None)
@given(PINS, PINS)
def test_only_the_same_pin_matches(one: str, other: str) -> None:
    kept = pin.hashed(one)
    assert pin.matches(one, kept)
    assert pin.matches(other, kept) == (one == other)


def test_the_same_pin_is_kept_differently_each_time() -> None:
    assert pin.hashed("1234") != pin.hashed("1234")


@pytest.mark.parametrize("tried", ["", "0", "1234", "00000000"])
def test_nobody_has_no_pin(tried: str) -> None:
    assert not pin.matches(tried, "")


@pytest.mark.parametrize("text", ["", "123", "123456789", "12a4", "۱۲۳۴", "12 4"])
def test_what_is_no_pin_is_refused_without_naming_it(text: str) -> None:
    with pytest.raises(ValueError, match="4 to 8 digits") as refused:
        pin.hashed(text)
    assert not text or text not in str(refused.value).replace("4 to 8", "")
