"""Numbers as trunks write them, as people type them, as the PBX wants them dialled: each means one subscriber."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st
from made_facts import cel, ending, folded

from pbx_bridge.ami.channels import ChannelTable
from pbx_bridge.ami.events import ChannelSeen
from pbx_bridge.calls.as_told import as_told, trunk_of
from pbx_bridge.calls.call import Direction
from pbx_bridge.cli import cli
from pbx_bridge.config.settings import load
from pbx_bridge.errors import SettingsError
from pbx_bridge.values import own_number, phone
from pbx_bridge.values.number_pattern import NumberPattern
from pbx_bridge.values.number_rules import NumberRule, NumberRules

MOBILE, TEHRAN = "+989121234567", "+982188880002"


def rule(match: str, strip: int = 0, put: str = "", trunk: str = "", withheld: bool = False) -> NumberRule:
    return NumberRule(match=NumberPattern.parse(match), strip=strip, put=put, trunk=trunk, withheld=withheld)


RULES = NumberRules(
    inbound=(
        rule("02188880000", withheld=True),
        rule("77*", 2, trunk="mci"),
        rule("XXXXXXXX", put="021", trunk="tct"),
    ),
    outbound=(rule("+98912*", 3, "90"), rule("+98*", 3, "0"), rule("*", put="8")),
)


# --- reading --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "typed",
    [
        "09121234567", "9121234567", "989121234567", "00989121234567", "+989121234567", "+98 (0) 912-123.4567",
        "۰۹۱۲ ۱۲۳ ۴۵۶۷", "٠٩١٢١٢٣٤٥٦٧", "tel:+98-912-123-4567", "tel:0912-123-4567;phone-context=+98",
        "sip:09121234567@10.0.0.1:5060;user=phone", '"Ali <x>" <sip:%2B989121234567@evil>', "<sips:09121234567@h>",
        "0912\u20131234567", "\u200e09121234567",
    ],
)  # fmt: skip
def test_one_subscriber_however_written(typed: str) -> None:
    assert phone.to_e164(typed) == MOBILE


@pytest.mark.parametrize(
    ("typed", "number"),
    [
        ("88880002", TEHRAN), ("8888 0002", TEHRAN), ("۸۸۸۸۰۰۰۲", TEHRAN), ("02188880002", TEHRAN),
        ("2188880002", TEHRAN), ("09121234567", MOBILE), ("9121234567", MOBILE), ("03132223344", "+983132223344"),
        ("110", None), ("1234", None), ("123456", None), ("+88880002", None),
    ],
)  # fmt: skip
def test_a_region_with_an_area_knows_its_local_numbers(typed: str, number: str | None) -> None:
    assert phone.to_e164(typed, "IR-21") == number
    assert phone.readable("88880002", "IR-21") == "021 8888 0002"
    assert phone.to_e164("88880002", "IR") is None


@pytest.mark.parametrize(
    "shown",
    ["", " ", "anonymous", "Anonymous", "RESTRICTED", "unknown", "+98", "98", "0098", "+", "0", "0000000000",
     "sip:anonymous@anonymous.invalid", '"Anonymous" <sip:anonymous@anonymous.invalid>', "<unknown>"],
)  # fmt: skip
def test_a_withheld_number_is_none(shown: str) -> None:
    assert phone.is_withheld(shown)
    assert RULES.incoming(shown, "mci") == ""
    assert phone.to_e164(shown) is None


@given(st.text(max_size=40) | st.from_regex(r"(sip:|tel:|<)?\+?[0-9۰-۹ .()/-]{0,16}(@x|>|;a=b)?", fullmatch=True))
def test_normalised_twice_is_as_once_and_nothing_breaks_it(text: str) -> None:
    number = phone.to_e164(text, "IR-21")
    if number is not None:
        assert phone.to_e164(number, "IR-21") == number
        assert number[1:].isdecimal()
        assert number.isascii()
    kept = RULES.incoming(text, "mci")
    assert phone.is_withheld(text) <= (kept == "")
    assert isinstance(RULES.dialled_back(text), str)


# --- rules ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("number", "trunk", "kept"),
    [
        ("779121234567", "mci", "9121234567"),
        ("779121234567", "tct", "779121234567"),
        ("88880002", "tct", "02188880002"),
        ("88880002", "mci", "88880002"),
        ("02188880000", "any", ""),
        ("0218888 0000", "any", ""),
        ("<script>77", "mci", "<script>77"),
    ],
)
def test_a_callers_number_by_the_rules_of_its_trunk(number: str, trunk: str, kept: str) -> None:
    assert RULES.incoming(number, trunk) == kept


@pytest.mark.parametrize(
    ("number", "dialled"),
    [
        ("09121234567", "909121234567"),
        (MOBILE, "909121234567"),
        ("02188880002", "02188880002"),
        ("+4930901820", "8004930901820"),
        ("004930901820", "8004930901820"),
        ("101", "101"),
        ("110", "110"),
        ("654321", "654321"),
    ],
)
def test_what_is_dialled(number: str, dialled: str) -> None:
    assert RULES.outgoing(number) == dialled


@given(
    st.sampled_from(["+98912", "+98935", "+9821", "+4930", "+1212", "+9714"]),
    st.integers(1_000_000, 99_999_999).map(str),
    st.sampled_from(
        [RULES, NumberRules(outbound=(rule("*", put="9"),)), NumberRules(outbound=(rule("+*", 1, "00"),))]
    ),
)
def test_what_we_dial_and_read_back_is_the_same_subscriber(start: str, rest: str, rules: NumberRules) -> None:
    number = phone.to_e164(start + rest)
    if number is not None:
        for typed in (number, phone.national(number), phone.dialled(number, "IR")):
            if (known := phone.to_e164(typed)) is not None:
                assert phone.to_e164(rules.dialled_back(rules.outgoing(typed))) == known


@pytest.mark.parametrize(
    ("one", "other", "covers"),
    [
        ("*", "+98*", True), ("+98*", "*", False), ("98*", "98X", True), ("98X", "98*", False), ("XX", "12", True),
        ("12", "XX", False), ("X*", "+9", False), ("1X*", "1", False), ("0912XXXXXXX", "0912*", False),
    ],
)  # fmt: skip
def test_a_pattern_covers_another(one: str, other: str, covers: bool) -> None:
    assert NumberPattern.parse(one).covers(NumberPattern.parse(other)) is covers


_PATTERNS = st.from_regex(r"\+?[0-9X]{1,5}\*?", fullmatch=True).map(NumberPattern.parse)


@given(_PATTERNS, _PATTERNS, st.from_regex(r"\+?[0-9]{1,7}", fullmatch=True))
def test_whoever_is_covered_never_matches_alone(one: NumberPattern, other: NumberPattern, number: str) -> None:
    assert not (one.covers(other) and other.matches(number) and not one.matches(number))


@pytest.mark.parametrize("called", ["02188880002", "2188880002", "982188880002", "+982188880002", "00982188880002"])
def test_a_number_of_ours_in_every_form_a_provider_writes(called: str) -> None:
    assert called in own_number.forms("021" + "88880002", "IR")
    assert "88880002" in own_number.forms(called, "IR-21")
    assert own_number.whole("0218888000X", "IR") == "+98218888000X"


# --- settings -------------------------------------------------------------------------------------------------------

_WRONG = {
    'inbound = [{match = "9*", trunk = "mci"}]': "inbound 1 (9*): there is no trunk 'mci'; there are: trunk",
    'inbound = [{match = "98*", strip = 2}, {match = "9821*", put = "0"}]': (
        "inbound 2 (9821*): it can never match: rule 1 (98*) has every such number before it"
    ),
    'inbound = [{match = "12", strip = 3}]': "inbound 1 (12): it takes off 3 of 2 characters",
    'inbound = [{match = "XXXX", put = "00"}]': "inbound 1 (XXXX): what it makes, 00XXXX, is no number outside",
    'inbound = [{match = "9XXXXXXXXX", strip = 1, put = "+999"}]': (
        "inbound 1 (9XXXXXXXXX): what it makes, +999XXXXXXXXX, is no number: there is no such country code"
    ),
    'inbound = [{match = "9*", put = "0", withheld = true}]': "inbound 1 (9*): a withheld number is not changed",
    'outbound = [{match = "+9X*", strip = 3, put = "0"}]': "outbound 1 (+9X*): what is taken off is written out",
    'outbound = [{match = "+98*"}, {match = "+98912*"}]': "outbound 2 (+98912*): it can never match",
    'outbound = [{match = "+98*", strip = 3, put = "90"}]': (
        "outbound 1 (+98*): our own dialplan sends out what begins with 0 or +"
    ),
    'outbound = [{match = "9-1"}]': "outbound.0.match: Value error, '9-1' is no pattern of numbers",
    'inbound = [{match = "9*", strp = 1}]': "unknown setting numbers.inbound.0.strp",
}


@pytest.mark.parametrize(("rules", "told"), _WRONG.items())
def test_a_wrong_rule_is_named_with_its_file_place_and_reason(rules: str, told: str, tmp_path: Path) -> None:
    (tmp_path / "pbx_bridge.toml").write_text(f"[numbers]\n{rules}\n", encoding="utf-8")
    with pytest.raises(SettingsError) as caught:
        load({"PBX_BRIDGE_HOME": str(tmp_path)}).number_rules()
    assert told in str(caught.value)
    if "Value error" not in told:
        assert str(tmp_path / "pbx_bridge.toml") in str(caught.value)


def test_everything_wrong_is_told_at_once(tmp_path: Path) -> None:
    text = '[numbers]\ninbound = [{match = "9*", trunk = "x"}]\noutbound = [{match = "X*", strip = 1}]\n'
    (tmp_path / "pbx_bridge.toml").write_text(text, encoding="utf-8")
    with pytest.raises(SettingsError) as caught:
        load({"PBX_BRIDGE_HOME": str(tmp_path)}).number_rules()
    assert len(str(caught.value).splitlines()) == 2


@pytest.mark.parametrize(("region", "why"), [("XX", "no country"), ("IR-021", "pattern"), ("ir", "pattern")])
def test_a_region_that_is_none(region: str, why: str, tmp_path: Path) -> None:
    (tmp_path / "pbx_bridge.toml").write_text(f'region = "{region}"\n', encoding="utf-8")
    with pytest.raises(SettingsError, match=f"setting region: .*{why}"):
        load({"PBX_BRIDGE_HOME": str(tmp_path)})


def test_the_rules_in_the_docs_can_be_written_so(tmp_path: Path) -> None:
    page = (Path(__file__).parents[2] / "docs" / "numbers.md").read_text(encoding="utf-8")
    examples = re.findall(r"^```toml\n(.*?)^```", page, re.M | re.S)
    other = '[ari]\nurl = "http://127.0.0.1:8088/ari"\n'
    (tmp_path / "pbx_bridge.toml").write_text("\n".join([*examples, other]), encoding="utf-8")
    rules = load({"PBX_BRIDGE_HOME": str(tmp_path)}).number_rules()
    assert rules.incoming("779121234567", "mci") == "9121234567"
    assert (rules.outgoing("09121234567"), rules.flow_of("+982188880015")) == ("909121234567", "sales")


# --- `pbx-bridge numbers` -------------------------------------------------------------------------------------------

_HOUSE = """
region = "IR-21"
[numbers]
trunks = ["mci"]
inbound = [{match = "02188880000", withheld = true}, {match = "77*", strip = 2, trunk = "mci"}]
outbound = [{match = "+98*", strip = 3, put = "00"}]
[desk]
dial_deny = ["+49*"]
[pbx.numbers.0218888000X]
flow = "minimal"
[pbx.numbers.02188880002]
flow = "after_hours"
"""


@pytest.mark.parametrize(
    ("words", "status", "told"),
    [
        ("۰۰۹۸۹۱۲۱۲۳۴۵۶۷", 0, ["read as      00989121234567", "e.164        +989121234567", "۰۹۱۲ ۱۲۳ ۴۵۶۷  0912"]),
        ("779121234567 --trunk mci", 0, ["-> 9121234567", "e.164        +989121234567", "there is no store yet"]),
        ("02188880000", 0, ["inbound 1    02188880000: withheld -> withheld", "stands for callers who show none"]),
        ("+98", 0, ["withheld"]),
        ("88880002", 0, ["e.164        +982188880002", "answered by flow after_hours"]),
        ("+982188880003", 0, ["answered by flow minimal"]),
        ("88887777", 0, ["answered by flow support"]),
        ("9x", 0, ["e.164        none: it has letters"]),
        ("\x1b[31m09121234567", 0, ["given        ?[31m"]),
        ("09121234567 --out", 0, ["dialled      009121234567", "on record    ۰۹۱۲ ۱۲۳ ۴۵۶۷  0912 123 4567"]),
        ("101 --out", 0, ["dialled      101"]),
        ("+4930901820 --out", 1, ["desk.dial_allow and desk.dial_deny do not let it be called"]),
        ("foo --out", 1, ["'foo' is no number to call"]),
        ("09121234567 --trunk tct", 1, ["there is no trunk 'tct'", "trunk, mci"]),
        ("09121234567 --out --trunk mci", 1, ["for the PBX to choose"]),
    ],
)
def test_what_becomes_of_a_number(
    words: str, status: int, told: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "pbx_bridge.toml").write_text(_HOUSE, encoding="utf-8")
    monkeypatch.setenv("PBX_BRIDGE_HOME", str(tmp_path))
    result = CliRunner().invoke(cli, ["numbers", "try", *words.split(" ")])
    assert result.exit_code == status, result.output
    for line in told:
        assert line in result.output


# --- where numbers come in ------------------------------------------------------------------------------------------


def test_the_record_tells_the_number_that_is_meant() -> None:
    rows = [
        cel(0, "CHAN_START", "PJSIP/mci-00000001", context="from-trunk", num="779121234567"),
        cel(1, "ANSWER", "PJSIP/mci-00000001", context="from-trunk", num="779121234567"),
        *ending(5, "PJSIP/mci-00000001"),
    ]
    call = folded(as_told(rows, RULES))
    assert (call.caller, call.direction) == ("9121234567", Direction.INBOUND)
    assert folded(as_told(rows, NumberRules())).caller == "779121234567"


def test_whom_an_agent_called_with_a_prefix_is_who_it_was() -> None:
    rows = [
        cel(0, "CHAN_START", "PJSIP/101-00000001", exten="909121234567", context="from-agents", num="101"),
        cel(1, "APP_START", "PJSIP/101-00000001", app="Dial", app_data="PJSIP/909121234567@trunk,60"),
        cel(2, "CHAN_START", "PJSIP/trunk-00000002", linked="PJSIP/101-00000001", context="from-trunk"),
        cel(3, "ANSWER", "PJSIP/trunk-00000002", linked="PJSIP/101-00000001", context="from-trunk"),
        *ending(5, "PJSIP/trunk-00000002"),
        *ending(6, "PJSIP/101-00000001"),
    ]
    call = folded(as_told(rows, RULES))
    assert (call.called, call.destination, call.direction) == (MOBILE, MOBILE, Direction.OUTBOUND)


def test_the_board_shows_the_same_number() -> None:
    table = ChannelTable(numbers=RULES)
    for name, number in (("PJSIP/mci-00000001", "779121234567"), ("PJSIP/101-00000002", "779121234567")):
        table.apply(
            ChannelSeen(channel=name, linkedid=name, name=name, number=number, number_name="", exten="", at=None)
        )
    assert {one.phone: one.number for one in table.all()} == {"PJSIP/mci": "9121234567", "PJSIP/101": "779121234567"}


@pytest.mark.parametrize(
    ("channel", "trunk"),
    [
        ("PJSIP/mci-0000002a", "mci"), ("SIP/my-provider-0000002a", "my-provider"), ("PJSIP/101-0000002a", ""),
        ("PJSIP/02188880000-0000002a", "02188880000"), ("Local/101@x-0001;1", ""), ("", ""),
    ],
)  # fmt: skip
def test_the_trunk_of_a_channel(channel: str, trunk: str) -> None:
    assert trunk_of(channel) == trunk
