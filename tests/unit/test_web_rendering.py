"""What makes a page of the history cheap changes nothing of it: words put in early, rows kept, quick readings."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from zoneinfo import ZoneInfo

import jinja2
import msgspec
import phonenumbers
import pytest
from demo_history import NOON, make_call, morning
from hypothesis import given
from hypothesis import strategies as st

from pbx_bridge.store import CallLine, CallRow, Role
from pbx_bridge.store.lines import line_of
from pbx_bridge.values import phone
from pbx_bridge.values.hostile import clean, letter_by_letter
from pbx_bridge.web.history.painted import painted
from pbx_bridge.web.history.rows import row_of
from pbx_bridge.web.permits import SignedIn
from pbx_bridge.web.rendering import WordedEnvironment, render
from pbx_bridge.web.show import Language, Show
from pbx_bridge.web.viewer import Viewer

TEXT = """
{{ t("nav.calls") }} <a title="{{ t('calls.news_many', n='<#>') }}">{{ t("calls.news_many", n=count) }}</a>
{{ t("direction." ~ way) }} {% if t("nav.calls") %}{{ t(("nav.calls")) | upper }}{% endif %} {{ v.t("nav.desk") }}
"""

TEHRAN, BERLIN = ZoneInfo("Asia/Tehran"), ZoneInfo("Europe/Berlin")
VIEWERS = [
    Viewer(
        show=Show(language=language, zone=zone),
        now=NOON + timedelta(minutes=minutes),
        account=SignedIn(name="one", role=role, extension=extension),
    )
    for language in Language
    for zone, minutes in ((TEHRAN, 0), (BERLIN, 7))
    for role, extension in ((Role.LEAD, ""), (Role.LEAD, "101"), (Role.READ_ONLY, ""))
]
HOSTILE = make_call(
    77, started_at=NOON, caller='<b>"09121234567', caller_name="<script>&\u202e", agents=("102",), fallback=True
)
LINES = [line_of(CallRow(call=call, revision=1)) for call in (*morning(), HOSTILE)]
LINES.append(msgspec.structs.replace(LINES[-1], ended_at_us=None))  # its outcome is known, and it goes on


@pytest.mark.parametrize("language", Language)
def test_a_word_put_in_early_is_the_word_that_would_be_looked_for(language: Language) -> None:
    viewer = Viewer(show=Show(language=language, zone=TEHRAN), now=NOON)
    told = {"v": viewer, "t": viewer.t, "count": "<3>", "way": "inbound"}
    plain, worded = jinja2.Environment(autoescape=True), WordedEnvironment(language, autoescape=True)
    assert worded.from_string(TEXT).render(told) == plain.from_string(TEXT).render(told)
    alone = worded.from_string('{{ t("nav.calls") }} {{ t("calls.news_many", n="#") }}')
    assert alone.render() == f"{viewer.t('nav.calls')} {viewer.t('calls.news_many', n='#')}"


def test_a_word_that_is_not_there_stops_the_compiling() -> None:
    with pytest.raises(KeyError):
        WordedEnvironment(Language.EN).from_string('{% if never %}{{ t("no.such") }}{% endif %}')


@given(
    st.lists(
        st.tuples(
            st.sampled_from(LINES),
            st.sampled_from(VIEWERS),
            st.sampled_from([{}, {"101": "Neda"}, {"101": "<i>", "102": "Sara 09121234567"}]),
            st.booleans(),
        ),
        max_size=30,
    )
)
def test_a_row_that_is_remembered_is_the_row_painted_now(
    looks: list[tuple[CallLine, Viewer, dict[str, str], bool]],
) -> None:
    for line, who, agents, later in looks:
        now = replace(who, now=who.now + timedelta(seconds=90 * later))
        anew = render(who.language, "history/_row.html", {"row": row_of(line, now, agents)})
        assert painted([line], now, agents) == [anew]
        assert "<script>" not in anew


@pytest.mark.parametrize("region", ["IR", "DE", "IT", "US", "IL", "NO", "BR", "GB"])
@given(st.data())
def test_a_number_read_quickly_is_the_number_that_the_library_reads(region: str, data: st.DataObject) -> None:
    code = phonenumbers.country_code_for_region(region)
    known = [phonenumbers.example_number_for_type(region, kind) for kind in range(8)]
    own = phonenumbers.national_significant_number(data.draw(st.sampled_from([one for one in known if one])))
    kept = data.draw(st.integers(0, len(own)))
    tail = data.draw(st.text("0123456789", min_size=max(0, len(own) - kept - 1), max_size=len(own) - kept + 1))
    start = data.draw(st.sampled_from([f"+{code}", f"+{code}0", f"00{code}", "0", "00", "1", ""]))
    text = start + own[:kept] + tail
    _reads_alike(text, region)


@pytest.mark.parametrize(
    ("text", "region"), [("01919365406", "IL"), ("+38730212345", "IT"), ("+47002002", "NO"), (f"0{'9' * 9000}", "IR")]
)
def test_what_only_begins_like_a_number_of_ours_is_left_to_the_library(text: str, region: str) -> None:
    _reads_alike(text, region)


def _reads_alike(text: str, region: str) -> None:
    number = _by_the_library(text, region)
    if number is None:
        assert (phone.to_e164(text, region), phone.readable(text, region)) == (None, "")
        return
    home = phonenumbers.region_code_for_number(number) == region
    form = phonenumbers.PhoneNumberFormat.NATIONAL if home else phonenumbers.PhoneNumberFormat.INTERNATIONAL
    assert phone.to_e164(text, region) == phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
    assert phone.readable(text, region) == phonenumbers.format_number(number, form)


def _by_the_library(text: str, region: str) -> phonenumbers.PhoneNumber | None:
    if sum(char.isdigit() for char in text) < phone.SHORTEST_OUTSIDE:
        return None
    try:
        number = phonenumbers.parse(text, region)
    except phonenumbers.NumberParseException:
        return None
    return number if phonenumbers.is_valid_number(number) else None


@given(st.text(st.one_of(st.sampled_from("aZ09 _-ی۴\u200c\u200d\u202e\u0301\u064e\t\xa0²"), st.characters())))
def test_text_without_anything_harmful_is_cleaned_alike(text: str) -> None:
    assert clean(text, 40) == letter_by_letter(text, 40)
