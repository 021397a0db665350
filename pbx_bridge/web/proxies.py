"""Who asks, where proxies of the house stand between: the client they name and how it came to them, only if they are
listed. From anybody else the same headers are as good as not sent."""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence

import structlog
from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

Network = ipaddress.IPv4Network | ipaddress.IPv6Network

_log = structlog.get_logger(__name__)

_FOR, _PROTO = "X-Forwarded-For", "X-Forwarded-Proto"
_MOST = 1000  # addresses remembered as told of


def is_among(remote: str | None, networks: Sequence[Network]) -> bool:
    """Whether an address is in one of the networks."""
    try:
        address = ipaddress.ip_address(remote or "")
    except ValueError:
        return False
    # A socket for both families tells an IPv4 address as ::ffff:192.0.2.1.
    plain = getattr(address, "ipv4_mapped", None) or address
    return any(plain in network for network in networks if network.version == plain.version)


def believing(networks: Sequence[Network]) -> Middleware:
    """What gives every handler the client as these networks' proxies tell it; to be the first to see a request."""
    unlisted: set[str] = set()

    @web.middleware
    async def believe(request: web.Request, handler: Handler) -> web.StreamResponse:
        if _FOR not in request.headers and _PROTO not in request.headers:
            return await handler(request)
        peer = request.remote or ""
        if not is_among(peer, networks):
            if peer not in unlisted and len(unlisted) < _MOST:  # said once: it comes with every request
                unlisted.add(peer)
                _log.warning("proxy_not_listed", address=peer, reason="it is not in web.proxies: it is not believed")
            return await handler(request)
        scheme = _scheme(request)
        return await handler(request.clone(remote=_client(request, networks), scheme=scheme))

    return believe


def _client(request: web.Request, networks: Sequence[Network]) -> str:
    """The last address of the chain that is no listed proxy: what stands before it, that one may have made up."""
    client = request.remote or ""
    chain = ",".join(request.headers.getall(_FOR, [])).split(",")
    for told in reversed(chain):
        address = _address(told)
        if not address:
            break
        client = address
        if not is_among(address, networks):
            break
    return client


def _address(told: str) -> str:
    """The address of one entry, with a port or without; empty if it is none."""
    text = told.strip().strip('"')
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        return str(ipaddress.ip_address(text))
    except ValueError:
        return ""


def _scheme(request: web.Request) -> str:
    told = request.headers.getall(_PROTO, [request.scheme])[-1].rpartition(",")[2].strip().lower()
    return told if told in ("http", "https") else request.scheme
