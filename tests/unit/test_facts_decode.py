"""Decoding: what each source's text says, and that nothing but Undecodable ever comes of a bad one."""

from __future__ import annotations

import csv
from contextlib import suppress
from datetime import UTC, datetime, timedelta, timezone

import pytest
from captured import SCENARIOS, raw_facts
from hypothesis import assume, example, given
from hypothesis import strategies as st

from pbx_bridge.calls.fact_text import Undecodable, cel_fact, decode, queue_fact, step_fact
from pbx_bridge.calls.facts import Boot, CelRow, FactKind, QueueEvent, RawFact, Step, StepKind

T0 = datetime(2026, 11, 21, 20, 0, tzinfo=UTC)


def row(*, name: str = "Caller 1", extra: str = "", at: str = "1795294697.016173") -> str:
    """A CEL record as Asterisk quotes it."""
    values = ["CHAN_START", at, "", name, "0912", "", "", "", "100", "from-trunk", "PJSIP/trunk-0", "", "", "", "u.0"]
    values += ["l.0", "", "", extra]
    return ",".join('"' + value.replace('"', '""') + '"' for value in values)


def read(body: str) -> CelRow:
    fact = decode(cel_fact(node="n", file="cel:x", offset=7, body=body))
    assert isinstance(fact, CelRow)
    return fact


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_every_captured_row_decodes(scenario: str) -> None:
    assert all(isinstance(decode(raw), CelRow | QueueEvent) for raw in raw_facts(scenario))


def test_a_cel_row() -> None:
    raw = cel_fact(node="n", file="cel:x", offset=7, body=row(extra='{"hangupcause":16}'))
    fact = read(raw.body)
    assert (raw.channel, raw.linkedid, raw.offset) == ("u.0", "l.0", 7)
    assert fact.at == raw.at == datetime(2026, 11, 21, 20, 58, 17, 16173, tzinfo=UTC)
    assert (fact.event, fact.exten, fact.channel_name, fact.extra) == (
        "CHAN_START",
        "100",
        "PJSIP/trunk-0",
        {"hangupcause": 16},
    )


@pytest.mark.parametrize(
    "name", ['he said \\"hi\\"', "a,b\nc", '"', "سارا", "\\", "x\r\ny", "\x1c\u2028", "=cmd|' /C calc'!A0", "\x00"]
)
def test_a_callers_name_comes_through_as_it_was(name: str) -> None:
    assert read(row(name=name)).name == name


@given(
    st.lists(st.text('a",\n\r \\\0', max_size=4), min_size=18, max_size=20),
    st.sets(st.integers(0, 20)),
    st.integers(0, 60),
    st.sampled_from(["", '"', ",", '""', '","']),
)
def test_columns_are_what_a_csv_reader_finds(fields: list[str], plain: set[int], cut: int, put: str) -> None:
    """Of rows with marks anywhere, of too many or too few columns, and of spoilt ones."""
    told = ["" if number in plain else field for number, field in enumerate(fields)]
    told[1] = "1.5"
    body = ",".join('"' + field.replace('"', '""') + '"' for field in told)
    body = body[:cut] + put + body[cut:]
    try:
        found = list(csv.reader([body], strict=True))
    except csv.Error:
        found = []
    if len(found) == 1 and len(found[0]) == 19:
        assume(found[0][1] == "1.5")  # a mark put into the time may leave another time, or none
        fact = read(body)
        heard = [fact.event, fact.user_type, fact.name, fact.num, fact.ani, fact.rdnis, fact.dnid, fact.exten]
        heard += [fact.context, fact.channel_name, fact.app, fact.app_data, fact.account, fact.uniqueid]
        assert [*heard, fact.linkedid, fact.peer, fact.user_field] == [found[0][0], *found[0][2:18]]
        assert not found[0][18] or fact.extra == {"unreadable": found[0][18]}
    else:
        with pytest.raises(Undecodable):
            read(body)


@pytest.mark.parametrize("extra", ["{", "[" * 5000, '{"a":NaN}', "\\ud800"])
def test_extra_that_is_no_json_spoils_only_itself(extra: str) -> None:
    assert read(row(extra=extra)).extra == {"unreadable": extra}


def test_extra_that_is_no_object_has_a_name() -> None:
    assert read(row(extra="[1]")).extra == {"value": [1]}


@pytest.mark.parametrize(
    "body",
    [
        "",
        "a,b",
        row()[:-1],  # torn
        row() + "\n" + row(),
        row(at="yesterday"),
        row(at="²"),
        row(at="1.²"),
        row(at="-1"),
        row(at="9" * 30),
        row(at="9" * 5000),
        row(name="x" * 200_000),
        '"CHAN_ST' + row(),  # torn, and the next one on its line
    ],
)
def test_bad_cel_rows_are_refused_with_a_reason(body: str) -> None:
    with pytest.raises(Undecodable, match=r"\w"):
        cel_fact(node="n", file="cel:x", offset=0, body=body)


def test_queue_log_lines() -> None:
    raw = queue_fact(node="n", file="q", offset=3, body="1795293661|u.0|support|agent101|RINGCANCELED|6996")
    assert decode(raw) == QueueEvent(
        node="n",
        file="q",
        offset=3,
        at=datetime.fromtimestamp(1795293661, UTC),
        uniqueid="u.0",
        queue="support",
        agent="agent101",
        event="RINGCANCELED",
        args=("6996",),
    )
    start = queue_fact(node="n", file="q", offset=3, body="1795293661|NONE|NONE|NONE|QUEUESTART|")
    assert decode(start) == Boot(node="n", file="q", offset=3, at=raw.at)
    for bad in ("", "1|2|3|4", "x|2|3|4|5"):
        with pytest.raises(Undecodable):
            queue_fact(node="n", file="q", offset=3, body=bad)


def test_steps_go_there_and_back() -> None:
    data = {"flow": "support", "called": "100", "text": "سلام"}
    raw = step_fact(node="n", channel="u.0", sequence=4, at=T0, kind=StepKind.STARTED, flow_node="start", data=data)
    assert decode(raw) == Step(
        node="n",
        file="step:u.0",
        offset=4,
        at=T0,
        uniqueid="u.0",
        kind=StepKind.STARTED,
        flow_node="start",
        data=data,
    )


@pytest.mark.parametrize(
    "body",
    [
        "[]",
        "{",
        '{"kind":"said"}',
        '{"kind":"sung","flow_node":"a","data":{}}',
        '{"kind":"said","flow_node":1,"data":{}}',
        '{"kind":"said","flow_node":"a","data":[]}',
        '{"kind":["said"],"flow_node":"a","data":{}}',
        "[" * 5000,
    ],
)
def test_bad_steps_are_refused(body: str) -> None:
    with pytest.raises(Undecodable):
        decode(RawFact(node="n", file="f", offset=0, kind=FactKind.STEP, at=T0, channel="", body=body))


def test_a_facts_time_is_aware_utc() -> None:
    for at in (datetime(2026, 1, 1), datetime(2026, 1, 1, tzinfo=timezone(timedelta(hours=1)))):  # noqa: DTZ001
        with pytest.raises(ValueError, match="UTC"):
            RawFact(node="n", file="f", offset=0, kind=FactKind.CEL, at=at, channel="", body="")
    same = timezone(timedelta(0))
    RawFact(node="n", file="f", offset=0, kind=FactKind.CEL, at=T0.astimezone(same), channel="", body="")


@given(st.text(), st.sampled_from(FactKind))
@example("\ud800", FactKind.STEP)
def test_nothing_but_undecodable_comes_of_any_text(body: str, kind: FactKind) -> None:
    with suppress(Undecodable):
        decode(RawFact(node="n", file="f", offset=0, kind=kind, at=T0, channel="", body=body))
    with suppress(Undecodable):
        cel_fact(node="n", file="f", offset=0, body=body)
    with suppress(Undecodable):
        queue_fact(node="n", file="f", offset=0, body=body)


@given(st.lists(st.text(alphabet='",\n\r\\a1²', max_size=6), min_size=19, max_size=19))
def test_nothing_but_undecodable_comes_of_any_quoted_columns(columns: list[str]) -> None:
    body = ",".join('"' + column.replace('"', '""') + '"' for column in columns)
    with suppress(Undecodable):
        decode(cel_fact(node="n", file="f", offset=0, body=body))
