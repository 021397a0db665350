"""A PBX as the doctor sees it, right in everything: what a test changes in it is the only thing that is wrong."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from pbx_bridge.doctor.conf import Conf, parse
from pbx_bridge.doctor.gathered import (
    AmiTold,
    App,
    AriTold,
    Disk,
    FileFacts,
    Gathered,
    Member,
    Ours,
    Process,
    Socket,
)
from pbx_bridge.doctor.plan_of_calls import from_conf
from pbx_bridge.pbx.modules import WANTED
from pbx_bridge.pbx.paths import PbxPaths
from pbx_bridge.pbx.plan import PbxPlan, PbxSecrets
from pbx_bridge.pbx.render import render
from pbx_bridge.pbx.version import Version

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
PLAN = PbxPlan(
    systemname="pbx1",
    paths=PbxPaths(base=Path("/srv/pbx")),
    secrets=PbxSecrets(
        ari="N3vTq0aZbC8dEfGh1jKl",
        ari_monitor="Q9rSt2uVwXyZ3aBcDeFg",
        ami="H7iJkL5mNoPqRs4tUvWx",
        agents={"101": "Y1zA6bCdEfGhIjKl", "102": "M8nO0pQrStUvWxYz"},
    ),
    version=Version(22, 10, 1),
    trunk="127.0.0.1:5080",
)
ACTIONS = frozenset({"blindtransfer", "queuepause", "corestatus", "ping", "queuestatus"})
AGENTS = tuple(Member(interface=f"PJSIP/{agent}", reachable=True) for agent in PLAN.agents)


def texts(plan: PbxPlan = PLAN) -> dict[str, str]:
    """The shipped configuration."""
    return render(plan)


def folder(name: str, **changes: Any) -> FileFacts:
    """A folder or file as it should be."""
    facts = FileFacts(
        path=Path("/srv/pbx") / name, exists=True, uid=106, gid=108, mode=0o40750, changed=NOW, ours="rwx"
    )
    return replace(facts, **changes)


def healthy() -> Gathered:
    """The shipped configuration as it should run."""
    files = {name: parse(text) for name, text in texts().items()}
    return Gathered(
        ours=Ours(
            systemname="pbx1",
            zone=ZoneInfo("Asia/Tehran"),
            app="pbx_bridge",
            ari_user="pbx_bridge",
            ami_user="pbx_bridge",
            ari_port=8088,
            ami_port=5038,
            cel=PLAN.paths.cel,
            queue_log=PLAN.paths.queue_log,
            queues=frozenset(PLAN.queues),
        ),
        ari=AriTold(
            version="22.10.1",
            systemname="pbx1",
            local_start=NOW,
            apps=(App(name="pbx_bridge"),),
            endpoints={member.interface: "online" for member in AGENTS},
            oldest_call=NOW,
        ),
        ami=AmiTold(ahead_s=0.01, actions=ACTIONS, queues=dict.fromkeys(PLAN.queues, AGENTS)),
        version=Version(22, 10, 1),
        etc=files,
        modes=dict.fromkeys(files, 0o100640),
        modules=frozenset(WANTED),
        sockets=(Socket(address="127.0.0.1", port=8088), Socket(address="127.0.0.1", port=5038)),
        process=Process(uid=106, gids=frozenset({108}), open_files=65536),
        folders={name: folder(name) for name in ("record", "recordings", "messages")},
        files={name: folder(name) for name in ("cel", "queue_log", "cdr")},
        disks=(Disk(path=Path("/srv"), free=50 << 30, total=100 << 30),),
        name_s=0.0,
        silent=(),
        music=1,
        dialplan=from_conf(files["extensions.conf"]),
    )


Change = Callable[[Gathered], Gathered]


def told(**changes: Any) -> Change:
    """Other parts of what was gathered."""
    return lambda g: replace(g, **changes)


def of(part: str, **changes: Any) -> Change:
    """Other fields of a part: `ours`, `ari`, `ami`, `process`."""
    return lambda g: replace(g, **{part: replace(getattr(g, part), **changes)})


def file(name: str, **changes: Any) -> Change:
    """Other facts of a file of the record."""
    return lambda g: replace(g, files={**g.files, name: folder(name, **changes)})


@dataclass(frozen=True, slots=True)
class Written:
    """A configuration file with something else in it; the dialplan with it."""

    name: str
    old: str
    new: str

    def in_text(self, text: str) -> str:
        """The file's text with the fault."""
        assert self.old in text, f"{self.name} has no {self.old!r}"
        return text.replace(self.old, self.new)

    def __call__(self, g: Gathered) -> Gathered:
        return sick(self, g=g)


written = Written


def sick(*changes: Change, g: Gathered | None = None) -> Gathered:
    """A PBX with all these faults at once."""
    g = g or healthy()
    files = texts()
    for change in changes:
        if isinstance(change, Written):
            files[change.name] = change.in_text(files[change.name])
            g = _with(g, change.name, parse(files[change.name]))
        else:
            g = change(g)
    return g


def _with(g: Gathered, name: str, conf: Conf) -> Gathered:
    dialplan = from_conf(conf) if name == "extensions.conf" else g.dialplan
    return replace(g, etc={**g.etc, name: conf}, dialplan=dialplan)
