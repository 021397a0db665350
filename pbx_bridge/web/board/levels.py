"""Today's service level of each queue, from the day's counts. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from pbx_bridge.calls.targets import Targets
from pbx_bridge.web.board.model import Level
from pbx_bridge.web.board.ports import Parts

_OWN_WISH = "key"  # who left the queue for what the flow offered instead was not kept waiting


def levels_of(waits: Parts, targets: Targets) -> Mapping[str, Level]:
    """By queue, from the counts `wait`: queue, how the wait ended, least seconds of its step."""
    counts: dict[str, list[int]] = {}
    for (queue, result, step), (n, _) in waits.items():
        if result == _OWN_WISH or not queue:
            continue
        count = counts.setdefault(queue, [0, 0])
        count[0] += n if result == "answered" and targets.in_time(queue, int(step)) else 0
        count[1] += n
    return {queue: Level(in_time=in_time, all=total) for queue, (in_time, total) in counts.items()}
