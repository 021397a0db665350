"""SIPp scenarios of callers, built from a few steps. They send no audio and listen to none."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import assert_never

_BETWEEN_KEYS_MS = 120


@dataclass(frozen=True, slots=True)
class Pause:
    """Do nothing for between `low` and `high` milliseconds."""

    low: int
    high: int = 0


@dataclass(frozen=True, slots=True)
class Keys:
    """Press keys, one after the other, by SIP INFO. `[field1]` stands for the caller's second column."""

    keys: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class HangUp:
    """BYE."""


@dataclass(frozen=True, slots=True)
class AwaitHangUp:
    """Wait until Asterisk hangs up."""


Step = Pause | Keys | HangUp | AwaitHangUp


def scenario(steps: Iterable[Step]) -> str:
    """The XML of a caller who dials, is answered, does these steps. Its number is the first column of its row."""
    sequence = 1
    parts = [_HEAD]
    for step in steps:
        match step:
            case Pause(low, high) if high > low:
                parts.append(f'<pause distribution="uniform" min="{low}" max="{high}"/>')
            case Pause(low):
                parts.append(f'<pause milliseconds="{low}"/>')
            case Keys(keys):
                for key in keys:
                    sequence += 1
                    parts += [_request("INFO", sequence, _KEY.format(key=key), _RELAY), _PAUSE_BETWEEN]
            case HangUp():
                sequence += 1
                parts.append(_request("BYE", sequence))
            case AwaitHangUp():
                parts.append(_AWAIT_BYE)
            case _:
                assert_never(step)
    return "\n".join([*parts, "</scenario>\n"])


_FROM = '"Bench" <sip:[field0]@[local_ip]:[local_port]>;tag=[pid]b[call_number]'
_VIA = "Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]"
_RELAY = "Content-Type: application/dtmf-relay\n"
_KEY = "Signal={key}\nDuration=100\n"
_PAUSE_BETWEEN = f'<pause milliseconds="{_BETWEEN_KEYS_MS}"/>'

_HEAD = f"""<?xml version="1.0" encoding="ISO-8859-1" ?>
<scenario name="bench">
<send retrans="500"><![CDATA[
INVITE sip:[service]@[remote_ip]:[remote_port] SIP/2.0
{_VIA}
From: {_FROM}
To: <sip:[service]@[remote_ip]:[remote_port]>
Call-ID: [call_id]
CSeq: 1 INVITE
Contact: <sip:[field0]@[local_ip]:[local_port]>
Max-Forwards: 70
Content-Type: application/sdp
Content-Length: [len]

v=0
o=u 1 1 IN IP[local_ip_type] [local_ip]
s=-
c=IN IP[media_ip_type] [media_ip]
t=0 0
m=audio [auto_media_port] RTP/AVP 8
a=rtpmap:8 PCMA/8000
a=sendrecv
]]></send>
<recv response="100" optional="true"/>
<recv response="180" optional="true"/>
<recv response="183" optional="true"/>
<recv response="200" rtd="true" rrs="true"><action><log message="answered [field0]"/></action></recv>
<send><![CDATA[
ACK [next_url] SIP/2.0
{_VIA}
From: {_FROM}
[last_To:]
Call-ID: [call_id]
CSeq: 1 ACK
Max-Forwards: 70
Content-Length: 0

]]></send>"""

_AWAIT_BYE = """<recv request="BYE"/>
<send><![CDATA[
SIP/2.0 200 OK
[last_Via:]
[last_From:]
[last_To:]
[last_Call-ID:]
[last_CSeq:]
Content-Length: 0

]]></send>"""


def _request(method: str, sequence: int, body: str = "", kind: str = "") -> str:
    return f"""<send retrans="500"><![CDATA[
{method} [next_url] SIP/2.0
{_VIA}
From: {_FROM}
[last_To:]
Call-ID: [call_id]
CSeq: {sequence} {method}
Contact: <sip:[field0]@[local_ip]:[local_port]>
Max-Forwards: 70
{kind}Content-Length: [len]

{body}]]></send>
<recv response="200"/>"""
