"""What stands at this moment, as samples: links, queues, agents, flows, sizes, this process. Pure but for /proc."""

from __future__ import annotations

import asyncio
import os
import resource
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from pathlib import Path

from pbx_bridge.ami.events import AWAY, Presence
from pbx_bridge.health import Link, LinkState
from pbx_bridge.web.board.feed import LiveFeed
from pbx_bridge.web.metrics.exposition import gauge, total
from pbx_bridge.web.vitals import FlowUse, Sizes

_STATES = {LinkState.UP: 1.0, LinkState.DEGRADED: 0.5, LinkState.DOWN: 0.0}
_FREE = frozenset({Presence.IDLE})
_PAGE = os.sysconf("SC_PAGE_SIZE")
_STARTED_AT = time.time()


def links(told: Sequence[Link]) -> Iterator[str]:
    """How the links stand."""
    help_text = "1 while a link is up, 0.5 while degraded, 0 while down."
    yield from gauge("pbx_bridge_link_up", help_text, [({"link": link.name}, _STATES[link.state]) for link in told])
    lags = [({"link": link.name}, link.lag_s) for link in told if link.lag_s is not None]
    yield from gauge("pbx_bridge_link_lag_seconds", "How far a link is behind.", lags)


def queues(feed: LiveFeed, now: datetime) -> Iterator[str]:
    """Who waits and who is there; nothing while AMI does not tell."""
    if not feed.agents.fresh:
        return
    waiting, members = feed.agents.waiting(), feed.agents.agents()
    names = sorted({one.queue for one in waiting} | {one.queue for one in members})
    since: dict[str, datetime] = {}
    for one in waiting:
        if one.at is not None:
            since[one.queue] = min(one.at, since.get(one.queue, one.at))
    counts = Counter(one.queue for one in waiting)
    yield from gauge(
        "pbx_bridge_queue_waiting", "Callers who wait.", [({"queue": name}, counts[name]) for name in names]
    )
    yield from gauge(
        "pbx_bridge_queue_longest_wait_seconds",
        "How long the first of them has waited.",
        [({"queue": name}, (now - since[name]).total_seconds() if name in since else 0.0) for name in names],
    )
    states = Counter((one.queue, _state(one.presence, paused=one.paused)) for one in members)
    samples = [({"queue": queue, "state": state}, n) for (queue, state), n in sorted(states.items())]
    yield from gauge("pbx_bridge_queue_agents", "Its agents, by what they do.", samples)


def _state(presence: Presence, *, paused: bool) -> str:
    if presence in AWAY:
        return "away"
    if paused:
        return "paused"
    return "free" if presence in _FREE else "busy"


def callers(feed: LiveFeed, flows: Iterable[FlowUse]) -> Iterator[str]:
    """Who is in which flow, and how many channels there are."""
    samples = [({"flow": flow.name, "version": flow.version}, flow.callers) for flow in flows]
    yield from gauge("pbx_bridge_flow_callers", "Callers whose flow goes on, by its version.", samples)
    if feed.channels.fresh:
        yield from gauge("pbx_bridge_channels", "Channels of Asterisk.", [({}, len(feed.channels.all()))])


def sizes(told: Sizes) -> Iterator[str]:
    """Spools, store and disks, as last measured."""
    unread = [({"spool": one.source}, one.unread) for one in told.spools]
    on_disk = [({"spool": one.source}, one.on_disk) for one in told.spools]
    yield from gauge("pbx_bridge_spool_unread_bytes", "Of a spool, what was not read yet.", unread)
    yield from gauge("pbx_bridge_spool_bytes", "Of a spool, what lies on disk.", on_disk)
    if told.store is not None:
        yield from gauge("pbx_bridge_store_bytes", "The store.", [({}, told.store.bytes)])
        yield from gauge("pbx_bridge_store_calls", "Ended calls in the store.", [({}, told.store.calls)])
    free = [({"path": disk.path}, disk.free) for disk in told.disks]
    size = [({"path": disk.path}, disk.total) for disk in told.disks]
    yield from gauge("pbx_bridge_disk_free_bytes", "Free on a disk that something of ours is on.", free)
    yield from gauge("pbx_bridge_disk_bytes", "Its size.", size)


def process() -> Iterator[str]:
    """This process, by the names that Prometheus' own libraries use."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    yield from total("process_cpu_seconds_total", "CPU time.", round(used.ru_utime + used.ru_stime, 3))
    yield from gauge("pbx_bridge_tasks", "What the daemon has under way at once.", [({}, len(asyncio.all_tasks()))])
    yield from gauge("process_start_time_seconds", "When it started, since 1970.", [({}, round(_STARTED_AT, 3))])
    try:
        resident = int(Path("/proc/self/statm").read_text().split()[1]) * _PAGE
        open_files = len(os.listdir("/proc/self/fd"))
    except (OSError, ValueError, IndexError):  # no such thing here
        return
    yield from gauge("process_resident_memory_bytes", "Memory.", [({}, resident)])
    yield from gauge("process_open_fds", "Open files.", [({}, open_files)])
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    yield from gauge("process_max_fds", "As many may be.", [({}, limit)] if limit != resource.RLIM_INFINITY else [])
