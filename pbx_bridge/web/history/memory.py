"""Saved views in memory: for tests, and to show the pages without a store."""

from __future__ import annotations

from collections.abc import Sequence

from pbx_bridge.store.views import MOST, View


class MemoryViews:
    """Views that are gone with the process."""

    def __init__(self) -> None:
        self._views: dict[tuple[str, str], View] = {}

    async def of(self, user_name: str) -> Sequence[View]:
        """As ports.Views tells."""
        seen = [view for view in self._views.values() if view.shared or view.user_name == user_name]
        return sorted(seen, key=lambda view: (view.name, view.user_name))

    async def save(self, user_name: str, name: str, address: str, *, shared: bool) -> bool:
        """As ports.Views tells."""
        mine = sum(owner == user_name and other != name for owner, other in self._views)
        if mine >= MOST:
            return False
        key = (user_name, name)
        view_id = self._views[key].view_id if key in self._views else f"view-{len(self._views)}-{user_name}"
        self._views[key] = View(view_id=view_id, user_name=user_name, name=name, address=address, shared=shared)
        return True

    async def drop(self, user_name: str, view_id: str, *, any_owner: bool = False) -> bool:
        """As ports.Views tells."""
        for key, view in self._views.items():
            if view.view_id == view_id and (view.user_name == user_name or (any_owner and view.shared)):
                del self._views[key]
                return True
        return False
