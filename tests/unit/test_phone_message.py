"""SIP and SDP text, digest answers and G.711: exact where a document tells, total for whatever arrives."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pbx_bridge.pbx.phone import digest, g711, message, rtp, sdp
from pbx_bridge.pbx.phone.digest import Challenge, Credentials
from pbx_bridge.pbx.phone.message import Request, Response
from pbx_bridge.pbx.phone.rtp import Heard, Packet

_INVITE = (
    b"INVITE sip:100@127.0.0.1:5060 SIP/2.0\r\n"
    b"v: SIP/2.0/UDP 127.0.0.1:4444;branch=z9hG4bKabc;rport\r\n"
    b'f: "try \\"8f\\"" <sip:0912@127.0.0.1>;tag=1\r\n'
    b"To: <sip:100@127.0.0.1>\r\n"
    b"i: call-1\r\n"
    b"CSeq: 7 INVITE\r\n"
    b"Subject: folded\r\n  line\r\n"
    b"l: 4\r\n\r\nbodyEXTRA"
)


def test_compact_names_folding_and_length() -> None:
    request = message.parse(_INVITE)
    assert isinstance(request, Request)
    assert (request.method, request.uri, request.body) == ("INVITE", "sip:100@127.0.0.1:5060", b"body")
    assert message.header(request, "Call-ID") == "call-1"
    assert message.header(request, "subject") == "folded line"
    assert (message.cseq(request), message.branch(request)) == ((7, "INVITE"), "z9hG4bKabc")
    caller = message.parse_address(message.header(request, "from"))
    assert (caller.display, caller.uri, caller.tag) == ('try "8f"', "sip:0912@127.0.0.1", "1")


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\r\n\r\n",
        b"GET / HTTP/1.1\r\n\r\n",
        b"SIP/2.0 99 Odd\r\n\r\n",
        b"INVITE sip:x SIP/2.0\r\nNo colon\r\n\r\n",
        b"INVITE sip:x SIP/2.0\r\nContent-Length: 10\r\n\r\nshort",
        b"INVITE sip:x SIP/2.0\r\nContent-Length: -1\r\n\r\n",
        b"INVITE sip:x SIP/2.0\r\n" + b"a: b\r\n" * 300 + b"\r\n",
    ],
)
def test_what_is_no_message_is_none(data: bytes) -> None:
    assert message.parse(data) is None


_PIECES = st.sampled_from(
    [
        b"INVITE sip:x SIP/2.0\r\n",
        b"SIP/2.0 200 OK\r\n",
        b"To: <sip:a@b>;tag=\xff\r\n",
        b"CSeq: 1 X\r\n",
        b"\r\n",
        b"l: 0\r\n",
        b"Via: ;;=\r\n",
    ]
)


@given(st.lists(st.one_of(st.binary(max_size=40), _PIECES), max_size=12).map(b"".join))
def test_parse_and_every_reader_are_total(data: bytes) -> None:
    told = message.parse(data)
    if told is not None:
        message.cseq(told)
        message.branch(told)
        message.parse_address(message.header(told, "to"))
        message.parse_uri(message.header(told, "contact"))
        assert message.parse(message.build(told)) is not None


@given(st.text(max_size=40))
def test_a_display_name_comes_back_and_never_breaks_out(name: str) -> None:
    value = message.address("sip:1@127.0.0.1", display=name, tag="t")
    assert "\r" not in value
    assert "\n" not in value
    back = message.parse_address(value)
    assert (back.uri, back.tag) == ("sip:1@127.0.0.1", "t")
    assert back.display == "".join(" " if c in "\r\n\0" else c for c in name)


@pytest.mark.parametrize("value", ["a\r\nBad: 1", "a\nb", "a\0b"])
def test_a_value_with_a_line_break_is_not_sent(value: str) -> None:
    with pytest.raises(ValueError, match="line break"):
        message.build(Response(status=200, reason="OK", headers=(("Subject", value),)))


@pytest.mark.parametrize("text", ["", "tel:1", "sip:", "sip:a@b:99999", "sip:a@b:0", "sip:a b@c", "http://x"])
def test_what_is_no_sip_address_is_none(text: str) -> None:
    assert message.parse_uri(text) is None


def test_a_sip_address() -> None:
    uri = message.parse_uri("sip:100@127.0.0.1:5070;transport=udp")
    assert uri is not None
    assert (uri.user, uri.destination, str(uri)) == ("100", ("127.0.0.1", 5070), "sip:100@127.0.0.1:5070")
    assert message.user_part("0912 3@x") == "0912%203%40x"


def test_digest_is_as_in_the_example_of_rfc_2617() -> None:
    challenge = digest.parse_challenge(
        'Digest realm="testrealm@host.com", qop="auth,auth-int", nonce="dcd98b7102dd2f0e8b11d0f600bfb0c093", '
        'opaque="5ccc069c403ebaf9f0171e9517f40e41"'
    )
    assert challenge is not None
    told = digest.answer(
        challenge,
        Credentials(user="Mufasa", password="Circle Of Life"),
        method="GET",
        uri="/dir/index.html",
        cnonce="0a4f113b",
    )
    assert 'response="6629fae49393a05397450978507c4ef1"' in told


def test_a_challenge_beyond_us_is_none_and_a_password_is_not_shown() -> None:
    assert digest.parse_challenge("Basic realm=x") is None
    assert digest.parse_challenge('Digest nonce="1", algorithm=SHA-256') is None
    assert digest.parse_challenge('Digest nonce="1"') == Challenge(realm="", nonce="1")
    assert "secret" not in repr(Credentials(user="u", password="secret"))


def test_our_own_description_is_understood() -> None:
    ours = sdp.parse(sdp.describe("127.0.0.1", 4000, keys=sdp.KeysBy.RTP, session=1))
    assert ours == sdp.Media(host="127.0.0.1", port=4000, codec=sdp.PCMA, events=sdp.TELEPHONE_EVENT)
    silent = sdp.parse(sdp.describe("127.0.0.1", 4000, keys=sdp.KeysBy.INFO, session=1, direction="inactive"))
    assert silent == sdp.Media(host="127.0.0.1", port=4000, codec=sdp.PCMA, events=None, sends=False)


def test_only_the_audio_stream_counts() -> None:
    video = b"v=0\r\nc=IN IP4 10.0.0.1\r\nm=video 9 RTP/AVP 96\r\na=inactive\r\n"
    body = video + b"m=audio 7000 RTP/AVP 0\r\nc=IN IP4 127.0.0.9\r\n"
    assert sdp.parse(body) == sdp.Media(host="127.0.0.9", port=7000, codec=sdp.PCMU, events=None)


@given(st.text(max_size=200).map(str.encode) | st.binary(max_size=100))
def test_descriptions_are_read_totally(tail: bytes) -> None:
    sdp.parse(b"c=IN IP4 127.0.0.1\r\nm=audio " + tail)
    sdp.parse(tail)


def test_g711_at_its_corners() -> None:
    def alaw(code: int) -> int:
        return int(struct.unpack("<h", g711.alaw_to_linear(bytes([code])))[0])

    def ulaw(code: int) -> int:
        return int(struct.unpack("<h", g711.ulaw_to_linear(bytes([code])))[0])

    assert (alaw(0xD5), alaw(0x55), alaw(0xAA), alaw(0x2A)) == (8, -8, 32256, -32256)
    assert (ulaw(0xFF), ulaw(0x7F), ulaw(0x80), ulaw(0x00)) == (0, 0, 32124, -32124)
    assert len({alaw(code) for code in range(256)}) == 256


@given(st.binary(max_size=80))
def test_rtp_is_read_totally(data: bytes) -> None:
    rtp.parse(data)
    rtp.parse(b"\x80" + data)
    rtp.parse(b"\xbf" + data)


@given(
    st.builds(
        Packet,
        payload_type=st.integers(0, 127),
        marker=st.booleans(),
        sequence=st.integers(0, 0xFFFF),
        timestamp=st.integers(0, 0xFFFFFFFF),
        ssrc=st.integers(0, 0xFFFFFFFF),
        payload=st.binary(max_size=20),
    )
)
def test_a_packet_comes_back(packet: Packet) -> None:
    assert rtp.parse(rtp.build(packet)) == packet


def test_a_recording_fills_the_gaps_of_the_far_clock() -> None:
    heard = Heard(recording=True)
    for timestamp in (0xFFFFFFF0, 0x00000000, 0x00000020):  # across the wrap, then 16 samples missing
        heard.take(_audio(timestamp, bytes([0xD5]) * 16), events=101)
    assert len(heard.samples()) == 2 * (16 + 16 + 16 + 16)
    assert heard.packets == 3


def test_a_key_counts_once_however_often_its_event_comes() -> None:
    heard = Heard()
    for timestamp, code in ((0, 5), (0, 5), (0, 5), (800, 11), (800, 11), (1600, 200)):
        event = Packet(
            payload_type=101, marker=False, sequence=1, timestamp=timestamp, ssrc=1, payload=bytes([code, 0, 0, 160])
        )
        heard.take(event, events=101)
    assert heard.keys == "5#"


def _audio(timestamp: int, payload: bytes) -> Packet:
    return Packet(payload_type=8, marker=False, sequence=1, timestamp=timestamp, ssrc=1, payload=payload)
