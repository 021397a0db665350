"""`/healthz` and `/readyz`: for machines, open to all, so they tell states and nothing else."""

from __future__ import annotations

from aiohttp import web

from pbx_bridge.web import keys
from pbx_bridge.web.permits import open_to_all
from pbx_bridge.web.show import iso


@open_to_all
async def healthz(_request: web.Request) -> web.Response:
    """GET /healthz: the process runs."""
    return web.json_response({"status": "ok"})


@open_to_all
async def readyz(request: web.Request) -> web.Response:
    """GET /readyz: 200 when no link is down, else 503."""
    health = request.app[keys.HEALTH]
    links = {
        # No detail: it may name hosts and files.
        link.name: {"state": link.state.value, "since": iso(link.since), "lag_s": link.lag_s}
        for link in health.links()
    }
    return web.json_response({"ready": health.ready, "links": links}, status=200 if health.ready else 503)


ROUTES = [web.get("/healthz", healthz), web.get("/readyz", readyz)]
