"""`/metrics`: durations and links for Prometheus and `make bench`. Numbers only, nothing about callers.

Open without a sign-in, but to programs of this machine alone: a collector has no session.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Iterator
from itertools import accumulate

from aiohttp import web

from pbx_bridge.health import Link, LinkState, Meter, Tally
from pbx_bridge.web import keys
from pbx_bridge.web.permits import open_to_all

_TYPE = "text/plain; version=0.0.4; charset=utf-8"


@open_to_all
async def metrics(request: web.Request) -> web.Response:
    """GET /metrics."""
    if not _is_here(request.remote):
        raise web.HTTPForbidden
    lines = [*_links(request.app[keys.HEALTH].links())]
    for meter in request.app[keys.METERS]:
        lines += _histogram(meter) if isinstance(meter, Meter) else _counter(meter)
    return web.Response(body="\n".join([*lines, ""]).encode(), headers={"Content-Type": _TYPE})


def _is_here(remote: str | None) -> bool:
    try:
        return ipaddress.ip_address(remote or "").is_loopback
    except ValueError:
        return False


def _links(links: Iterable[Link]) -> Iterator[str]:
    yield "# HELP pbx_bridge_link_up 1 while a link is up, 0.5 while degraded, 0 while down."
    yield "# TYPE pbx_bridge_link_up gauge"
    for link in links:
        value = {LinkState.UP: "1", LinkState.DEGRADED: "0.5", LinkState.DOWN: "0"}[link.state]
        yield f'pbx_bridge_link_up{{link="{link.name}"}} {value}'


def _histogram(meter: Meter) -> Iterator[str]:
    yield f"# HELP {meter.name} {meter.help_text}"
    yield f"# TYPE {meter.name} histogram"
    bounds = [*(f"{bound:g}" for bound in meter.bounds_s), "+Inf"]
    for bound, count in zip(bounds, accumulate(meter.counts), strict=True):
        yield f'{meter.name}_bucket{{le="{bound}"}} {count}'
    yield f"{meter.name}_sum {meter.total_s:.6f}"
    yield f"{meter.name}_count {sum(meter.counts)}"


def _counter(tally: Tally) -> Iterator[str]:
    yield f"# HELP {tally.name} {tally.help_text}"
    yield f"# TYPE {tally.name} counter"
    for words, count in sorted(tally.counts.items()):
        told = ",".join(f'{label}="{word}"' for label, word in zip(tally.labels, words, strict=True))
        yield f"{tally.name}{{{told}}} {count}"


ROUTES = [web.get("/metrics", metrics)]
