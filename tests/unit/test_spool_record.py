"""The splitter: complete records and their places, however the bytes arrive."""

from __future__ import annotations

from captured import CAPTURES, SCENARIOS
from hypothesis import given, settings
from hypothesis import strategies as st

from pbx_bridge.spool.record import Splitter, split_cel, split_lines

ROW = b'"CHAN_START","1795294697.016173","","name"\n'


def all_at_once(split: Splitter, data: bytes) -> list[tuple[int, bytes]]:
    return [(record.offset, record.data) for record in split(data, 10_000).records]


def as_it_grows(split: Splitter, data: bytes, cuts: list[int], limit: int) -> list[tuple[int, bytes]]:
    """As the reader does it: from the end of the last complete record, each time with more bytes there."""
    found: list[tuple[int, bytes]] = []
    base = 0
    for cut in [*sorted(cuts), len(data)]:
        while base < cut and (got := split(data[base:cut], limit)).taken:
            found += [(base + record.offset, record.data) for record in got.records]
            base += got.taken
    return found


_CEL = st.lists(
    st.sampled_from([ROW, b'"A","1.2","a\nb ""q"" ","x"\n', b'"TORN","17', b"\n", b'"', b"junk\n", b'"B","3.4",\n']),
    max_size=12,
).map(b"".join)


@settings(max_examples=300)
@given(_CEL, st.lists(st.integers(0, 400), max_size=6), st.integers(1, 5))
def test_any_chunking_gives_the_same_cel_records(data: bytes, cuts: list[int], limit: int) -> None:
    cuts = [min(cut, len(data)) for cut in cuts]
    assert as_it_grows(split_cel, data, cuts, limit) == all_at_once(split_cel, data)


@given(st.binary(max_size=80), st.lists(st.integers(0, 80), max_size=6), st.integers(1, 5))
def test_any_chunking_gives_the_same_lines(data: bytes, cuts: list[int], limit: int) -> None:
    cuts = [min(cut, len(data)) for cut in cuts]
    assert as_it_grows(split_lines, data, cuts, limit) == all_at_once(split_lines, data)


def test_captures_split_into_their_rows() -> None:
    for scenario in SCENARIOS:
        data = (CAPTURES / scenario / "cel.csv").read_bytes()
        found = split_cel(data, 10_000)
        assert found.taken == len(data)
        assert [record.data for record in found.records] == data.splitlines()
        assert all(data[r.offset :].startswith(r.data + b"\n") for r in found.records)


def test_a_half_written_record_is_left_for_later() -> None:
    found = split_cel(ROW + ROW[:-1], 10)
    assert (len(found.records), found.taken) == (1, len(ROW))
    assert split_cel(b'"A","1.2","line\nbreak', 10).taken == 0


def test_a_line_break_in_quotes_ends_nothing() -> None:
    data = b'"A","1.2","a\nb","c"\n'
    assert all_at_once(split_cel, data + ROW) == [(0, data[:-1]), (len(data), ROW[:-1])]


def test_a_torn_row_spoils_only_itself_and_what_stands_in_its_line() -> None:
    torn = b'"CHAN_START","17952' + ROW
    assert all_at_once(split_cel, torn + ROW + ROW) == [
        (0, torn[:-1]),
        (len(torn), ROW[:-1]),
        (len(torn) + len(ROW), ROW[:-1]),
    ]


def test_a_callers_name_cannot_begin_a_row() -> None:
    forged = b'"A","1.2","x\n""CHAN_START"",""1.2"",y","z"\n'
    assert all_at_once(split_cel, forged) == [(0, forged[:-1])]


def test_bytes_that_are_no_utf8_are_kept_readable() -> None:
    (record,) = split_lines(b"1|\xff\xd8\xb3|x\n", 10).records
    assert record.text == "1|\\xffس|x"
