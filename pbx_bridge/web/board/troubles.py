"""Of what the board is blind or behind, and since when. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from pbx_bridge.health import Link, LinkState

_BEHIND_S = 5.0  # as the spool's own: less is no trouble to anybody


@dataclass(frozen=True, slots=True, kw_only=True)
class Trouble:
    """What is wrong: `ami`, `channels`, `ari`, `store` (blind), `behind` (by `lag_s`). `since` is aware UTC."""

    kind: str
    since: datetime
    lag_s: int = 0


def troubles_of(
    links: Iterable[Link], *, ami_fresh: bool, channels_fresh: bool, unknown_since: datetime | None
) -> tuple[Trouble, ...]:
    """What is wrong now, the worst first.

    Args:
        ami_fresh: whether AMI's queues tell the present; a link that just came back has to read them first.
        channels_fresh: the same of its channels, which a PBX that is not ours may not let us see.
        unknown_since: since when the calls on record could not be read; None: they could.
    """
    by_name = {link.name: link for link in links}
    found: list[Trouble] = []
    ami = by_name.get("ami")
    if ami is not None and not (ami_fresh and channels_fresh):
        found.append(Trouble(kind="channels" if ami_fresh else "ami", since=ami.since))
    ari, store, spool = (by_name.get(name) for name in ("ari", "store", "spool"))
    if ari is not None and ari.state is LinkState.DOWN:
        found.append(Trouble(kind="ari", since=ari.since))
    down = store.since if store is not None and store.state is LinkState.DOWN else unknown_since
    if down is not None:
        found.append(Trouble(kind="store", since=down))
    elif spool is not None and (spool.state is LinkState.DOWN or (spool.lag_s or 0.0) > _BEHIND_S):
        found.append(Trouble(kind="behind", since=spool.since, lag_s=_in_steps(spool.lag_s or 0.0)))
    return tuple(found)


def _in_steps(seconds: float) -> int:
    """Whole fives: a reader that is told each second hears nothing else."""
    return round(seconds / 5) * 5
