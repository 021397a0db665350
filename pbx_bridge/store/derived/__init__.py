"""What is worked out of calls and kept beside them, in the transaction that writes the call: never behind it.

facets    what a call is found by
tallies   what reports count
moments   what went wrong, for somebody to look after
contacts  what the calls of one person say of each other
"""

from __future__ import annotations

from pbx_bridge.store.derived.derived import Derived as Derived
from pbx_bridge.store.derived.derived import Kept as Kept
