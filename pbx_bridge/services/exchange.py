"""One request to a service and its answer, whatever the service makes of it: JSON, no such thing, or an error.

Nothing of a request stands in an error: a URL holds what callers keyed, headers hold secrets.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Mapping
from dataclasses import dataclass

import aiohttp
import msgspec
from yarl import URL

from pbx_bridge.errors import ServiceUnavailable
from pbx_bridge.services.service import Service
from pbx_bridge.services.template import Scalar

MAX_BODY = 64 * 1024  # bytes

_NOT_FOUND = 404
_BUSY = 429


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What is sent. `key` makes a POST one that is to be done once however often it comes; empty: it is not."""

    url: str
    body: bytes | None
    key: str = ""


def prepare(service: Service, arguments: Mapping[str, Scalar], key: str = "") -> Request:
    """The request with these arguments. Raises ServiceUnavailable naming one that cannot be sent."""
    try:
        url = service.url.fill(arguments)
        return Request(url=url, body=msgspec.json.encode(arguments) if service.method == "POST" else None, key=key)
    except UnicodeEncodeError:  # half a character, from a caller
        raise ServiceUnavailable("an argument cannot be told") from None
    except ValueError as error:
        raise ServiceUnavailable(str(error)) from None


async def exchange(session: aiohttp.ClientSession, service: Service, request: Request) -> bytes | None:
    """The body of its answer; None: there is no such thing. Raises ServiceUnavailable."""
    try:
        async with asyncio.timeout(service.limit_s):
            return await _exchange(session, service, request)
    except TimeoutError:
        raise ServiceUnavailable(f"no answer within {service.limit_s:g} s", is_down=True) from None
    except (aiohttp.ClientError, OSError, ValueError) as error:
        raise ServiceUnavailable(_reason(error), is_down=True) from None


def decode(body: bytes | None) -> object:
    """What the JSON says; None: no such thing. Raises ServiceUnavailable."""
    if body is None:
        return None
    try:
        told: object = msgspec.json.decode(body)
    except (msgspec.DecodeError, ValueError, RecursionError):
        raise ServiceUnavailable("the answer is no JSON") from None
    return told


async def _exchange(session: aiohttp.ClientSession, service: Service, request: Request) -> bytes | None:
    async with session.request(
        service.method,
        URL(request.url, encoded=True),
        data=request.body,
        headers=_headers(service, request),
        allow_redirects=False,
    ) as response:
        return await _answer(response, wants_body=not request.key)


def _headers(service: Service, request: Request) -> dict[str, str]:
    headers = {**service.headers, "Accept": "application/json", "Accept-Encoding": "identity"}
    if request.body is not None:
        headers["Content-Type"] = "application/json"
    if request.key:
        headers["Idempotency-Key"] = request.key
    return headers


async def _answer(response: aiohttp.ClientResponse, *, wants_body: bool) -> bytes | None:
    if response.status == _NOT_FOUND:
        return None
    if not 200 <= response.status < 300:
        is_down = response.status >= 500 or response.status == _BUSY
        raise ServiceUnavailable(f"it answered with HTTP status {response.status}", is_down=is_down)
    if not wants_body:
        return b""
    if response.headers.get("Content-Encoding", "identity").lower() != "identity":
        raise ServiceUnavailable("the answer is compressed, which was not asked for")
    body = bytearray()
    async for chunk in response.content.iter_any():
        body += chunk
        if len(body) > MAX_BODY:
            raise ServiceUnavailable(f"the answer is larger than {MAX_BODY // 1024} KiB")
    return bytes(body)


def _reason(error: Exception) -> str:
    match error:
        case aiohttp.ClientConnectorCertificateError() | aiohttp.ClientSSLError() | ssl.SSLError():
            return "its certificate is not to be trusted"
        case aiohttp.ClientConnectorError():
            return "it cannot be reached"
        case aiohttp.ServerDisconnectedError() | aiohttp.ClientPayloadError() | ConnectionError():
            return "the connection was lost"
        case _:
            return f"its answer is no HTTP ({type(error).__name__})"
