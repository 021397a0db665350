"""What a phone says when it sends a call elsewhere, and that a person who speaks is heard."""

from __future__ import annotations

import array
import asyncio
from urllib.parse import unquote

import pytest
from test_phone_calls import _uri, peer, two_phones

from pbx_bridge.errors import PhoneError
from pbx_bridge.pbx.phone import Answer, Ring, g711, message
from pbx_bridge.pbx.phone.dialog import response_to
from pbx_bridge.pbx.phone.message import Request, Response


async def test_a_phone_that_is_forwarded_answers_302_with_the_other_address() -> None:
    async with two_phones(on_invite=Ring()) as (caller, called):
        call = await caller.dial(_uri(called))
        ringing = await called.rung()
        ringing.redirect("sip:102@127.0.0.1:5060")
        with pytest.raises(PhoneError, match="302"):
            await call.answered()
        assert ringing.ending is not None
        assert ringing.ending.status == 302


async def test_a_transfer_is_a_refer_and_names_the_call_it_replaces() -> None:
    def script(request: Request, _: int) -> list[Response]:
        status = {"INVITE": 180, "REFER": 202}.get(request.method, 200)
        to = message.header(request, "to")
        contact = (("Contact", "<sip:far@127.0.0.1:9>"),) if request.method == "INVITE" else ()
        return [response_to(request, status, "x", to=to if "tag=" in to else f"{to};tag=far", extra=contact)]

    async with two_phones(on_invite=Answer()) as (caller, called), peer(script) as (_, uri):
        consultation = await caller.dial(uri)
        await consultation.ringing()
        replaced = unquote(consultation.dialog.replaces)
        assert replaced == (f"{consultation.dialog.call_id};to-tag=far;from-tag={consultation.dialog.local_tag}"), (
            "also while it rings"
        )
        call = await caller.call(_uri(called))
        assert await call.transfer("sip:102@127.0.0.1") == 405, "our own phone takes no REFER"


async def test_a_phone_that_speaks_is_heard() -> None:
    async with two_phones(on_invite=Answer()) as (caller, called):
        call = await caller.call(_uri(called))
        other = await called.rung()
        await other.answered()
        call.speak()
        other.record()
        while other.heard.packets < 20:  # noqa: ASYNC110 - audio tells nobody
            await asyncio.sleep(0.02)
        samples = array.array("h", other.heard.samples())
    assert max(samples) > 10_000


def test_both_tones_are_one_sound() -> None:
    alaw = array.array("h", g711.alaw_to_linear(g711.ALAW_TONE))
    ulaw = array.array("h", g711.ulaw_to_linear(g711.ULAW_TONE))
    assert all(abs(one - other) < 0.05 * max(alaw) for one, other in zip(alaw, ulaw, strict=True))
