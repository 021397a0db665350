"""A house without telephones: for tests of other pages, and to show them without a PBX."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from pbx_bridge.ari_handlers.dial_rules import DialRules, Refusal
from pbx_bridge.ari_handlers.dialler import Wish
from pbx_bridge.ari_handlers.progress import Progress
from pbx_bridge.ari_handlers.telephone import Denied, Done, Hand, House, Way
from pbx_bridge.store.dials import AskedDial, Dial

_DENIED = Denied(refusal=Refusal.PBX)


class NoPhones:
    """Dialler and Phones of ports.py: nothing is called, nothing is in hand."""

    rules = DialRules()
    house = House()

    def __init__(self) -> None:
        self.going_on: Mapping[str, Progress] = {}

    async def ask(self, wish: Wish) -> AskedDial | Refusal:
        """As ports.Dialler tells."""
        return Refusal.PBX

    async def progress(self, dial_id: str) -> Progress | None:
        """As ports.Dialler tells."""
        return self.going_on.get(dial_id)

    async def asked(self, user: str, key: str) -> Dial | None:
        """As ports.Dialler tells."""
        return None

    async def cancel(self, dial: Dial) -> None:
        """As ports.Dialler tells."""

    def listen(self, listener: Callable[[], None]) -> None:
        """As ports.Dialler tells."""

    def unlisten(self, listener: Callable[[], None]) -> None:
        """As ports.Dialler tells."""

    def hands(self) -> Mapping[str, Hand]:
        """As ports.Phones tells."""
        return {}

    async def hand_on(self, extension: str, way: Way, to: str) -> Done | Denied:
        """As ports.Phones tells."""
        return _DENIED

    async def back(self, extension: str) -> Done | Denied:
        """As ports.Phones tells."""
        return _DENIED

    async def complete(self, extension: str) -> Done | Denied:
        """As ports.Phones tells."""
        return _DENIED

    async def hold(self, extension: str) -> Done | Denied:
        """As ports.Phones tells."""
        return _DENIED

    async def resume(self, extension: str) -> Done | Denied:
        """As ports.Phones tells."""
        return _DENIED

    async def pause(self, extension: str, reason: str) -> Done | Denied:
        """As ports.Phones tells."""
        return _DENIED

    async def available(self, extension: str) -> Done | Denied:
        """As ports.Phones tells."""
        return _DENIED

    async def missing(self) -> Sequence[str]:
        """As ports.Phones tells."""
        return ()
