"""What a fault finds: the system under real calls, the two lines to its Asterisk, and what a fault lays beside."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from pathlib import Path

from harness.system import SystemUnderTest

from bench.chaos.names import Names
from bench.soak.people import Agents
from bench.soak.proxy import Cable
from bench.system import System


@dataclass(slots=True, kw_only=True)
class Scene:
    """One fault's stage.

    Attributes:
        ari, ami: the daemon's lines to Asterisk.
        folder: for the fault's own files; gone afterwards.
        turns: moments at which what callers hear begins anew, epoch seconds.
        names: where the daemon asks for names, if it asks us.
    """

    system: System
    ari: Cable
    ami: Cable
    desk: Agents
    folder: Path
    turns: list[float] = field(default_factory=list)
    names: Names | None = None

    @property
    def running(self) -> SystemUnderTest:
        """The daemon."""
        return self.system.running

    @property
    def lines(self) -> tuple[Cable, Cable]:
        """Both lines."""
        return self.ari, self.ami

    def turn(self) -> None:
        """A fault began, or is over and callers are served again."""
        self.turns.append(time.time())
