"""A company's PBX rendered from one settings file, on a real Asterisk: it boots clean, and every call arrives."""

from __future__ import annotations

import re
import shutil
import socket
import ssl
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest
import trustme
from harness import sipp
from harness.need import need, no_asterisk
from harness.provider import Provider
from harness.sipp import Hangup, Pause
from own_ports import own_port
from private_pbx import PbxUnderTest, free_ports, place_announcements

from pbx_bridge.calls.fact_text import cel_fact, decode
from pbx_bridge.calls.facts import CelRow
from pbx_bridge.config import load
from pbx_bridge.config.pbx_plan import pbx_plan
from pbx_bridge.errors import PbxError
from pbx_bridge.ivr.opening.hours import weekday
from pbx_bridge.pbx.instance import lay_instance
from pbx_bridge.pbx.paths import PbxPaths, instance_paths, link_home
from pbx_bridge.pbx.phone import message
from pbx_bridge.pbx.phone.phone import Answer, Phone
from pbx_bridge.pbx.plan import PbxPlan
from pbx_bridge.pbx.program import Asterisk
from pbx_bridge.pbx.tree import BULLSEYE, Suite
from pbx_bridge.values.dates import TEHRAN
from tools.asterisks import ROOT, asterisk_of

pytestmark = pytest.mark.asterisk

PASSWORD = 'given;by="them'
CALLER = "09121234567"
_BAD = re.compile(r"\b(ERROR|WARNING)\[")

SETTINGS = """
[pbx]
root = "{root}"
sip_host = "0.0.0.0"
phones = ["127.0.0.1/32"]
sip_port = {ports.sip}
sip_tls_port = {ports.sip_tls}
sip_certificate = "{inside}/sip.pem"
sip_key = "{inside}/sip.pem"
ari_port = {ports.ari}
ami_port = {ports.ami}
rtp_start = {ports.rtp_start}
rtp_end = {ports.rtp_end}
out = ["shatel", "mci"]
agents = {{ 101 = "سارا محمدی", 102 = "", 1103 = "Ali" }}
hours = {{ "sat-fri" = "00:00-24:00" }}

[pbx.trunks.shatel]
host = "127.0.0.2"
port = {provider}
username = "02191001234"
register = true
number = "02191001234"

[pbx.trunks.mci]
host = "127.0.0.3"
port = {gateway}
addresses = ["127.0.0.3/32"]

[pbx.queues.support]
members = ["101"]
[pbx.queues.sales]
members = ["101", "1103"]
penalties = {{ 101 = 5 }}
[pbx.queues.vip]
members = ["102"]

[pbx.numbers."02191001234"]
queue = "vip"
[pbx.numbers."0219200XXXX"]
flow = "after_hours"
language = "en"
queue = "sales"
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Company:
    """An Asterisk on that configuration, and the world around it."""

    pbx: PbxUnderTest
    provider: Provider
    gateway: Phone
    authority: trustme.CA

    @property
    def sip(self) -> str:
        return f"127.0.0.1:{self.pbx.ports.sip}"

    async def agent(self, stack: AsyncExitStack, number: str) -> Phone:
        """An agent's registered phone, which answers."""
        phone = await stack.enter_async_context(Phone(from_number=number, on_invite=Answer()))
        await phone.register(f"sip:{self.sip}", self.pbx.secrets.agents[number])
        return phone

    def rows(self) -> list[CelRow]:
        """The CEL spool."""
        told = []
        for number, line in enumerate(self.pbx.paths.cel.read_text().splitlines()):
            fact = decode(cel_fact(node="pbx1", file="cel", offset=number, body=line))
            assert isinstance(fact, CelRow)
            told.append(fact)
        return told


def plan_of(home: Path, asterisk: Asterisk) -> PbxPlan:
    """What the settings in HOME ask for."""
    return pbx_plan(load({"PBX_BRIDGE_HOME": str(home)}), asterisk)


def certify(paths: PbxPaths, authority: trustme.CA) -> None:
    """SIP's certificate and its key, in one file where Asterisk can read it."""
    paths.base.mkdir(parents=True)
    authority.issue_cert("127.0.0.1").private_key_and_cert_chain_pem.write_to_path(str(paths.base / "sip.pem"))


@asynccontextmanager
async def company(home: Path, asterisk: Asterisk) -> AsyncIterator[Company]:
    """Rendered from HOME's settings, laid and started."""
    async with (
        Provider("127.0.0.2", user="02191001234", password=PASSWORD) as provider,
        Phone(local_host="127.0.0.3", from_number="world", on_invite=Answer()) as gateway,
    ):
        paths, authority = instance_paths(home, asterisk.root), trustme.CA()
        certify(paths, authority)
        told = {
            "root": asterisk.root or ROOT,
            "ports": replace(free_ports(), sip_tls=own_port()),
            "inside": paths.inside(paths.base),
            "provider": provider.port,
            "gateway": gateway.here[1],
        }
        (home / "pbx_bridge.toml").write_text(SETTINGS.format(**told))
        (home / "secrets").mkdir(mode=0o700)
        (home / "secrets" / "trunk_shatel").write_text(PASSWORD)
        pbx = PbxUnderTest(home=home, asterisk=asterisk, plan=plan_of(home, asterisk))
        try:
            lay_instance(asterisk, pbx.plan)
            link_home(home, pbx.paths)
            place_announcements(pbx.paths)
            pbx.start()
            yield Company(pbx=pbx, provider=provider, gateway=gateway, authority=authority)
        finally:
            pbx.stop()
            shutil.rmtree(pbx.paths.base, ignore_errors=True)


@pytest.fixture
def home() -> Iterator[Path]:
    """Gone from the disk afterwards. Asterisk's user must reach it."""
    folder = Path(tempfile.mkdtemp(prefix="pbxb-test-"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(params=[None, BULLSEYE], ids=["newest", "16"])
def asterisk(request: pytest.FixtureRequest) -> Asterisk:
    """The one that other tests run too, and Issabel's. That is left out where Debian's mirror has it no more."""
    need("sipp")
    suite: Suite | None = request.param
    try:
        return asterisk_of(suite)
    except PbxError as error:
        no_asterisk(error, suite.name if suite else None)


@pytest.fixture
async def house(home: Path, asterisk: Asterisk) -> AsyncIterator[Company]:
    """All of it, running."""
    async with company(home, asterisk) as one:
        yield one


async def test_two_trunks_three_queues_and_two_numbers_of_one_settings_file(house: Company) -> None:
    await house.provider.registered()
    assert "02191001234@" in house.provider.contact, "calls of this trunk come in with our number"
    bad = [line for line in house.pbx.messages().splitlines() if _BAD.search(line)]
    assert bad == []

    async with AsyncExitStack() as stack:
        desks = {number: await house.agent(stack, number) for number in ("101", "102", "1103")}
        # No daemon: each number's own queue takes the call, whichever form the provider writes it in.
        for trunk, here, called, agent in (
            ("shatel", "127.0.0.2", "+982191001234", "102"),
            ("mci", "127.0.0.3", "02192005555", "1103"),
            ("mci", "127.0.0.3", "02100000000", "101"),
        ):
            placed = await sipp.run(
                house.sip, [Pause(0.7), Hangup()], caller=CALLER, shown="sipp", to=called, here=here
            )
            assert placed.status == 0, placed.output
            answered = await desks[agent].rung()
            await answered.ended(5)
            first = next(row for row in house.rows() if row.channel_name.startswith(f"PJSIP/{trunk}-"))
            assert (first.context, first.num) == ("from-trunk", CALLER)

        # Out: the first trunk refuses, the second takes it; our number is shown, and not the agent's.
        call = await desks["101"].call(f"sip:02188776655@{house.sip}")
        reached = await house.gateway.rung()
        refused = await house.provider.asked.get()
        assert message.parse_uri(refused.uri) == message.Uri(
            user="02188776655", host="127.0.0.2", port=house.provider.port
        )
        shown = message.parse_address(message.header(refused, "from"))
        assert (shown.display, message.parse_uri(shown.uri).user) == ("", "02191001234")  # type: ignore[union-attr]
        await call.hang_up()
        await reached.ended(5)

    assert _answer(house, "127.0.0.9").startswith("SIP/2.0 403 "), "whoever nobody named is refused"
    assert _answer(house, "127.0.0.3").startswith("SIP/2.0 200 ")
    trust = ssl.create_default_context()
    house.authority.configure_trust(trust)
    with (
        socket.create_connection(("127.0.0.1", house.pbx.ports.sip_tls), timeout=5) as line,
        trust.wrap_socket(line, server_hostname="127.0.0.1") as secure,
    ):
        secure.sendall(_options(house, "TLS", "127.0.0.1:5061"))
        assert secure.recv(4096).startswith(b"SIP/2.0 200 ")

    # Another day's hours: nobody is there, and the company's box takes a message.
    other_day = weekday((datetime.now(TEHRAN) + timedelta(days=3)).date())
    settings = (house.pbx.home / "pbx_bridge.toml").read_text()
    (house.pbx.home / "pbx_bridge.toml").write_text(settings.replace("sat-fri", other_day))
    lay_instance(house.pbx.asterisk, plan_of(house.pbx.home, house.pbx.asterisk))
    house.pbx.rx("dialplan reload")
    placed = await sipp.run(
        house.sip, [Pause(2.5), Hangup()], caller=CALLER, shown="late", to="02191001234", here="127.0.0.2"
    )
    assert placed.status == 0, placed.output
    late = [row for row in house.rows() if row.event == "APP_START"][-1]
    assert (late.app, late.context) == ("VoiceMail", "pbxb-mailbox")


def _answer(house: Company, here: str) -> str:
    """What an OPTIONS from that address of this machine is answered."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as door:
        door.bind((here, 0))
        door.settimeout(5)
        where = f"{here}:{door.getsockname()[1]}"
        door.sendto(_options(house, "UDP", where), ("127.0.0.1", house.pbx.ports.sip))
        return door.recv(4096).decode()


def _options(house: Company, kind: str, where: str) -> bytes:
    return (
        f"OPTIONS sip:{house.sip} SIP/2.0\r\nVia: SIP/2.0/{kind} {where};branch=z9hG4bKx{where}\r\n"
        f"From: <sip:x@{where}>;tag=1\r\nTo: <sip:{house.sip}>\r\nCall-ID: {where}\r\nCSeq: 1 OPTIONS\r\n"
        f"Contact: <sip:x@{where}>\r\nMax-Forwards: 70\r\nContent-Length: 0\r\n\r\n"
    ).encode()
