"""A PBX elsewhere, as its daemon sees it: ARI over wss, AMI over TLS, rows of a sender that is killed twice."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import sqlite3
import subprocess
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import aiohttp
import pytest
from harness.need import an_asterisk
from harness.remote_spool import Certificate, certificate
from harness.system import COMMAND, SystemUnderTest, place_sounds
from own_ports import own_port
from private_pbx import PbxUnderTest, private_pbx

from pbx_bridge.pbx.instance import lay_instance
from pbx_bridge.pbx.remote import RemoteDaemon
from pbx_bridge.spool.cel import CelSpool
from pbx_bridge.spool.queue_log import QueueLogSpool
from pbx_bridge.store.watch import watch_store

pytestmark = pytest.mark.asterisk


@dataclass(kw_only=True)
class FarSystem(SystemUnderTest):
    """A daemon that reaches its PBX over TLS only, and does not look at its disk for rows."""

    paper: Certificate
    receive_port: int
    token: Path

    def environment(self) -> dict[str, str]:
        remote = self.pbx.plan.remote
        assert remote is not None
        ours = {
            "ARI__URL": f"https://127.0.0.1:{remote.ari_port}/ari",
            "ARI__CA_FILE": self.paper.issuer,
            "AMI__HOST": "localhost",
            "AMI__PORT": remote.ami_port,
            "AMI__TLS": "true",
            "AMI__CA_FILE": self.paper.issuer,
            "RECEIVE__PORT": self.receive_port,
            "RECEIVE__CERTIFICATE": self.paper.certificate,
            "RECEIVE__KEY": self.paper.key,
            "RECEIVE__NODES": json.dumps([self.node]),
        }
        return super().environment() | {f"PBX_BRIDGE_{name}": str(value) for name, value in ours.items()}

    @contextmanager
    def sender(self) -> Iterator[None]:
        """The sender, as it runs on the PBX; killed with -9 at the end."""
        where = ("--cel", self.pbx.paths.cel, "--queue-log", self.pbx.paths.queue_log)
        line = ("--to", f"https://127.0.0.1:{self.receive_port}", "--ca-file", self.paper.issuer)
        clean = {name: value for name, value in os.environ.items() if not name.startswith("PBX_BRIDGE_")}
        with (self.home / "sender.out").open("ab") as out:
            process = subprocess.Popen(
                [COMMAND, "spool", "send", *line, "--token-file", self.token, *where],
                env=clean,
                cwd=self.home,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out,
            )
        try:
            yield
        finally:
            process.kill()
            process.wait(timeout=10)

    async def links(self) -> dict[str, str]:
        """The state of each link."""
        async with aiohttp.ClientSession() as web, web.get(f"{self.page_url}/readyz") as answer:
            return {name: link["state"] for name, link in (await answer.json())["links"].items()}

    def facts(self) -> set[tuple[str, int, str]]:
        """Every row of CEL and queue_log in the store."""
        with sqlite3.connect(f"{self.store.as_uri()}?mode=ro", uri=True) as db:
            asked = "SELECT file, at_offset, body FROM fact WHERE file LIKE 'cel:%' OR file LIKE 'queue:%'"
            return set(db.execute(asked))

    def rows(self) -> set[tuple[str, int, str]]:
        """Every row of the PBX's own files."""
        found = set()
        for tail in (
            CelSpool(self.pbx.paths.cel, self.node),
            QueueLogSpool(self.pbx.paths.queue_log, self.node),
        ):
            while batch := tail.read():
                found |= {(fact.file, fact.offset, fact.body) for fact in batch.facts}
                tail.advance(batch.cursors)
            tail.close()
        return found


@pytest.fixture
def far_pbx(tmp_path: Path) -> Iterator[tuple[PbxUnderTest, Certificate]]:
    with an_asterisk(private_pbx()) as pbx:
        paper, keys = certificate(tmp_path / "paper"), pbx.paths.etc / "keys"
        shutil.copytree(paper.certificate.parent, keys)
        for file in (keys, *keys.iterdir()):
            file.chmod(0o755 if file.is_dir() else 0o644)  # the tests' own: Asterisk's user reads it
        ari_port, ami_port = own_port(), own_port()
        remote = RemoteDaemon(
            host="127.0.0.1",
            ari_port=ari_port,
            ami_port=ami_port,
            certificate=str(pbx.paths.inside(keys / "cert.pem")),
            key=str(pbx.paths.inside(keys / "key.pem")),
            networks=("127.0.0.1/32",),
        )
        pbx.plan = replace(pbx.plan, remote=remote)
        lay_instance(pbx.asterisk, pbx.plan)
        pbx.start()
        place_sounds(pbx.paths.sounds)
        yield pbx, paper


@pytest.fixture
async def far(far_pbx: tuple[PbxUnderTest, Certificate]) -> AsyncIterator[FarSystem]:
    pbx, paper = far_pbx
    web_port, receive_port = own_port(), own_port()
    system = FarSystem(
        pbx=pbx, home=pbx.home, web_port=web_port, paper=paper, receive_port=receive_port, token=pbx.home / "token"
    )
    system.token.write_text(await system.command("spool", "token", system.node))
    try:
        await system.start_daemon()
        async with watch_store(system.store) as system.view:
            yield system
    finally:
        system.stop_daemon()


async def passes(system: FarSystem, number: str) -> str:
    """A call that hears the menu and hangs up; the name it shows."""
    async with system.caller(number) as caller:
        await caller.hears("choose_language")
        await caller.call.hang_up()
    return caller.name


async def test_calls_over_tls_are_on_record_once_though_the_sender_was_killed_twice(far: FarSystem) -> None:
    names = []
    with far.sender():
        names.append(await passes(far, "09121110001"))
        await far.record_named(names[0])
        async with far.caller("09121110002") as caller:
            await caller.hears("choose_language")
            names.append(caller.name)  # the first kill: in the middle of a call
    names.append(await passes(far, "09121110003"))
    with far.sender():
        names.append(await passes(far, "09121110004"))  # the second one: right after the call
    far.kill_daemon()
    far.launch_daemon()
    with far.sender():
        await far.ready()
        records = [await far.record_named(name) for name in names]
        assert {record["outcome"] for record in records} == {"abandoned_ivr"}
        async with asyncio.timeout(10):
            while len(far.facts()) < len(far.rows()):  # noqa: ASYNC110 - another process
                await asyncio.sleep(0.05)
        assert far.facts() == far.rows()
        links = await far.links()
        assert {name: links[name] for name in ("ari", "ami", "spool")} == dict.fromkeys(("ari", "ami", "spool"), "up")
    assert len(await far.calls()) == len(names)
    assert ": 0 disagreements" in await far.command("calls", "verify")  # the second reader's view of the files
