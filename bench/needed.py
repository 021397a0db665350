"""What a program of this folder cannot do without."""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence

from bench.figure import CannotMeasure


def require(programs: Sequence[str], packages: str) -> None:
    """Raises CannotMeasure where one of these is missing; `packages`: those of Debian that have them."""
    if missing := [name for name in programs if shutil.which(name) is None]:
        raise CannotMeasure(f"without {', '.join(missing)}; on Debian: apt-get install {packages}")


def require_root(why: str) -> None:
    """Raises CannotMeasure for anybody else; `why`: what only root can do."""
    if os.geteuid() != 0:
        raise CannotMeasure(f"only root can {why}: run it as root")
