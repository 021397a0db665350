"""Events that answer no action are taken apart by us: as panoramisk would, however the bytes come."""

from __future__ import annotations

import asyncio
import itertools

from hypothesis import given
from hypothesis import strategies as st
from panoramisk.message import Message

from pbx_bridge.ami.connection import Fields, _fields, _fields_of, _is_plain_event, _Protocol

GREETING = "Asterisk Call Manager/9.0.0\r\nResponse: Success\r\nMessage: Authentication accepted\r\n\r\n"
NEWCHANNEL = "Event: Newchannel\r\nUniqueid: pbx1-1.0\r\nCallerIDName: یک: دو\r\nAccountCode: \r\n\r\n"
HANGUP = "Event: Hangup\r\nUniqueid: pbx1-1.0\r\nUniqueid: other\r\n\r\n"
TOLD: list[Fields] = [
    {"event": "Newchannel", "uniqueid": "pbx1-1.0", "calleridname": "یک: دو", "accountcode": ""},
    {"event": "Hangup", "uniqueid": "pbx1-1.0"},
]

_names = st.text("AbcdEF-", min_size=1, max_size=6).map(lambda name: f"x{name}")
_values = st.text(st.characters(codec="utf-8", exclude_characters="\r\n"), max_size=20).map(str.strip)


@given(st.lists(st.tuples(_names, _values), unique_by=lambda field: field[0].lower()))
def test_its_fields_are_those_of_panoramisk(fields: list[tuple[str, str]]) -> None:
    text = "\r\n".join(["Event: Hold", *(f"{name}: {value}" for name, value in fields)])
    message = Message.from_line(text.strip())
    assert _is_plain_event(text)
    assert _filled(_fields_of(text)) == _filled(_fields(message))


@given(st.lists(st.integers(0, 200), max_size=4))
def test_however_the_bytes_are_split_the_events_are_these(cuts: list[int]) -> None:
    protocol, data = _Protocol(), f"{GREETING}{NEWCHANNEL}{HANGUP}".encode()
    protocol.connection_made(asyncio.Transport())
    places = [0, *sorted(min(cut, len(data)) for cut in cuts), len(data)]
    for begin, end in itertools.pairwise(places):
        protocol.data_received(data[begin:end])
    assert [protocol.inbox.get_nowait() for _ in TOLD] == TOLD
    assert protocol.inbox.empty()


def test_what_answers_an_action_goes_to_panoramisk() -> None:
    assert not _is_plain_event("Event: QueueMember\r\nActionID: 7\r\nQueue: support")
    assert not _is_plain_event("Event: Shutdown\r\nShutdown: Cleanly")
    assert not _is_plain_event("Response: Success\r\nMessage: x")


def _filled(fields: Fields) -> Fields:
    return {name: value for name, value in fields.items() if value}
