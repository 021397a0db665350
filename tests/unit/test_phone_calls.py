"""Two of our phones call each other on loopback; where a fault is needed, one of them is a peer in our own hand."""

from __future__ import annotations

import asyncio
import wave
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, cast

import pytest

from pbx_bridge.errors import PhoneError
from pbx_bridge.pbx.phone import Answer, CallState, KeysBy, Phone, Reject, Ring, message
from pbx_bridge.pbx.phone.dialog import response_to
from pbx_bridge.pbx.phone.message import Headers, Request, Response
from pbx_bridge.pbx.phone.transactions import Timing

_FAST = Timing(t1=0.02, t2=0.05)


def _uri(phone: Phone) -> str:
    host, port = phone.here
    return f"sip:200@{host}:{port}"


@asynccontextmanager
async def two_phones(keys: KeysBy = KeysBy.RTP, **named: Any) -> AsyncIterator[tuple[Phone, Phone]]:
    caller = Phone(from_number="0912", display_name='a "b" \\', keys=keys, timing=_FAST)
    called = Phone(from_number="200", keys=keys, timing=_FAST, **named)
    async with caller, called:
        yield caller, called


class Peer(asyncio.DatagramProtocol):
    """A far end in the test's own hand: sees every request, answers what `script` says."""

    def __init__(self, script: Callable[[Request, int], list[Response]]) -> None:
        self.seen: list[Request] = []
        self._script, self._changed = script, asyncio.Event()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.DatagramTransport, transport)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        request = message.parse(data)
        if not isinstance(request, Request):
            return
        self.seen.append(request)
        self._changed.set()
        for response in self._script(request, len(self.methods(request.method))):
            self._transport.sendto(message.build(response), addr)

    def methods(self, method: str) -> list[Request]:
        return [request for request in self.seen if request.method == method]

    async def got(self, method: str, times: int = 1) -> list[Request]:
        async with asyncio.timeout(10):
            while len(self.methods(method)) < times:
                self._changed.clear()
                await self._changed.wait()
        return self.methods(method)


@asynccontextmanager
async def peer(script: Callable[[Request, int], list[Response]]) -> AsyncIterator[tuple[Peer, str]]:
    loop = asyncio.get_running_loop()
    transport, far = await loop.create_datagram_endpoint(lambda: Peer(script), local_addr=("127.0.0.1", 0))
    host, port = transport.get_extra_info("sockname")
    try:
        yield far, f"sip:200@{host}:{port}"
    finally:
        transport.close()


def _ok(request: Request, status: int = 200, body: bytes = b"", extra: Headers = ()) -> Response:
    to = message.header(request, "to")
    tagged = to if "tag=" in to or status == 100 else f"{to};tag=far"
    contact: Headers = (("Contact", f"<{request.uri}>"),)
    return response_to(request, status, "Told", to=tagged, extra=(*contact, *extra), body=body)


_MEDIA = b"v=0\r\nc=IN IP4 127.0.0.1\r\nm=audio 9 RTP/AVP 8\r\n"


async def test_a_call_with_audio_both_ways_and_a_goodbye(tmp_path: Path) -> None:
    async with two_phones(on_invite=Answer()) as (caller, called):
        call = await caller.call(_uri(called))
        call.record()
        other = await called.rung()
        assert other.far.display == 'a "b" \\'
        while min(call.heard.packets, other.heard.packets) < 10:  # noqa: ASYNC110 - audio tells nobody
            await asyncio.sleep(0.02)
        await other.hang_up()
        assert (await call.ended(2)).by == "them"
        assert other.ending is not None
        assert other.ending.by == "us"
        call.heard.save(tmp_path / "heard.wav")
    with wave.open(str(tmp_path / "heard.wav")) as file:
        assert (file.getframerate(), file.getnchannels()) == (8000, 1)
        assert file.getnframes() >= 160 * 5


@pytest.mark.parametrize("keys", list(KeysBy))
async def test_a_far_end_that_tells_an_address_for_others_is_reached_by_ours(keys: KeysBy) -> None:
    caller = Phone(from_number="0912", keys=keys, timing=_FAST, far_host="127.0.0.1")
    called = Phone(from_number="200", keys=keys, timing=_FAST, on_invite=Answer())
    async with caller, called:
        uri = _uri(called)
        called._here = ("192.0.2.9", called.here[1])  # of nobody (RFC 5737): its Contact and its audio stand there
        call = await caller.call(uri)
        other = await called.rung()
        await other.answered()
        await call.press("20*#")
        while other.heard.keys != "20*#":  # noqa: ASYNC110 - audio tells nobody
            await asyncio.sleep(0.02)
        await call.hang_up()
        assert (await other.ended(2)).by == "them"


@pytest.mark.parametrize("keys", list(KeysBy))
async def test_keys_arrive_once_each_and_in_order(keys: KeysBy) -> None:
    async with two_phones(keys, on_invite=Answer()) as (caller, called):
        call = await caller.call(_uri(called))
        other = await called.rung()
        await other.answered()
        await call.press("1#A*00", tone_s=0.06, gap_s=0.04)
        async with asyncio.timeout(30):
            while len(other.heard.keys) < 6:  # noqa: ASYNC110 - keys tell nobody
                await asyncio.sleep(0.01)
        assert other.heard.keys == "1#A*00"


async def test_what_is_no_key_is_refused() -> None:
    async with two_phones(on_invite=Answer()) as (caller, called):
        call = await caller.call(_uri(called))
        with pytest.raises(PhoneError, match="no key"):
            await call.press("1x")


async def test_ringing_then_an_answer_by_hand() -> None:
    async with two_phones(on_invite=Ring()) as (caller, called):
        call = await caller.dial(_uri(called))
        await call.ringing()
        assert call.state is CallState.RINGING
        with pytest.raises(PhoneError, match="no answer within"):
            await call.answered(0.05)
        (await called.rung()).answer()
        await call.answered()


async def test_a_refusal_carries_its_status() -> None:
    async with two_phones(on_invite=Reject(status=603)) as (caller, called):
        with pytest.raises(PhoneError) as caught:
            await caller.call(_uri(called))
        assert caught.value.status == 603


async def test_a_caller_who_gives_up_stops_the_ringing() -> None:
    async with two_phones(on_invite=Ring()) as (caller, called):
        call = await caller.dial(_uri(called))
        other = await called.rung()
        await call.hang_up()
        assert (await other.ended(2)).status == 487
        assert call.ending is not None
        assert call.ending.status == 487


async def test_hold_and_resume() -> None:
    async with two_phones(on_invite=Answer()) as (caller, called):
        call = await caller.call(_uri(called))
        other = await called.rung()
        await other.answered()
        await call.hold()
        await call.resume()
        await call.hang_up()
        assert (await other.ended(2)).by == "them"
        with pytest.raises(PhoneError, match="ended"):
            await call.hold()


async def test_leaving_the_phone_hangs_up_its_calls() -> None:
    async with Phone(from_number="200", on_invite=Answer(), timing=_FAST) as called:
        async with Phone(from_number="0912", timing=_FAST) as caller:
            await caller.call(_uri(called))
            other = await called.rung()
            await other.answered()
        assert (await other.ended(2)).by == "them"


async def test_an_invite_is_sent_again_until_somebody_answers_and_no_longer() -> None:
    def script(request: Request, count: int) -> list[Response]:
        return [_ok(request, 180)] if request.method == "INVITE" and count == 3 else []

    async with peer(script) as (far, uri), Phone(from_number="0912", timing=_FAST) as phone:
        call = await phone.dial(uri)
        await call.ringing()
        await asyncio.sleep(10 * _FAST.t1)
        assert len(far.methods("INVITE")) == 3


async def test_silence_ends_at_sixty_four_times_t1() -> None:
    async with peer(lambda request, count: []) as (far, uri), Phone(from_number="0912", timing=_FAST) as phone:
        call = await phone.dial(uri)
        ending = await call.ended(5)
        assert (ending.by, ending.status) == ("network", 408)
        assert 4 < len(far.methods("INVITE")) < 9


async def test_a_repeated_answer_is_acknowledged_again() -> None:
    def script(request: Request, count: int) -> list[Response]:
        if request.method == "INVITE":
            return [_ok(request, 200, _MEDIA)] * 3
        return [_ok(request)] if request.method == "BYE" else []

    async with peer(script) as (far, uri), Phone(from_number="0912", timing=_FAST) as phone:
        call = await phone.call(uri)
        assert len(await far.got("ACK", 3)) == 3
        await call.hang_up()
        assert len(far.methods("BYE")) == 1


async def test_an_answer_without_audio_is_left_at_once() -> None:
    def script(request: Request, count: int) -> list[Response]:
        return [] if request.method == "ACK" else [_ok(request)]

    async with peer(script) as (far, uri), Phone(from_number="0912", timing=_FAST) as phone:
        with pytest.raises(PhoneError, match="no audio"):
            await phone.call(uri)
        await far.got("BYE")


async def test_hanging_up_before_any_sign_of_life_cancels_at_the_first_one() -> None:
    def script(request: Request, count: int) -> list[Response]:
        match request.method:
            case "INVITE" if count == 2:
                return [_ok(request, 100)]
            case "CANCEL":
                invite = Request(method="INVITE", uri=request.uri, headers=_as_invite(request))
                return [_ok(request), _ok(invite, 487)]
            case _:
                return []

    async with peer(script) as (far, uri), Phone(from_number="0912", timing=_FAST) as phone:
        call = await phone.dial(uri)
        await call.hang_up()
        assert call.ending is not None
        assert call.ending.status == 487
        (cancel,) = far.methods("CANCEL")
        assert message.branch(cancel) == message.branch(far.methods("INVITE")[0])
        (ack,) = await far.got("ACK")
        assert message.branch(ack) == message.branch(cancel)


def _as_invite(request: Request) -> Headers:
    number, _ = message.cseq(request)
    return tuple((n, f"{number} INVITE" if n == "CSeq" else v) for n, v in request.headers)


async def test_a_call_is_signed_in_once_and_a_second_challenge_ends_it() -> None:
    asked: Headers = (("WWW-Authenticate", 'Digest realm="r", nonce="n", qop="auth"'),)

    def script(request: Request, count: int) -> list[Response]:
        match request.method:
            case "REGISTER" if message.header(request, "authorization"):
                return [_ok(request)]
            case "ACK":
                return []
            case _:
                return [_ok(request, 401, extra=asked)]

    async with peer(script) as (far, uri), Phone(from_number="101", timing=_FAST) as phone:
        await phone.register(uri.replace("200@", ""), "secret")
        with pytest.raises(PhoneError) as caught:
            await phone.call(uri)
        assert caught.value.status == 401
        first, second = far.methods("INVITE")
        assert 'username="101"' in message.header(second, "authorization")
        assert message.cseq(second)[0] == message.cseq(first)[0] + 1
        assert message.branch(second) != message.branch(first)
    assert message.header(far.methods("REGISTER")[-1], "expires") == "0"
    assert not [request for request in far.seen if b"secret" in message.build(request)]


async def test_a_registration_that_is_refused_says_so() -> None:
    async with (
        peer(lambda request, count: [_ok(request, 403)]) as (_, uri),
        Phone(from_number="101", timing=_FAST) as phone,
    ):
        with pytest.raises(PhoneError) as caught:
            await phone.register(uri, "x")
        assert caught.value.status == 403


async def test_strange_requests_get_sane_answers() -> None:
    async with Phone(from_number="200", on_invite=Answer(), timing=_FAST) as phone, _sender(phone) as ask:
        assert (await ask("OPTIONS")).status == 200
        assert (await ask("NOTIFY")).status == 200
        assert (await ask("SUBSCRIBE")).status == 405
        assert (await ask("BYE", tag="nobody")).status == 481
        assert (await ask("CANCEL")).status == 481


async def test_rubbish_is_ignored_and_the_phone_lives_on() -> None:
    async with Phone(from_number="200", timing=_FAST) as phone, _sender(phone) as ask:
        for data in (b"", b"\0" * 50, b"INVITE\r\n\r\n", b"SIP/2.0 200 OK\r\n\r\n", b"BYE sip:x SIP/2.0\r\n\r\n"):
            ask.raw(data)
        assert (await ask("OPTIONS")).status == 200


class _Asker(asyncio.DatagramProtocol):
    def __init__(self, phone: Phone) -> None:
        self._phone, self._answers = phone, asyncio.Queue[Response]()
        self._count = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.DatagramTransport, transport)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        told = message.parse(data)
        assert isinstance(told, Response)
        self._answers.put_nowait(told)

    def raw(self, data: bytes) -> None:
        self._transport.sendto(data, self._phone.here)

    async def __call__(self, method: str, tag: str = "") -> Response:
        self._count += 1
        headers: Headers = (
            ("Via", f"SIP/2.0/UDP 127.0.0.1:1;branch=z9hG4bK{self._count}"),
            ("From", "<sip:1@127.0.0.1>;tag=a"),
            ("To", "<sip:200@127.0.0.1>" + (f";tag={tag}" if tag else "")),
            ("Call-ID", f"c{self._count}"),
            ("CSeq", f"1 {method}"),
        )
        self.raw(message.build(Request(method=method, uri="sip:200@127.0.0.1", headers=headers)))
        async with asyncio.timeout(30):
            return await self._answers.get()


@asynccontextmanager
async def _sender(phone: Phone) -> AsyncIterator[_Asker]:
    loop = asyncio.get_running_loop()
    transport, asker = await loop.create_datagram_endpoint(lambda: _Asker(phone), local_addr=("127.0.0.1", 0))
    try:
        yield asker
    finally:
        transport.close()
