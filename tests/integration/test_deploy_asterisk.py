"""A deployment onto a company's own PBX, with a real Asterisk: called through, taken back, every byte as before."""

from __future__ import annotations

import asyncio
import json
import re
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from company_pbx import COMMAND, PHONE, PHONE_SECRET, CompanyPbx, company_pbx
from harness import sipp
from harness.need import an_asterisk
from harness.sipp import Hangup, Pause
from harness.system import SystemUnderTest, place_sounds, talking
from own_ports import own_port
from pbx_folders import NUMBER, look

from pbx_bridge.deploy.overlay import SPOOL
from pbx_bridge.pbx import healthcheck
from pbx_bridge.pbx.phone import Phone
from pbx_bridge.pbx.phone.phone import Answer

pytestmark = [pytest.mark.asterisk, pytest.mark.timeout(120)]
CALLER = "09121234567"
RECORDED = {"direction": "inbound", "called": NUMBER, "outcome": "answered", "agents": [PHONE]}


FLOW = """flow: first
languages: [fa]
start: operator
person: operator
filler: one_moment
nodes:
  operator: {kind: queue, queue: "400", nobody: end, timeout: end}
  end: {kind: hang_up}
"""


@contextmanager
def a_pbx(flavour: str) -> Iterator[CompanyPbx]:
    with an_asterisk(company_pbx(flavour)) as pbx:
        yield pbx


async def call(pbx: CompanyPbx) -> int:
    """SIPp's exit status of a call from outside: 0, if somebody or something answered."""
    told = await sipp.run(pbx.sip, [Pause(1.0), Hangup()], caller=CALLER, shown="Karimi", to=NUMBER)
    return told.status


async def test_freepbx_deployed_called_through_and_taken_back() -> None:
    with a_pbx("freepbx") as pbx:
        before = look(pbx.etc)
        assert await call(pbx) != 0, "nobody has this number yet"

        told = pbx.deploy()
        assert f"proved: a call to {NUMBER} went to a person" in told
        assert "secret-0123456789" not in told
        assert "nothing to change" in pbx.deploy()
        rows = (pbx.paths.log / "cel-custom" / SPOOL).read_text().splitlines()
        assert all(re.match(r'"\w+","\d+\.\d{6}",', row) for row in rows), "FreePBX's own form has whole seconds"

        async with Phone(from_number=PHONE, on_invite=Answer()) as phone:
            await phone.register(f"sip:{pbx.sip}", PHONE_SECRET)
            calling = asyncio.create_task(call(pbx))
            await (await phone.rung(20)).answered()  # no daemon runs: their own queue gives the caller to a person
            assert await calling == 0

        pbx.command("rollback", "--to", str(pbx.etc))
        assert look(pbx.etc) == before
        assert "no existence" in pbx.rx("dialplan show pbxb-in").lower()
        assert await call(pbx) != 0


async def test_issabel_cut_off_in_the_middle_is_put_back_and_deploys_again() -> None:
    with a_pbx("issabel") as pbx:
        before = look(pbx.etc)
        arguments = ("deploy", "--to", str(pbx.etc), "--yes")

        pbx.killed_after("written", *arguments, by=signal.SIGKILL)
        assert look(pbx.etc) != before
        assert "put back" in pbx.command("rollback")
        assert look(pbx.etc) == before

        with pbx.given(AMI__PORT="9"):  # nobody listens there, so it cannot be proved
            told = pbx.deploy(status=1)
        assert "taking it back: AMI does not let our user in" in told
        assert look(pbx.etc) == before
        assert "no existence" in pbx.rx("dialplan show pbxb-in").lower()

        assert "proved" in pbx.deploy()
        assert await call(pbx) == 0
        pbx.command("rollback", "--to", str(pbx.etc))
        assert look(pbx.etc) == before


async def test_a_plain_pbx_serves_the_menu_and_what_asterisk_refuses_is_not_written() -> None:
    with a_pbx("plain") as pbx:
        before = look(pbx.etc)
        extensions = pbx.etc / "extensions.conf"
        with extensions.open("a") as file:  # theirs already: Asterisk would refuse ours
            file.write(f"\n[incoming]\nexten => {NUMBER},1,Answer()\n")
        refused = pbx.deploy(status=1)
        assert "Asterisk would complain" in refused
        extensions.write_bytes(before["extensions.conf"][0])
        assert look(pbx.etc) == before

        assert "proved" in pbx.deploy()
        place_sounds(pbx.paths.sounds)
        async with Phone(from_number=PHONE, on_invite=Answer()) as desk, Phone(from_number=CALLER) as caller:
            await desk.register(f"sip:{pbx.sip}", PHONE_SECRET)
            with a_daemon(pbx):
                calling = await caller.dial(f"sip:{NUMBER}@{pbx.sip}")
                await talking(await desk.rung(30))
                await calling.hang_up()
                record = await the_record(pbx)
        assert {name: record[name] for name in RECORDED} == RECORDED
        pbx.command("rollback", "--to", str(pbx.etc))
        assert look(pbx.etc) == before


async def test_the_private_asterisk_takes_new_settings_and_gives_them_back(system: SystemUnderTest) -> None:
    etc, ports = system.pbx.paths.etc, system.pbx.ports
    same = {"PBX_BRIDGE_PBX__RTP_START": str(ports.rtp_start), "PBX_BRIDGE_PBX__RTP_END": str(ports.rtp_end)}
    before = look(etc)

    assert "nothing to change" in await command(system, same, "deploy", "--yes")
    told = await command(system, {**same, "PBX_BRIDGE_RECORDINGS__INTERNAL": "false"}, "deploy", "--yes")
    assert "read again: pbx_config\n" in told
    assert "proved: a call to 100 was served by the menu" in told
    assert "PBXB_RECORDING=off" in system.pbx.rx("dialplan show internal@pbxb-record")

    await command(system, same, "rollback")
    assert look(etc) == before
    assert "PBXB_RECORDING=off" not in system.pbx.rx("dialplan show internal@pbxb-record")


async def command(system: SystemUnderTest, more: dict[str, str], *words: str) -> str:
    """What a command prints that has further settings."""
    child = await asyncio.create_subprocess_exec(
        COMMAND, "pbx", *words, env=system.environment() | more, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    out, _ = await child.communicate()
    assert child.returncode == 0, out.decode()
    return out.decode()


@contextmanager
def a_daemon(pbx: CompanyPbx) -> Iterator[None]:
    """The daemon, as the lines that `pbx deploy` tells have it."""
    port = own_port()
    flow = pbx.home / "first.yaml"
    flow.write_text(FLOW, encoding="utf-8")
    pbx.settings |= {
        "IVR__FLOW": str(flow),
        "WEB__PORT": str(port),
        "ARI__URL": f"http://127.0.0.1:{pbx.ports.ari}/ari",
        "AMI__HOST": "127.0.0.1",
        "AMI__PORT": str(pbx.ports.ami),
        "SPOOL__CEL": str(pbx.paths.log / "cel-custom" / "pbx_bridge_cel.csv"),
        "SPOOL__QUEUE_LOG": str(pbx.paths.queue_log),
        "LOG__FORM": "console",
    }
    with (pbx.home / "daemon.out").open("wb") as out:
        daemon = subprocess.Popen([COMMAND, "daemon"], env=pbx.environment(), stdout=out, stderr=out)
    try:
        for _ in range(600):
            if healthcheck.ready("127.0.0.1", port):
                break
            assert daemon.poll() is None, (pbx.home / "daemon.out").read_text()[-3000:]
            time.sleep(0.05)
        else:
            raise AssertionError((pbx.home / "daemon.out").read_text()[-3000:])
        yield
    finally:
        daemon.terminate()
        daemon.wait(20)


async def the_record(pbx: CompanyPbx) -> dict[str, object]:
    """The record of the one call, once it is ended."""
    async with asyncio.timeout(20):
        while True:
            child = await asyncio.create_subprocess_exec(
                COMMAND, "calls", "--json", env=pbx.environment(), stdout=subprocess.PIPE
            )
            out, _ = await child.communicate()
            for line in out.decode().splitlines():
                told: dict[str, object] = json.loads(line)
                if told["caller"] == CALLER and told["outcome"]:
                    return told
