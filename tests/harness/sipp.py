"""SIPp as caller and as load: scenarios written from a few steps, run as a process, judged by its exit status.

    async with caller(system.sip, "09121234567", [Info("2"), Info("1"), Hangup()]) as sipp: …

Keys by SIP INFO need an SDP without telephone-event; keys by RFC 4733 need one with payload 96, the only one SIPp
3.6 sends, and root for its raw socket.
"""

from __future__ import annotations

import asyncio
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from harness.need import need

_TONE_S = 2


@dataclass(frozen=True, slots=True)
class Info:
    """Press one key, by SIP INFO."""

    key: str


@dataclass(frozen=True, slots=True)
class Rfc4733:
    """Press keys, by RTP events."""

    keys: str


@dataclass(frozen=True, slots=True)
class Pause:
    """Wait."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Hangup:
    """Send BYE."""


@dataclass(frozen=True, slots=True)
class AwaitBye:
    """Wait for the far end's BYE."""

    seconds: float = 60.0


Act = Info | Rfc4733 | Pause | Hangup | AwaitBye

_FROM = '"[$shown]" <sip:[$caller]@[local_ip]:[local_port]>;tag=[pid]u[call_number]'
_OK = """SIP/2.0 200 OK
[last_Via:]
[last_From:]
[last_To:]
[last_Call-ID:]
[last_CSeq:]
Content-Length: 0

"""


@dataclass(frozen=True, slots=True, kw_only=True)
class SippResult:
    """How a run ended: `status` 0 means that every call went as its scenario says."""

    status: int
    output: str


def scenario(acts: Sequence[Act], *, caller: str, shown: str) -> str:
    """The XML of one caller: INVITE, answer, these acts. Audio is a tone, unless keys travel in RTP."""
    events = any(isinstance(act, Rfc4733) for act in acts)
    parts = [_begin(caller, shown), _send(_invite(events)), _ANSWERED, _send(_request("ACK", 1), again=False)]
    if not events:
        parts.append('<nop><action><exec rtp_stream="tone.alaw,-1,8"/></action></nop>\n')
    for number, act in enumerate(acts, start=2):
        parts.append(_act(act, number))
    return "".join([*parts, "</scenario>\n"])


async def run(
    server: str,
    acts: Sequence[Act],
    *,
    caller: str,
    shown: str,
    to: str = "100",
    calls: int = 1,
    rate: int = 10,
    here: str = "127.0.0.1",
) -> SippResult:
    """Place calls from an address of this machine and wait for their end; SIPp gives up after two minutes."""
    need("sipp")
    folder = Path(tempfile.mkdtemp(prefix="pbxb-sipp-"))
    try:
        (folder / "caller.xml").write_text(scenario(acts, caller=caller, shown=shown))
        (folder / "tone.alaw").write_bytes(bytes([0xD5, 0x55]) * (4000 * _TONE_S))
        words = ["sipp", "-sf", "caller.xml", "-s", to, "-i", here, "-mi", here, "-p", "0"]
        words += ["-m", str(calls), "-r", str(rate), "-l", str(calls), "-timeout", "120s", "-nostdin", server]
        process = await asyncio.create_subprocess_exec(
            *words, cwd=folder, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        )
        output, _ = await process.communicate()
        assert process.returncode is not None
        return SippResult(status=process.returncode, output=output.decode(errors="replace")[-3000:])
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _begin(caller: str, shown: str) -> str:
    assert not set('<>&"]') & set(caller + shown)
    assign = "".join(
        f'<assignstr assign_to="{name}" value="{value}"/>' for name, value in (("caller", caller), ("shown", shown))
    )
    head = '<?xml version="1.0" encoding="UTF-8"?>\n<scenario name="caller">\n'
    return f"{head}<nop><action>{assign}</action></nop>\n"


def _send(text: str, *, again: bool = True) -> str:
    attribute = ' retrans="500"' if again else ""
    return f"<send{attribute}><![CDATA[\n{text}\n]]></send>\n"


_ANSWERED = (
    "".join(f'<recv response="{status}" optional="true"/>\n' for status in (100, 180, 183))
    + '<recv response="200" rrs="true"/>\n'
)


def _invite(events: bool) -> str:
    port = "auto_media_port" if events else "rtpstream_audio_port"
    offered = ["a=rtpmap:8 PCMA/8000"]
    if events:
        offered += ["a=rtpmap:96 telephone-event/8000", "a=fmtp:96 0-15"]
    lines = [
        "v=0",
        "o=u 1 1 IN IP[local_ip_type] [local_ip]",
        "s=-",
        "c=IN IP[media_ip_type] [media_ip]",
        "t=0 0",
        f"m=audio [{port}] RTP/AVP 8{' 96' if events else ''}",
        *offered,
        "a=sendrecv",
    ]
    return _head(
        "INVITE", "sip:[service]@[remote_ip]:[remote_port]", "To: <sip:[service]@[remote_ip]:[remote_port]>", 1
    ) + ("Content-Type: application/sdp\nContent-Length: [len]\n\n" + "\n".join(lines) + "\n")


def _request(method: str, number: int, content: str = "", body: str = "") -> str:
    kind = f"Content-Type: {content}\n" if content else ""
    return _head(method, "[next_url]", "[last_To:]", number) + f"{kind}Content-Length: [len]\n\n{body}"


def _head(method: str, uri: str, to: str, number: int) -> str:
    return (
        f"{method} {uri} SIP/2.0\n"
        "Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]\n"
        f"From: {_FROM}\n{to}\nCall-ID: [call_id]\nCSeq: {number} {method}\n"
        "Contact: <sip:[$caller]@[local_ip]:[local_port]>\nMax-Forwards: 70\n"
    )


def _act(act: Act, number: int) -> str:
    match act:
        case Info(key):
            body = f"Signal={key}\nDuration=120\n"
            return _send(_request("INFO", number, "application/dtmf-relay", body)) + '<recv response="200"/>\n'
        case Rfc4733(keys):
            play = f'<nop><action><exec play_dtmf="{keys},120"/></action></nop>\n'
            return play + f'<pause milliseconds="{len(keys) * 240 + 60}"/>\n'
        case Pause(seconds):
            return f'<pause milliseconds="{round(seconds * 1000)}"/>\n'
        case Hangup():
            return _send(_request("BYE", number)) + '<recv response="200"/>\n'
        case AwaitBye(seconds):
            return f'<recv request="BYE" timeout="{round(seconds * 1000)}"/>\n' + _send(_OK, again=False)
