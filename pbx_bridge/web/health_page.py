"""`/healthz` and `/readyz`: for machines, open to all, so they tell states and nothing else.

Reasons they tell to whoever can read HOME/secrets: to `pbx-bridge status`.
"""

from __future__ import annotations

from aiohttp import web
from cryptography.fernet import InvalidToken

from pbx_bridge.web import keys
from pbx_bridge.web.permits import open_to_all
from pbx_bridge.web.show import iso

# As pbx/healthcheck.py sends it.
_PROOF, _PROVED, _PROOF_S = "X-PBX-Bridge-Proof", b"status", 60


@open_to_all
async def healthz(_request: web.Request) -> web.Response:
    """GET /healthz: the process runs."""
    return web.json_response({"status": "ok"})


@open_to_all
async def readyz(request: web.Request) -> web.Response:
    """GET /readyz: 200 when no link is down, else 503."""
    health, ours = request.app[keys.HEALTH], _is_ours(request)
    links = {
        # No detail to others: it may name hosts and files.
        link.name: {"state": link.state.value, "since": iso(link.since), "lag_s": link.lag_s}
        | ({"detail": link.detail} if ours else {})
        for link in health.links()
    }
    return web.json_response({"ready": health.ready, "links": links}, status=200 if health.ready else 503)


def _is_ours(request: web.Request) -> bool:
    try:
        return request.app[keys.SEALER].decrypt(request.headers.get(_PROOF, ""), ttl=_PROOF_S) == _PROVED
    except InvalidToken:
        return False


ROUTES = [web.get("/healthz", healthz), web.get("/readyz", readyz)]
