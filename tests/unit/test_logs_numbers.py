"""Phone numbers in logs: none stands whole in anything that is written, and what is no number stays as it is."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator

import pytest
import structlog
from hypothesis import example, given
from hypothesis import strategies as st

from pbx_bridge import logs
from pbx_bridge.calls.call import call_id
from pbx_bridge.health import Mishaps
from pbx_bridge.values import digits
from pbx_bridge.values.hidden import hide_numbers

NUMBER = "09121234567"
_FORMS = st.sampled_from(
    ["0{}", "+98{}", "98{}", "0098{}", "{}", "tel:+98-{}", "sip:0{}@203.0.113.9", "PJSIP/0{}-1f"]
)
_AROUND = st.text(st.characters(exclude_categories=["Nd"], exclude_characters="."), max_size=8)
_JOINTS = st.sampled_from(["", " ", "-", ".", ") "])


@st.composite
def written(draw: st.DrawFn) -> str:
    """A number of ten digits as somebody may write it."""
    figures = draw(st.text("0123456789", min_size=10, max_size=10))
    form, joint = draw(_FORMS), draw(_JOINTS)
    if joint and form[0] not in "0+t":  # people who part the digits begin with 0 or +
        form = "0{}"
    text = form.format(joint.join((figures[:3], figures[3:6], figures[6:])))
    return digits.to_persian(text) if draw(st.booleans()) else text


@given(before=_AROUND, number=written(), after=_AROUND)
@example(before="", number="021-88776655", after="")
@example(before="1763824000.", number=NUMBER, after="")
def test_no_number_is_written_whole(before: str, number: str, after: str) -> None:
    hidden = hide_numbers(f"{before}{number}{after}")
    left = digits.to_ascii(hidden.replace("203.0.113.9", ""))
    assert digits.to_ascii(number).replace(" ", "") not in left.replace(" ", "")
    inside = digits.to_ascii(number).removeprefix("sip:").partition("@")[0]
    figures = "".join(filter(str.isdigit, inside.partition("-1f")[0]))
    assert figures[-9:] not in "".join(c for c in left if c.isdigit() or c == "•")


@pytest.mark.parametrize(
    "text",
    [
        "1763824000.15",
        "pbx1-1763824000.15",
        "2026-11-22T18:24:27.123456Z",
        "2026-11-22 18:24:27+03:30",
        "203.0.113.255:5060",
        "8f3a1b2c-1234-1234-1234-123456789012",
        "2047155",
        "cel.csv.20261122T031500Z, 1 of 1024 rows",
    ],
)
def test_what_is_no_number_stays(text: str) -> None:
    assert hide_numbers(text) == text


@pytest.fixture
def logging_anew() -> Iterator[None]:
    """Logging as a process has it that has just begun, and afterwards as it was."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    root.handlers.clear()
    try:
        yield
    finally:
        structlog.reset_defaults()
        root.handlers[:] = handlers
        root.setLevel(level)


@pytest.mark.parametrize("form", ["json", "console"])
def test_numbers_are_hidden_wherever_they_stand(
    form: str, logging_anew: None, capsys: pytest.CaptureFixture[str]
) -> None:
    told = Mishaps()
    logs.configure("info", form, told, node="pbx1")  # type: ignore[arg-type]
    log = structlog.get_logger()
    event = f"no {NUMBER}"
    log.warning(event, reason=f"{NUMBER} is busy", channels=[f"PJSIP/{NUMBER}"], told={NUMBER: (NUMBER,)})
    for say in (log.exception, logging.getLogger("aiohttp").exception):
        try:
            raise LookupError(f"nobody has {NUMBER}") from ValueError(f"{NUMBER} is wrong")
        except LookupError:
            say("looked_up_in_vain")
    logging.getLogger("asyncio").error("task of %s failed", NUMBER)
    written = capsys.readouterr().err
    assert written.count("4567") >= 6
    assert NUMBER[:8] not in written
    assert "looked_up_in_vain" in written
    assert NUMBER[:8] not in str(told.latest())


def test_lines_about_a_call_have_its_id_and_the_level_changes(
    logging_anew: None, capsys: pytest.CaptureFixture[str]
) -> None:
    logs.configure("warning", "json", node="pbx1")
    log = structlog.get_logger()
    log.info("too_quiet", channel="1.1")
    logs.set_level("info")
    log.info("heard", channel="1.1")
    log.info("of_nobody", channel="")
    lines = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    named = [(line["event"], line.get("call")) for line in lines]
    assert named == [("heard", call_id("pbx1", "1.1")), ("of_nobody", None)]
