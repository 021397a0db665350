"""Services that lie, linger, break off or ask for trouble, against a real server; and what is remembered of them."""

from __future__ import annotations

import asyncio
import gzip
import ipaddress
import json
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from aiohttp import web
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID
from structlog.testing import capture_logs

from pbx_bridge.errors import ServiceUnavailable
from pbx_bridge.health import Health, LinkState
from pbx_bridge.ivr.fields import ServiceAnswer
from pbx_bridge.ivr.known import Kept
from pbx_bridge.ivr.questions import AskService, CustomerOfCaller, TellService
from pbx_bridge.services.client import ServiceClient
from pbx_bridge.services.exchange import MAX_BODY
from pbx_bridge.services.lookups import ServiceLookups
from pbx_bridge.services.memory import FAILURES, REST_S, Breaker, Cache
from pbx_bridge.services.service import Method, Service, with_token
from pbx_bridge.services.template import UrlTemplate

SECRET = "s3cret-of-the-crm"
Reply = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass
class Toy:
    """A service on loopback whose replies a test chooses, and a client of it."""

    reply: Reply
    port: int = 1
    asked: list[web.BaseRequest] = field(default_factory=list)
    bodies: list[bytes] = field(default_factory=list)
    peers: set[object] = field(default_factory=set)
    came: asyncio.Event = field(default_factory=asyncio.Event)
    now: float = 1000.0
    health: Health = field(default_factory=Health)

    async def serve(self, request: web.Request) -> web.StreamResponse:
        self.asked.append(request)
        self.bodies.append(await request.read())
        self.peers.add(request.transport.get_extra_info("peername") if request.transport else None)
        self.came.set()
        return await self.reply(request)

    def service(self, *, method: Method = "GET", limit_s: float = 2.0, cache_s: float = 0.0) -> Service:
        url = UrlTemplate.parse(f"http://127.0.0.1:{self.port}/customers/{{code}}")
        if method == "POST":
            url = UrlTemplate.parse(f"http://127.0.0.1:{self.port}/told")
        headers = with_token({}, SECRET)
        return Service(name="toy", url=url, method=method, headers=headers, limit_s=limit_s, cache_s=cache_s)

    @asynccontextmanager
    async def client(
        self, *, method: Method = "GET", limit_s: float = 2.0, cache_s: float = 0.0
    ) -> AsyncIterator[ServiceClient]:
        service = self.service(method=method, limit_s=limit_s, cache_s=cache_s)
        client = ServiceClient({"toy": service}, self.health, clock=lambda: self.now)
        async with client.open():
            yield client


@asynccontextmanager
async def toy(reply: Reply) -> AsyncIterator[Toy]:
    """The server, up."""
    there = Toy(reply)
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", there.serve)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    there.port = runner.addresses[0][1]
    try:
        yield there
    finally:
        await runner.cleanup()


def says(body: bytes | str, status: int = 200, **headers: str) -> Reply:
    async def reply(_: web.Request) -> web.StreamResponse:
        raw = body.encode() if isinstance(body, str) else body
        return web.Response(
            body=raw, status=status, headers={name.replace("_", "-"): v for name, v in headers.items()}
        )

    return reply


async def asked(reply: Reply, code: str = "1001", limit_s: float = 2.0) -> object:
    async with toy(reply) as there, there.client(limit_s=limit_s) as client:
        return await client.ask("toy", {"code": code})


async def reason(reply: Reply, limit_s: float = 2.0) -> str:
    with pytest.raises(ServiceUnavailable) as caught:
        await asked(reply, limit_s=limit_s)
    assert "1001" not in str(caught.value)
    return str(caught.value)


# --- what it says -------------------------------------------------------------------------------------------------


async def test_json_is_an_answer_whatever_it_is_called() -> None:
    assert await asked(says('{"balance": 125000}', Content_Type="text/html")) == {"balance": 125000}


@pytest.mark.parametrize("reply", [says("", status=404), says("null"), says("<html>", status=404)])
async def test_404_and_null_are_no_such_thing(reply: Reply) -> None:
    assert await asked(reply) is None


@pytest.mark.parametrize(
    ("body", "why"),
    [
        ("<html>Welcome</html>", "no JSON"),
        ("", "no JSON"),
        ('{"balance": NaN}', "no JSON"),
        ('{"balance": Infinity}', "no JSON"),
        ('{"balance": 1e999}', "no JSON"),
        ("9" * 60_000, "no JSON"),
        ("[" * 60_000, "no JSON"),
        ('{"a": 1} {"a": 2}', "no JSON"),
        (b'{"a": "\xff"}', "no JSON"),
        (json.dumps("x" * (MAX_BODY + 1)), "larger than 64 KiB"),
    ],
)
async def test_what_is_no_json_is_no_answer(body: str | bytes, why: str) -> None:
    assert why in await reason(says(body))


async def test_just_as_much_as_may_be_is_read() -> None:
    assert await asked(says(json.dumps("x" * (MAX_BODY - 2)))) == "x" * (MAX_BODY - 2)


@pytest.mark.parametrize("status", [201, 204, 301, 302, 307, 400, 401, 403, 429, 500, 503])
async def test_any_other_status_is_no_answer(status: int) -> None:
    told = says('{"a": 1}', status=status, Location="http://127.0.0.1:1/")
    if status == 201:
        assert await asked(told) == {"a": 1}
    else:
        assert (f"HTTP status {status}" if status != 204 else "no JSON") in await reason(told)


async def test_a_redirect_is_not_followed_and_takes_no_secret_along() -> None:
    async with toy(says('{"a": 1}')) as elsewhere:
        told = says("", status=302, Location=f"http://127.0.0.1:{elsewhere.port}/")
        assert "HTTP status 302" in await reason(told)
        assert elsewhere.asked == []


async def test_a_compressed_bomb_is_not_opened() -> None:
    bomb = gzip.compress(b'{"a": "' + b"x" * 50_000_000 + b'"}')
    assert len(bomb) < MAX_BODY
    assert "compressed" in await reason(says(bomb, Content_Encoding="gzip"))


# --- how long it takes --------------------------------------------------------------------------------------------


async def drips(request: web.Request) -> web.StreamResponse:
    response = web.StreamResponse()
    await response.prepare(request)
    await response.write(b'{"a": "')
    while True:
        await response.write(b"x")
        await asyncio.sleep(0.01)


async def floods(request: web.Request) -> web.StreamResponse:
    response = web.StreamResponse()
    await response.prepare(request)
    while True:
        await response.write(b"x" * 65_536)


async def is_silent(_: web.Request) -> web.StreamResponse:
    await asyncio.Event().wait()
    raise AssertionError


async def breaks_off(request: web.Request) -> web.StreamResponse:
    response = web.StreamResponse(headers={"Content-Length": "1000"})
    await response.prepare(request)
    await response.write(b'{"a": 1')
    assert request.transport is not None
    request.transport.close()
    return response


@pytest.mark.parametrize("reply", [drips, is_silent])
async def test_the_limit_is_for_the_whole_answer(reply: Reply) -> None:
    loop = asyncio.get_running_loop()
    began = loop.time()
    assert "no answer within 0.2 s" in await reason(reply, limit_s=0.2)
    assert loop.time() - began < 1.5


async def test_a_body_without_end_is_left() -> None:
    assert "larger than 64 KiB" in await reason(floods)


async def test_what_breaks_off_is_no_answer() -> None:
    assert "connection was lost" in await reason(breaks_off)


async def test_a_server_that_speaks_no_http() -> None:
    async def chat(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 mail.example ESMTP\r\n")
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(chat, "127.0.0.1", 0)
    async with server:
        there = Toy(is_silent, port=server.sockets[0].getsockname()[1])
        async with there.client() as client:
            with pytest.raises(ServiceUnavailable, match="no HTTP"):
                await client.ask("toy", {"code": "1"})


def certificate(folder: Path) -> ssl.SSLContext:
    """One that this machine signed itself."""
    key, name = ec.generate_private_key(ec.SECP256R1()), x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "x")])
    now = datetime.now(UTC)
    made = x509.CertificateBuilder(name, name, key.public_key(), 1, now - timedelta(1), now + timedelta(1))
    here = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
    signed = made.add_extension(here, critical=False).sign(key, hashes.SHA256())
    path = folder / "both.pem"
    plain = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    path.write_bytes(plain + signed.public_bytes(Encoding.PEM))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(path)
    return context


async def test_a_certificate_that_nobody_vouches_for_is_refused(tmp_path: Path) -> None:
    met: list[object] = []
    server = await asyncio.start_server(
        lambda _, writer: met.append(writer), "127.0.0.1", 0, ssl=certificate(tmp_path)
    )
    async with server:
        port = server.sockets[0].getsockname()[1]
        service = Service(name="toy", url=UrlTemplate.parse(f"https://127.0.0.1:{port}/"), headers={"X": SECRET})
        client = ServiceClient({"toy": service})
        async with client.open():
            with pytest.raises(ServiceUnavailable, match="certificate is not to be trusted"):
                await client.ask("toy", {})
    assert met == []


async def test_nobody_listens() -> None:
    async with Toy(is_silent, port=1).client() as client:
        with pytest.raises(ServiceUnavailable, match="cannot be reached"):
            await client.ask("toy", {"code": "1"})


# --- what is asked ------------------------------------------------------------------------------------------------


async def test_it_is_asked_for_json_uncompressed_with_its_secret_and_no_cookie_is_kept() -> None:
    async with toy(says("{}", Set_Cookie="a=b; Path=/")) as there, there.client() as client:
        await client.ask("toy", {"code": "علی/../x y"})
        await client.ask("toy", {"code": "2"})
        first, second = there.asked
    assert first.raw_path == "/customers/%D8%B9%D9%84%DB%8C%2F..%2Fx%20y"
    assert first.headers["Authorization"] == f"Bearer {SECRET}"
    assert (first.headers["Accept"], first.headers["Accept-Encoding"]) == ("application/json", "identity")
    assert "Cookie" not in second.headers
    assert len(there.peers) == 1, "the connection is kept"


@pytest.mark.parametrize("code", ["", ".", "..", "a\nb", "\ud800", "x" * 501])
async def test_an_argument_that_cannot_stand_in_a_url_is_not_sent(code: str) -> None:
    async with toy(says("{}")) as there, there.client() as client:
        with pytest.raises(ServiceUnavailable, match="argument code cannot stand in a URL"):
            await client.ask("toy", {"code": code})
        assert there.asked == []
        assert "toy" not in str(there.health.links()), "the service is not to blame"


async def test_a_post_has_the_arguments_as_json() -> None:
    async with toy(says('{"a": 1}')) as there, there.client(method="POST") as client:
        assert await client.ask("toy", {"code": "1", "n": 2, "yes": True}) == {"a": 1}
        assert json.loads(there.bodies[0]) == {"code": "1", "n": 2, "yes": True}
        assert "Idempotency-Key" not in there.asked[0].headers


async def test_what_is_told_again_has_the_same_key_and_another_time_another() -> None:
    async with toy(says("<html>thanks", status=202)) as there, there.client(method="POST") as client:
        for origin, code in (("a", "1"), ("a", "1"), ("b", "1"), ("a", "2")):
            assert await client.tell("toy", {"code": code}, origin)
        keys = [request.headers["Idempotency-Key"] for request in there.asked]
    assert keys[0] == keys[1]
    assert len(set(keys)) == 3


async def test_who_is_asked_by_get_cannot_be_told() -> None:
    async with toy(says("{}")) as there, there.client() as client:
        with pytest.raises(ServiceUnavailable, match="cannot be told"):
            await client.tell("toy", {"code": "1"}, "a")
        assert there.asked == []


async def test_a_service_that_the_settings_do_not_have() -> None:
    async with Toy(is_silent).client() as client:
        with pytest.raises(ServiceUnavailable, match="no such service"):
            await client.ask("other", {})


# --- what is remembered -------------------------------------------------------------------------------------------


async def test_many_who_ask_the_same_at_once_are_one_request() -> None:
    go = asyncio.Event()

    async def waits(_: web.Request) -> web.StreamResponse:
        await go.wait()
        return web.Response(body=b'{"a": 1}')

    async with toy(waits) as there, there.client() as client:
        tasks = [asyncio.create_task(client.ask("toy", {"code": "1"})) for _ in range(50)]
        other = asyncio.create_task(client.ask("toy", {"code": "2"}))
        await there.came.wait()
        tasks[0].cancel()  # the first caller hangs up
        go.set()
        told = await asyncio.gather(*tasks, return_exceptions=True)
        assert isinstance(told[0], asyncio.CancelledError)
        assert told[1:] == [{"a": 1}] * 49
        assert await other == {"a": 1}
        assert len(there.asked) == 2


async def test_an_answer_counts_for_its_time_and_no_such_thing_too() -> None:
    async with toy(says("null")) as there, there.client(cache_s=10) as client:
        for _ in range(3):
            assert await client.ask("toy", {"code": "1"}) is None
        await client.ask("toy", {"code": "2"})
        assert len(there.asked) == 2
        there.now += 10
        await client.ask("toy", {"code": "1"})
        assert len(there.asked) == 3


async def test_without_a_time_to_keep_it_is_asked_each_time() -> None:
    async with toy(says("{}")) as there, there.client() as client:
        for _ in range(3):
            await client.ask("toy", {"code": "1"})
        assert len(there.asked) == 3


async def test_an_error_is_not_kept() -> None:
    replies = [says("<html>"), says('{"a": 1}')]

    async def changes(request: web.Request) -> web.StreamResponse:
        return await replies.pop(0)(request)

    async with toy(changes) as there, there.client(cache_s=10) as client:
        with pytest.raises(ServiceUnavailable):
            await client.ask("toy", {"code": "1"})
        assert await client.ask("toy", {"code": "1"}) == {"a": 1}


def test_the_cache_has_room_for_so_many() -> None:
    cache = Cache(most=3)
    for code in range(10):
        cache.keep(("toy", code), b"{}", 5.0)
    assert len(cache) == 3
    assert cache.has(("toy", 9), 4.9)
    assert not cache.has(("toy", 9), 5.0)
    assert not cache.has(("toy", 6), 0.0)


async def test_a_service_that_fails_is_left_alone_for_a_moment() -> None:
    async with toy(says("", status=500)) as there, there.client() as client:
        for code in range(FAILURES + 5):
            with pytest.raises(ServiceUnavailable):
                await client.ask("toy", {"code": code})
        assert len(there.asked) == FAILURES
        there.now += REST_S
        for code in range(5):
            with pytest.raises(ServiceUnavailable):
                await client.ask("toy", {"code": code})
        assert len(there.asked) == FAILURES + 1
        there.now += REST_S
        there.reply = says('{"a": 1}')
        for _ in range(3):
            assert await client.ask("toy", {"code": "1"}) == {"a": 1}


async def test_who_keys_what_a_service_refuses_does_not_close_it_for_others() -> None:
    async with toy(says("", status=400)) as there, there.client() as client:
        for code in range(2 * FAILURES):
            with pytest.raises(ServiceUnavailable):
                await client.ask("toy", {"code": code})
        assert len(there.asked) == 2 * FAILURES


def test_a_breaker_lets_one_ahead_after_its_rest() -> None:
    breaker = Breaker()
    for _ in range(FAILURES):
        assert breaker.lets(0.0)
        breaker.tell(0.0, failed=True)
    assert not breaker.lets(REST_S - 0.1)
    assert [breaker.lets(REST_S) for _ in range(3)] == [True, False, False]
    breaker.tell(REST_S, failed=False)
    assert breaker.lets(REST_S)


# --- what is told of it -------------------------------------------------------------------------------------------


async def test_neither_secret_nor_argument_is_logged() -> None:
    with capture_logs() as logs:
        for reply in (says("", status=500), says("<html>"), breaks_off, says("{}", Content_Encoding="br")):
            async with toy(reply) as there, there.client() as client:
                with pytest.raises(ServiceUnavailable):
                    await client.ask("toy", {"code": "0912555"})
                assert SECRET not in repr(there.service())
    assert [entry["event"] for entry in logs] == ["service_failed"] * 4
    assert SECRET not in repr(logs)
    assert "0912555" not in repr(logs)


async def test_requests_are_counted_by_result_and_a_failing_service_keeps_nobody_from_being_ready() -> None:
    async with toy(says("{}")) as there, there.client() as client:
        await client.ask("toy", {"code": "1"})
        there.reply = says("", status=404)
        await client.ask("toy", {"code": "1"})
        assert [(link.name, link.state) for link in there.health.links()][-1] == ("service toy", LinkState.UP)
        there.reply = says("<html>")
        with pytest.raises(ServiceUnavailable):
            await client.ask("toy", {"code": "1"})
        assert client.meters.requests.counts == {("toy", "found"): 1, ("toy", "none"): 1, ("toy", "unavailable"): 1}
        assert sum(client.meters.seconds.counts) == 3
        link = there.health.links()[-1]
        assert (link.state, link.detail) == (LinkState.DEGRADED, "the answer is no JSON")


async def test_what_is_under_way_at_the_end_is_given_up() -> None:
    async with toy(is_silent) as there:
        async with there.client() as client:
            waiting = asyncio.create_task(client.ask("toy", {"code": "1"}))
            await there.came.wait()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        with pytest.raises(ServiceUnavailable, match="not asked yet"):
            await client.ask("toy", {"code": "1"})


# --- as flows ask -------------------------------------------------------------------------------------------------


async def test_a_flow_is_told_what_it_asked_for_or_why_not() -> None:
    body = '{"balance": 125000, "who": {"name": "علی"}}'
    gives = {"balance": "toman", "name": "text at who.name"}
    async with toy(says(body)) as there, there.client() as client:
        lookups = ServiceLookups(client)
        told = await lookups.answer(AskService("toy", {"code": "1"}, gives))
        assert told == ServiceAnswer(values={"balance": Kept("toman", "125000"), "name": Kept("text", "علی")})
        wrong = await lookups.answer(AskService("toy", {"code": "1"}, {"balance": "date"}))
        assert wrong == ServiceAnswer(trouble="field balance is no date")
        there.reply = says("null")
        assert await lookups.answer(AskService("toy", {"code": "1"}, gives)) is None
        there.reply = says("", status=500)
        assert await lookups.answer(AskService("toy", {"code": "1"})) == ServiceAnswer(
            trouble="it answered with HTTP status 500"
        )
        with pytest.raises(ValueError, match="know nothing"):
            await lookups.answer(CustomerOfCaller("0912"))


async def test_a_flow_that_tells_knows_whether_it_was_taken() -> None:
    async with toy(says("", status=204)) as there, there.client(method="POST") as client:
        lookups, question = ServiceLookups(client), TellService("toy", {"a": 1}, "origin")
        assert await lookups.answer(question) == ServiceAnswer()
        there.reply = says("", status=404)
        assert await lookups.answer(question) is None
        there.reply = says("", status=500)
        assert await lookups.answer(question) == ServiceAnswer(trouble="it answered with HTTP status 500")
