"""GET /metrics. Open without a sign-in, but only to the networks of the settings: a collector has no session."""

from __future__ import annotations

import ipaddress
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass

from aiohttp import web

from pbx_bridge.health import Meter, Tally
from pbx_bridge.web import keys
from pbx_bridge.web.board.feed import LiveFeed
from pbx_bridge.web.metrics import gauges
from pbx_bridge.web.metrics.counted import EndedCalls
from pbx_bridge.web.metrics.exposition import TYPE, counter, histogram
from pbx_bridge.web.permits import open_to_all
from pbx_bridge.web.proxies import Network, is_among
from pbx_bridge.web.vitals import Sizes

HERE: tuple[Network, ...] = (ipaddress.ip_network("127.0.0.0/8"), ipaddress.ip_network("::1/128"))


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricsParts:
    """What is told beside what the site knows.

    Attributes:
        meters: durations and counts of the rest of the daemon.
        readers: the networks whose programs may read.
    """

    meters: tuple[Meter | Tally, ...] = ()
    readers: tuple[Network, ...] = HERE


PARTS = web.AppKey("metrics", MetricsParts)
FEED = web.AppKey("metrics_feed", LiveFeed)
ENDED = web.AppKey("metrics_ended_calls", EndedCalls)


@open_to_all
async def metrics(request: web.Request) -> web.Response:
    """GET /metrics."""
    parts = request.app[PARTS]
    if not is_among(request.remote, parts.readers):
        raise web.HTTPForbidden
    sizes = await request.app[keys.VITALS].sizes()
    lines = [*_lines(request.app, parts, sizes), ""]
    return web.Response(body="\n".join(lines).encode(), headers={"Content-Type": TYPE})


def _lines(app: web.Application, parts: MetricsParts, sizes: Sizes) -> Iterator[str]:
    feed, ended = app[FEED], app[ENDED]
    yield from gauges.links(app[keys.HEALTH].links())
    yield from gauges.queues(feed, app[keys.CLOCK]())
    yield from gauges.callers(feed, app[keys.VITALS].flows())
    for meter in (ended.outcomes, ended.behind, *parts.meters):
        yield from histogram(meter) if isinstance(meter, Meter) else counter(meter)
    yield from gauges.sizes(sizes)
    yield from gauges.process()


def install(app: web.Application, parts: MetricsParts, feed: LiveFeed) -> None:
    """Make the page; after the calls and the clock are there."""
    app[PARTS], app[FEED] = parts, feed
    app[ENDED] = EndedCalls(app[keys.CALLS], app[keys.CLOCK])
    app.add_routes([web.get("/metrics", metrics)])
    app.cleanup_ctx.append(_count)


async def _count(app: web.Application) -> AsyncIterator[None]:
    async with app[ENDED].following():
        yield
