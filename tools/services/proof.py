"""The proof itself: what systemd does to the daemon, and the daemon to its callers, while they are on the phone."""

from __future__ import annotations

import asyncio
import json
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from bench.command import Result
from bench.figure import CannotMeasure
from bench.system import Say
from pbx_bridge.pbx.healthcheck import ready
from tools.rounds import During, Rounds
from tools.services.installed import BACKUPS, HOME, SENDER, UNITS, USER, Installed

_DAEMON = "pbx-bridge.service"
_UPGRADE = "pbx-bridge-upgrade.service"
_BACKUP = "pbx-bridge-backup.service"
_AFTER_S = 6.0  # from the first caller of a round to what is done to the daemon
_BACK_S = 120.0
_POLL_S = 0.05
_SYS_NICE = f"{1 << 23:016x}"  # the only capability it keeps


@dataclass(slots=True, kw_only=True)
class Proof:
    """One run on what is installed."""

    installed: Installed
    rounds: Rounds
    say: Say
    _problems: list[str] = field(default_factory=list)

    async def run(self) -> Result:
        """Raises CannotMeasure."""
        counts: dict[str, Any] = {"start": await self._told("start", self._started)}
        counts["shut_in"] = await self._told("what it may do", self._shut_in)
        counts["quiet"] = await self.rounds.round()
        for name, what in {
            "reload": self._reloaded,
            "upgrade_refused": self._upgrade_refused,
            "upgrade": self._upgraded,
            "frozen": self._frozen,
            "killed": self._killed,
            "restart": self._restarted,
        }.items():
            counts[name] = await self.rounds.round(self._meanwhile(name, what))
        counts["backup"] = await self._told("backup", self._saved)
        paths = self.installed.pbx.paths
        result = await self.rounds.result(paths.cel, paths.queue_log, self.installed.command)
        counts["sender"] = await self._told("the sender of a PBX elsewhere", self._sent)
        counts["stop"] = await self._told("stop", self._stopped)
        return Result(counts=counts | result.counts, problems=self._problems + result.problems)

    def _meanwhile(self, name: str, what: Callable[[], Mapping[str, Any]]) -> During:
        async def during() -> Mapping[str, Any]:
            self.say(f"{name}, with callers on the phone")
            await asyncio.sleep(_AFTER_S)
            return await asyncio.to_thread(what)

        return during

    async def _told(self, name: str, what: Callable[[], Mapping[str, Any]]) -> Mapping[str, Any]:
        self.say(name)
        return await asyncio.to_thread(what)

    def _started(self) -> Mapping[str, Any]:
        begun = time.monotonic()
        self._systemctl("enable", "--now", *UNITS)
        told_s = time.monotonic() - begun  # Type=notify: it has said that store and pages are open
        self._ready(begun)
        return {"notified_s": round(told_s, 1), "ready_s": round(time.monotonic() - begun, 1)}

    def _shut_in(self) -> Mapping[str, Any]:
        """What the process really is, not what the unit says of it."""
        main = self._main()
        status = self.installed.room.run("cat", f"/proc/{main}/status")
        lines = dict(line.split(":\t", 1) for line in status.splitlines() if ":\t" in line)
        told = {name: lines[name].split()[0] for name in ("CapEff", "CapAmb", "NoNewPrivs", "Seccomp")}
        if told != {"CapEff": _SYS_NICE, "CapAmb": _SYS_NICE, "NoNewPrivs": "1", "Seccomp": "2"}:
            self._problems.append(f"the daemon is not shut in: {told}")
        mounts = self.installed.room.run("cat", f"/proc/{main}/mounts").splitlines()
        written = {line.split()[1] for line in mounts if line.split()[3].split(",")[0] == "rw"}
        if "/" in written or HOME not in written:
            self._problems.append(f"what the daemon may write: {sorted(written)}")
        score = self.installed.room.run("systemd-analyze", "security", "--no-pager", _DAEMON).splitlines()[-1]
        nice = self.installed.room.run("ps", "-o", "ni=", "-p", main).strip()
        user = self.installed.room.run("ps", "-o", "user=", "-p", main).strip()
        exposure = next(iter(re.findall(r"\d+\.\d", score)), score)
        return {**told, "user": user, "nice": nice, "exposure": exposure}

    def _reloaded(self) -> Mapping[str, Any]:
        """A setting is taken up; a wrong one is refused, and the reason is in the journal."""
        main = self._main()
        self.installed.settings(log={"level": "debug"})
        self._systemctl("reload", _DAEMON)
        self.installed.settings(log={"level": "loud"})
        status, _ = self.installed.room.asked("systemctl", "reload", _DAEMON)
        said = self.installed.room.journal(_DAEMON)
        if status == 0 or "log.level" not in said:
            self._problems.append(f"a wrong setting was reloaded with status {status}: {said[-300:]}")
        self.installed.settings()
        self._systemctl("reload", _DAEMON)
        self._same(main)
        return {"refused": "log.level"}

    def _upgrade_refused(self) -> Mapping[str, Any]:
        """With a wrong setting the old one goes on."""
        main = self._main()
        self.installed.settings(log={"level": "loud"})
        status, _ = self.installed.room.asked("systemctl", "start", _UPGRADE)
        said = self.installed.room.journal(_UPGRADE)
        if status == 0 or "log.level" not in said:
            self._problems.append(f"an upgrade with a wrong setting ended with {status}: {said[-300:]}")
        self.installed.settings()
        self._same(main)
        return {}

    def _upgraded(self) -> Mapping[str, Any]:
        """Another process is the service's main one, and systemd started nothing."""
        main, restarts = self._main(), self._restarts()
        self._systemctl("start", _UPGRADE)
        if self._main() == main or self._restarts() != restarts or self._state() != "active":
            told = f"main process {main}, then {self._main()}; restarts {restarts}, then {self._restarts()}"
            self._problems.append(f"after the upgrade systemd has: {told}; {self._state()}")
        lines = [line for line in self.installed.room.journal(_DAEMON, 200).splitlines() if '"took_over"' in line]
        return {"alone_s": json.loads(lines[-1])["alone_s"] if lines else None}

    def _frozen(self) -> Mapping[str, Any]:
        """WatchdogSec= ends it: the one whom the upgrade put in the first one's place."""
        return self._back("kill", "--signal=STOP", "--kill-whom=main", _DAEMON)

    def _killed(self) -> Mapping[str, Any]:
        return self._back("kill", "--signal=KILL", "--kill-whom=main", _DAEMON)

    def _back(self, *words: str) -> Mapping[str, Any]:
        """Seconds until systemd has one at work again."""
        main, restarts, begun = self._main(), self._restarts(), time.monotonic()
        self._systemctl(*words)
        while self._restarts() == restarts:
            self._bounded(begun)
        self._ready(begun)
        if self._main() == main:
            self._problems.append(f"{words[1]}: the same process goes on")
        return {"back_s": round(time.monotonic() - begun, 1)}

    def _restarted(self) -> Mapping[str, Any]:
        begun = time.monotonic()
        self._systemctl("restart", _DAEMON)
        self._ready(begun)
        return {"back_s": round(time.monotonic() - begun, 1)}

    def _saved(self) -> Mapping[str, Any]:
        """The timer is due, and what its service saves is whole."""
        due = self.installed.room.show("pbx-bridge-backup.timer", "NextElapseUSecRealtime")
        self._systemctl("start", _BACKUP)
        made = self.installed.room.run("ls", BACKUPS, user=USER).split()
        if len(made) != 1 or not due:
            self._problems.append(f"backups: {made}; the timer is due: {due or 'never'}")
            return {}
        return {"due": due, "check": self.installed.command("restore", "--check", f"{BACKUPS}/{made[0]}").strip()}

    def _sent(self) -> Mapping[str, Any]:
        """The same files come by the line, from a process that is nobody in particular; killed once."""
        node, here = "elsewhere", self.installed.pbx.plan.systemname
        self.installed.lay_sender(node)
        begun = time.monotonic()
        self._systemctl("restart", _DAEMON)
        self._systemctl("start", SENDER)
        wanted = self.installed.rows(here)
        while self.installed.rows(node) < wanted:
            self._bounded(begun)
        user = self.installed.room.run("ps", "-o", "user=", "-p", self._main(SENDER)).strip()
        self._systemctl("kill", "--signal=KILL", "--kill-whom=main", SENDER)
        while self._restarts(SENDER) != "1" or self.installed.room.show(SENDER, "ActiveState") != "active":
            self._bounded(begun)
        if self.installed.rows(node) != wanted or user in ("root", USER):
            self._problems.append(f"{self.installed.rows(node)} rows of {wanted} were sent by {user}")
        return {"rows": wanted, "user": user, "seconds": round(time.monotonic() - begun, 1)}

    def _stopped(self) -> Mapping[str, Any]:
        begun = time.monotonic()
        self._systemctl("stop", _DAEMON)
        result = self.installed.room.show(_DAEMON, "Result")
        if result != "success":
            self._problems.append(f"it was stopped, and systemd calls that {result}")
        return {"seconds": round(time.monotonic() - begun, 1)}

    def _systemctl(self, *words: str) -> None:
        """Raises CannotMeasure with what the unit said last."""
        status, told = self.installed.room.asked("systemctl", *words)
        if status:
            said = self.installed.room.journal(words[-1])
            raise CannotMeasure(f"systemctl {' '.join(words)} ended with {status}: {told}{said[-1000:]}")

    def _main(self, unit: str = _DAEMON) -> str:
        return self.installed.room.show(unit, "MainPID")

    def _restarts(self, unit: str = _DAEMON) -> str:
        return self.installed.room.show(unit, "NRestarts")

    def _state(self) -> str:
        return self.installed.room.show(_DAEMON, "ActiveState")

    def _same(self, main: str) -> None:
        if self._main() != main or self._state() != "active":
            self._problems.append(f"the main process was {main}, is {self._main()}; {self._state()}")

    def _ready(self, begun: float) -> None:
        """Wait until callers are served and the record is kept."""
        while not ready("127.0.0.1", self.installed.web_port):
            self._bounded(begun)

    def _bounded(self, begun: float) -> None:
        if time.monotonic() - begun > _BACK_S:
            said = self.installed.room.journal(_DAEMON)
            raise CannotMeasure(f"the daemon is not back after {_BACK_S:g} s: {said[-1000:]}")
        time.sleep(_POLL_S)
