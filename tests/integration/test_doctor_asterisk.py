"""The doctor before a real Asterisk: of a healthy one it finds nothing, of one with twenty faults these twenty."""

from __future__ import annotations

import json
import shutil
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from harness.need import an_asterisk
from harness.system import SystemUnderTest, place_sounds, running_system
from private_pbx import PbxUnderTest, private_pbx

from pbx_bridge.pbx.phone import Phone

pytestmark = [pytest.mark.asterisk, pytest.mark.timeout(120)]

# What is changed in the files of a private Asterisk before it starts, and what the doctor must say of it.
EDITS = [
    ("ami-open-to-world", "manager.conf", "bindaddr = 127.0.0.1", "bindaddr = 0.0.0.0"),
    ("ami-secret-weak", "manager.conf", "[general]", "[phone]\nsecret = amp111\ndeny = 0.0.0.0/0.0.0.0\n[general]"),
    ("ami-rights-too-wide", "manager.conf", "write = reporting,", "write = command,reporting,"),
    ("ami-events-unfiltered", "manager.conf", "eventfilter(", ";"),
    ("ari-origins-all", "ari.conf", "pretty = no", "allowed_origins = *"),
    ("ari-write-timeout", "ari.conf", "websocket_write_timeout = 1000", "websocket_write_timeout = 100"),
    ("ari-without-acl", "ari.conf", "deny = 0.0.0.0/0", ""),
    ("http-sessions-few", "http.conf", "sessionlimit = 300", "sessionlimit = 50"),
    ("live-dangerously", "asterisk.conf", "live_dangerously = no", "live_dangerously = yes"),
    ("systemname-differs", "asterisk.conf", "systemname = pbxt", "systemname = other"),
    ("cel-events-missing", "cel.conf", "BRIDGE_ENTER,", ""),
    ("cel-apps-missing", "cel.conf", "stasis,queue,", "stasis,"),
    ("cel-format-differs", "cel_custom.conf", "fields = eventenum,", "fields = "),
    ("cdr-unanswered-off", "cdr.conf", "unanswered = yes", "unanswered = no"),
    ("overload-trigger", "pjsip.conf", "taskprocessor_overload_trigger = pjsip_only", ""),
    ("modules-missing", "modules.conf", "load = app_mixmonitor.so", ""),
    ("dialplan-no-dead-man", "extensions.conf", "Set(TIMEOUT(absolute)=10)", "NoOp()"),
    ("queue-missing", "queues.conf", "[support](every)", "[sales](every)"),
]
# What may be wrong with the machine that the tests run on.
OF_THE_MACHINE = {"disk-nearly-full", "open-files-few", "host-name-slow", "zone-differs"}
TWENTY = {*(edit[0] for edit in EDITS), "prompts-missing", "music-missing"}


@asynccontextmanager
async def phones(pbx: PbxUnderTest) -> AsyncIterator[None]:
    """Both agents' phones, registered."""
    async with AsyncExitStack() as stack:
        for agent in pbx.plan.agents:
            phone = await stack.enter_async_context(Phone(from_number=agent))
            await phone.register(f"sip:127.0.0.1:{pbx.ports.sip}", pbx.secrets.agents[agent])
        yield


async def doctor(system: SystemUnderTest, *words: str) -> dict[str, Any]:
    """What `pbx-bridge doctor --json` says."""
    told: dict[str, Any] = json.loads(await system.command("doctor", "--json", *words, check=False))
    return told


async def test_of_a_healthy_pbx_nothing_is_found_and_nothing_changed(system: SystemUnderTest) -> None:
    async with phones(system.pbx):
        before = {path: path.read_bytes() for path in system.pbx.paths.etc.iterdir()}
        told = await doctor(system, "--call")
        assert [finding for finding in told["findings"] if finding["id"] not in OF_THE_MACHINE] == []
        assert told["not_looked"] == []
        assert told["exit_status"] == (1 if told["findings"] else 0)
        assert {path: path.read_bytes() for path in system.pbx.paths.etc.iterdir()} == before


@pytest.fixture
def sick_pbx() -> Iterator[PbxUnderTest]:
    with an_asterisk(private_pbx()) as pbx:
        place_sounds(pbx.paths.sounds)
        for _, name, old, new in EDITS:
            rewrite(pbx.paths.etc / name, old, new)
        (pbx.paths.sounds / "fixed/fa/nobody.wav").unlink()
        shutil.rmtree(pbx.paths.moh)
        pbx.start()
        yield pbx


def rewrite(path: Path, old: str, new: str) -> None:
    """Plant a fault; rights and owner stay as they are."""
    text = path.read_text(encoding="utf-8")
    assert old in text, f"{path.name} has no {old!r}"
    with path.open("w", encoding="utf-8") as file:
        file.write(text.replace(old, new))


async def test_of_twenty_planted_faults_all_are_named_and_no_other(sick_pbx: PbxUnderTest) -> None:
    async with running_system(sick_pbx) as system, phones(sick_pbx):
        told = await doctor(system)
        assert len(TWENTY) == 20
        assert {finding["id"] for finding in told["findings"]} - OF_THE_MACHINE == TWENTY
        assert told["exit_status"] == 1
