"""The private Asterisk as it really runs: clean, on loopback only, refusing impostors, reachable dialplan."""

from __future__ import annotations

import re
import socket
import uuid

import pytest
from private_pbx import PbxUnderTest

pytestmark = pytest.mark.asterisk

_BAD = re.compile(r"\b(ERROR|WARNING)\[")


def test_it_boots_without_one_error_or_warning(laid_pbx: PbxUnderTest) -> None:
    laid_pbx.stop()
    laid_pbx.paths.messages.unlink(missing_ok=True)
    laid_pbx.start()

    bad = [line for line in laid_pbx.messages().splitlines() if _BAD.search(line)]

    assert "modules will be loaded" in laid_pbx.messages()
    assert bad == []


def test_nothing_listens_outside_loopback(pbx: PbxUnderTest) -> None:
    ours = pbx.listening()
    wide = [where.rpartition(":") for where in ours if not where.startswith("127.0.0.1:")]

    assert set(ours) >= {f"127.0.0.1:{port}" for port in (pbx.ports.sip, pbx.ports.ari, pbx.ports.ami)}
    # What is left is the pair of sockets from which Asterisk's SIP stack would ask its name server (this machine, by
    # the tree's resolv.conf): its DNS client. No setting closes it, and nothing is served there.
    assert [address for address, _, _ in wide] in ([], ["0.0.0.0"], ["0.0.0.0", "::"])  # noqa: S104
    assert not {int(port) for _, _, port in wide} & {pbx.ports.sip, pbx.ports.ari, pbx.ports.ami}


def test_an_unregistered_phone_that_calls_itself_101_is_challenged(pbx: PbxUnderTest) -> None:
    assert _invite(pbx, "101").startswith("SIP/2.0 401 ")


def test_a_registration_needs_the_password(pbx: PbxUnderTest) -> None:
    assert _request(pbx, "REGISTER", "101", "101").startswith("SIP/2.0 401 ")
    assert _request(pbx, "REGISTER", "09121234567", "101").startswith(("SIP/2.0 403 ", "SIP/2.0 404 "))


def test_any_other_phone_reaches_the_inbound_context(pbx: PbxUnderTest) -> None:
    for number in ("100", "7", "+982112345678", "02112345678"):
        assert _invite(pbx, "09121234567", number).startswith("SIP/2.0 100 "), number
    assert _invite(pbx, "09121234567", "nobody").startswith("SIP/2.0 404 ")


def test_the_dialplan_has_every_context(pbx: PbxUnderTest) -> None:
    for context in ("from-trunk", "pbxb-queue", "pbxb-return", "pbxb-fallback", "pbxb-nobody", "from-agents"):
        assert f"Context '{context}'" in pbx.rx(f"dialplan show {context}")
    assert "Dial(" not in pbx.rx("dialplan show from-trunk")


def test_agents_are_members_of_both_queues(pbx: PbxUnderTest) -> None:
    for queue in ("support", "services"):
        told = pbx.rx(f"queue show {queue}")
        assert "rrmemory" in told
        assert "101" in told
        assert "102" in told


def test_it_comes_back_after_a_kill(pbx: PbxUnderTest) -> None:
    pbx.kill()
    pbx.start()
    assert "System uptime" in pbx.rx("core show uptime")


def _invite(pbx: PbxUnderTest, caller: str, called: str = "100") -> str:
    return _request(pbx, "INVITE", caller, called)


def _request(pbx: PbxUnderTest, method: str, caller: str, called: str) -> str:
    """Send one SIP request and give the first answer's status line."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as phone:
        phone.bind(("127.0.0.1", 0))
        phone.settimeout(5)
        phone.connect(("127.0.0.1", pbx.ports.sip))
        phone.send(_message(method, caller, called, phone.getsockname()[1], pbx.ports.sip).encode())
        return phone.recv(4096).decode().splitlines()[0]


def _message(method: str, caller: str, called: str, ours: int, theirs: int) -> str:
    where = f"127.0.0.1:{theirs}"
    body = f"v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio {ours} RTP/AVP 8\r\n"
    lines = [
        f"{method} sip:{called}@{where} SIP/2.0",
        f"Via: SIP/2.0/UDP 127.0.0.1:{ours};branch=z9hG4bK{uuid.uuid4().hex}",
        f"From: <sip:{caller}@127.0.0.1>;tag={uuid.uuid4().hex}",
        f"To: <sip:{called}@{where}>",
        f"Call-ID: {uuid.uuid4().hex}",
        f"CSeq: 1 {method}",
        f"Contact: <sip:{caller}@127.0.0.1:{ours}>",
        "Max-Forwards: 70",
    ]
    if method == "INVITE":
        return "\r\n".join([*lines, "Content-Type: application/sdp", f"Content-Length: {len(body)}", "", body])
    return "\r\n".join([*lines, "Content-Length: 0", "", ""])
