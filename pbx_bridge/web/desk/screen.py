"""What was painted for one agent, in versions; each of their tabs reads from the version it has reached. No I/O."""

from __future__ import annotations

from collections.abc import Mapping

from pbx_bridge.web.versions import Change, Painted, Versions

RING = 32  # changes


class Screen:
    """Pieces of HTML by id."""

    def __init__(self) -> None:
        self._versions = Versions()
        self._painted = Painted(self._versions, RING)

    @property
    def mark(self) -> str:
        """The version, as a page or a stream remembers it."""
        return self._versions.mark

    @property
    def pieces(self) -> Mapping[str, str]:
        """What is on the screen now."""
        return self._painted.pieces

    def show(self, pieces: Mapping[str, str]) -> None:
        """This is on the screen now; every tab is told what differs."""
        if pieces != self.pieces:
            self._versions.advance()
            self._painted.put(pieces)
            self.wake()

    def since(self, mark: str) -> list[Change]:
        """What to send a tab that reached that mark; none if it is up to date."""
        return self._painted.since(mark)

    async def wait(self, mark: str, limit_s: float) -> None:
        """Return when there is news after the mark, when woken, or after `limit_s` seconds."""
        await self._versions.wait(mark, limit_s)

    def wake(self) -> None:
        """End every wait."""
        self._versions.tell()
