"""The product in a room, installed as docs/operations.md says under "As a service", beside an Asterisk that runs."""

from __future__ import annotations

import asyncio
import json
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from harness.remote_spool import certificate
from own_ports import own_port

from bench.figure import CannotMeasure
from bench.system import REPOSITORY, Pbx, Say
from pbx_bridge.pbx.paths import PbxPaths
from pbx_bridge.store.address import Address
from pbx_bridge.store.database import connect
from tools.services.room import Room

HOME = "/var/lib/pbx-bridge"
SENDER = "pbx-bridge-spool-send.service"
BACKUPS = "/var/backups/pbx-bridge"
USER = "pbx-bridge"
PBX = "/srv/pbx"  # where the room has Asterisk's folders
DATABASE = "/srv/postgres"  # where the room has the socket of a database server
UNITS = ("pbx-bridge.service", "pbx-bridge-backup.timer")
_PLACE = "/opt/pbx_bridge"
_COMMAND = f"{_PLACE}/.venv/bin/pbx-bridge"
_PYTHON = "/usr/bin/python3"  # the machine's own: ProtectHome= hides those of somebody's home
_ROWS = "SELECT COUNT(*) FROM fact WHERE node = :node AND substr(file, 1, 4) IN ('cel:', 'queu')"
_INSTALL_S = 900.0
_SOUNDS = REPOSITORY / "var" / "test-sounds"


@dataclass(slots=True, kw_only=True)
class Installed:
    """It, not yet started.

    Attributes:
        pbx: runs outside of the room; both have HOME under the same name.
        home: HOME, as the machine sees it.
        store: a database of a PostgreSQL server, whose socket is in DATABASE; None: a SQLite file.
    """

    room: Room
    pbx: Pbx
    home: Path
    say: Say
    store: Address | None = None
    web_port: int = field(default_factory=own_port)

    def install(self) -> None:
        """Every step of the guide but the last. Raises CannotMeasure."""
        self.say("installing it as docs/operations.md says, for the machine's own Python")
        self.room.run("git", "-c", "safe.directory=*", "clone", "-q", "--no-hardlinks", REPOSITORY, _PLACE)
        self.room.run("env", "-C", _PLACE, f"PYTHON={_PYTHON}", "tools/setup.sh", "venv", "run", limit_s=_INSTALL_S)
        self._group_of_asterisk()
        self.room.run("adduser", "--quiet", "--system", "--group", "--home", HOME, USER)
        self.room.run("install", "-d", "-o", USER, "-g", USER, "-m", "0700", BACKUPS)
        self.room.run("sh", "-c", f"install -m 0644 {_PLACE}/tools/systemd/pbx-bridge* /etc/systemd/system/")
        self.room.run("systemctl", "daemon-reload")
        self._lay_home()
        self.say("rendering the prompts")
        self.command("prompts", "render", "--to", f"{HOME}/asterisk/sounds", limit_s=_INSTALL_S)

    def command(self, *words: str, limit_s: float = 120.0) -> str:
        """What `pbx-bridge` prints for its own user. Raises CannotMeasure."""
        return self.room.run("env", f"PBX_BRIDGE_HOME={HOME}", _COMMAND, *words, limit_s=limit_s, user=USER)

    def settings(self, **sections: Mapping[str, Any]) -> None:
        """Write pbx_bridge.toml, with other values in these sections."""
        told = self._settings()
        for name, values in sections.items():
            told[name] = {**told.get(name, {}), **values}
        file = self.home / "pbx_bridge.toml"
        lines = [
            line
            for name, values in told.items()
            for line in (f"[{name}]", *(f"{key} = {json.dumps(value)}" for key, value in values.items()))
        ]
        file.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
        shutil.chown(file, *self._owner)

    def lay_sender(self, node: str) -> None:
        """The unit of a PBX elsewhere, of that name, which sends Asterisk's files here; as its own comments say.

        The daemon is to be restarted, then the sender to be started. Raises CannotMeasure.
        """
        port = own_port()
        paper = certificate(self.home / "paper")
        self.room.run("chown", "-R", f"{USER}:{USER}", f"{HOME}/paper")
        receive = {"port": port, "certificate": f"{HOME}/paper/cert.pem", "key": f"{HOME}/paper/key.pem"}
        self.settings(receive={**receive, "nodes": [node]})
        here = self.room.place("/etc/pbx-bridge")
        here.mkdir(mode=0o700)
        (here / "token").write_text(self.command("spool", "token", node), encoding="ascii")
        (here / "token").chmod(0o600)
        shutil.copy2(paper.issuer, here / "issuer.pem")
        paths = self.pbx.paths
        line = (
            f"{_COMMAND} spool send --to https://127.0.0.1:{port} --token-file ${{CREDENTIALS_DIRECTORY}}/token "
            f"--ca-file ${{CREDENTIALS_DIRECTORY}}/issuer.pem --cel {_inside(paths, paths.cel)} "
            f"--queue-log {_inside(paths, paths.queue_log)}"
        )
        drop_in = self.room.place(f"/etc/systemd/system/{SENDER}.d")
        drop_in.mkdir()
        (drop_in / "here.conf").write_text(f"[Service]\nExecStart=\nExecStart={line}\n", encoding="utf-8")
        self.room.run("systemctl", "daemon-reload")

    def rows(self, node: str) -> int:
        """How many rows of a PBX's own files the store holds."""

        async def counted() -> int:
            async with connect(self.store or self.home / "store.db", reading=True) as store:
                return int((await store.rows(_ROWS, node=node))[0][0])

        return asyncio.run(counted())

    def _settings(self) -> dict[str, dict[str, Any]]:
        """Those of a PBX that is not ours."""
        paths, ports = self.pbx.paths, self.pbx.ports
        return {
            "pbx": {"systemname": self.pbx.plan.systemname},
            "ari": {"url": f"http://127.0.0.1:{ports.ari}/ari"},
            "ami": {"host": "127.0.0.1", "port": ports.ami},
            "spool": {"cel": _inside(paths, paths.cel), "queue_log": _inside(paths, paths.queue_log)},
            "recordings": {"spool": _inside(paths, paths.monitor)},
            "messages": {"spool": _inside(paths, paths.recording)},
            "web": {"port": self.web_port},
        } | ({"store": {"url": self._url(self.store)}} if self.store else {})

    @staticmethod
    def _url(store: Address) -> str:
        return f"{store.url.partition('?')[0]}?host={DATABASE}"

    def _group_of_asterisk(self) -> None:
        owner = self.pbx.asterisk.owner()
        if owner is None:
            raise CannotMeasure("Asterisk runs as nobody in particular: run it as root")
        self.room.run("groupadd", "--force", "--non-unique", "--gid", str(owner[1]), "asterisk")
        # What docs/operations.md asks for: that its group reads the record, and takes recordings and messages out.
        for path in (self.pbx.paths.monitor, self.pbx.paths.recording):
            path.chmod(0o2770)

    def _lay_home(self) -> None:
        """The settings, the secrets of the PBX, and the clips that are there already."""
        self.settings()
        secrets = self.home / "secrets"
        secrets.mkdir(mode=0o700)
        for name in ("ari", "ami"):
            shutil.copy2(self.pbx.home / "secrets" / name, secrets / name)
        if _SOUNDS.is_dir():
            shutil.copytree(_SOUNDS, self.home / "asterisk" / "sounds")
        self.room.run("chown", "-R", f"{USER}:{USER}", HOME)
        self.home.chmod(0o711)  # as StateDirectoryMode= makes it: Asterisk comes through it to the prompts

    @property
    def _owner(self) -> tuple[int, int]:
        told = self.room.run("id", "-u", USER), self.room.run("id", "-g", USER)
        return int(told[0]), int(told[1])


def _inside(paths: PbxPaths, file: Path) -> str:
    return f"{PBX}/{file.relative_to(paths.base)}"
