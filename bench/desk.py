"""What a measure gets that needs no Asterisk."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from bench.figure import CannotMeasure


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """Where it tells of its progress, and how much there is to do.

    Attributes:
        say: shows a line of progress.
        quick: fewer samples, rougher figures.
        big: folder with a store that `bench.big_store` made; without one a measure makes a small store of its own.
        calls: in the store of the history that the pages are measured on.
        made: folder of such a store, made before, whatever has changed since; it must have so many calls.
    """

    say: Callable[[str], None]
    quick: bool
    big: Path | None = None
    calls: int = 300_000
    made: Path | None = None

    async def history(self) -> Path:
        """The folder of the history's store, made if it is not there. Raises CannotMeasure."""
        if self.made is not None:
            return self.made
        self.say(f"a store of {self.calls:,} calls")
        words = ("-m", "bench.history", "--calls", str(self.calls))
        # A process of its own: what it needs of memory is gone with it.
        process = await asyncio.create_subprocess_exec(sys.executable, *words, stdout=asyncio.subprocess.PIPE)
        try:
            told, _ = await process.communicate()
        except BaseException:
            with suppress(ProcessLookupError):
                process.terminate()
            await process.wait()
            raise
        if process.returncode:
            raise CannotMeasure(f"no store of {self.calls:,} calls could be made")
        return Path(told.decode().splitlines()[-1])
