"""`/api/openapi.json`: what programs and browsers may ask for, as OpenAPI 3.1, made of the routes themselves.

The routes, their marks and docstrings are the one place: nothing is listed here that could be forgotten. What a
handler takes and gives as JSON stands at the handler (`takes`, `gives`) by the types that it decodes and encodes.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from importlib.metadata import version
from typing import Any, TypeVar

import msgspec
from aiohttp import web
from aiohttp.abc import AbstractView

from pbx_bridge.web import permits
from pbx_bridge.web.permits import Permission, needs

Handler = TypeVar("Handler", bound=Callable[..., Any])

KEY: web.AppKey[bytes] = web.AppKey("openapi", bytes)
_TAKES, _GIVES = "_pbx_bridge_takes", "_pbx_bridge_gives"
_PATH = re.compile(r"\{(\w+)\}")
_SCHEMAS = "#/components/schemas/{name}"
_KINDS = {  # by how an address ends
    "/events": "text/event-stream",
    ".csv": "text/csv",
    ".json": "application/json",
    ".svg": "image/svg+xml",
    ".wav": "audio/wav",
    ".xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "/healthz": "application/json",
    "/readyz": "application/json",
    "/metrics": "text/plain",
}
_TEXT = {"type": "string"}


def takes(body: type[msgspec.Struct]) -> Callable[[Handler], Handler]:
    """Mark a handler that takes JSON of this type, not a form."""

    def mark(handler: Handler) -> Handler:
        setattr(handler, _TAKES, body)
        return handler

    return mark


def gives(**answers: type[msgspec.Struct]) -> Callable[[Handler], Handler]:
    """Mark a handler that gives JSON: by status, `s201=Told`."""

    def mark(handler: Handler) -> Handler:
        setattr(handler, _GIVES, {status.removeprefix("s"): kind for status, kind in answers.items()})
        return handler

    return mark


def install(app: web.Application) -> None:
    """Serve the description of all routes; called when they are complete."""
    app.add_routes(ROUTES)
    app[KEY] = msgspec.json.encode(description(app))


@needs(Permission.SEE_CALLS)
async def show(request: web.Request) -> web.Response:
    """GET /api/openapi.json: this description."""
    return web.Response(body=request.app[KEY], content_type="application/json")


ROUTES = [web.get("/api/openapi.json", show)]


def description(app: web.Application) -> dict[str, Any]:
    """The OpenAPI document of a site."""
    routes = list(_routes(app))
    types = {kind for route in routes for kind in (_body(route.handler), *_answers(route.handler).values()) if kind}
    in_order = sorted(types, key=lambda kind: kind.__name__)
    _, components = msgspec.json.schema_components(in_order, ref_template=_SCHEMAS)
    paths: dict[str, dict[str, Any]] = {}
    for route in routes:
        paths.setdefault(_address(route), {})[route.method.lower()] = _operation(route)
    return {
        "openapi": "3.1.0",
        "info": {"title": "pbx_bridge", "version": version("pbx-bridge"), "description": _ABOUT},
        "paths": paths,
        "components": {"schemas": components, "securitySchemes": _SCHEMES},
    }


_ABOUT = (
    "Everything that is served. A token (Admin, API tokens) reads what its role may; it changes nothing but where "
    "`x-for-programs` is true. A browser signs in and has a cookie; other sites' pages are refused."
)
_SCHEMES = {
    "token": {"type": "http", "scheme": "bearer"},
    "session": {"type": "apiKey", "in": "cookie", "name": "pbx_bridge"},
}


def _routes(app: web.Application) -> Iterator[web.AbstractRoute]:
    for route in app.router.routes():
        if route.method != "HEAD" and route.resource is not None:  # a HEAD answers as its GET does
            yield route


def _address(route: web.AbstractRoute) -> str:
    return route.resource.canonical if route.resource else ""


def _operation(route: web.AbstractRoute) -> dict[str, Any]:
    handler, address = route.handler, _address(route)
    needed, for_programs = permits.needed(handler), permits.is_for_programs(handler)
    told: dict[str, Any] = {
        "operationId": f"{handler.__module__.removeprefix('pbx_bridge.web.')}.{handler.__name__}",
        "summary": " ".join((handler.__doc__ or address).split()),
        "tags": [address.split("/")[1] or "status"],
        "parameters": [*map(_in_path, _PATH.findall(address))],
        "responses": _responses(route),
        "x-needs": needed and needed.value,
        "x-for-programs": for_programs,
    }
    if route.method == "POST":
        told["requestBody"] = _asked(handler)
    else:
        told["parameters"] += [_QUERY] if not _PATH.fullmatch(address) else []
    if needed is not None:
        by_token = (route.method == "GET" or for_programs) and needed is not Permission.SIGNED_IN
        told["security"] = [*([{"token": []}] if by_token else []), {"session": []}]
    return told


_QUERY = {
    "name": "query",
    "in": "query",
    "style": "form",
    "explode": True,
    "description": "what the summary names; anything else is passed over",
    "schema": {"type": "object", "additionalProperties": _TEXT},
}


def _in_path(name: str) -> dict[str, Any]:
    return {"name": name, "in": "path", "required": True, "schema": {**_TEXT, "minLength": 1}}


def _asked(handler: Callable[..., Any]) -> dict[str, Any]:
    body = _body(handler)
    if body is not None:
        return {"required": True, "content": {"application/json": {"schema": _named(body)}}}
    form = {"type": "object", "additionalProperties": _TEXT}
    return {"content": {"application/x-www-form-urlencoded": {"schema": form}}}


def _responses(route: web.AbstractRoute) -> dict[str, Any]:
    answers, address = _answers(route.handler), _address(route)
    kind = next((kind for end, kind in _KINDS.items() if address.endswith(end)), "text/html")
    told: dict[str, Any] = {
        status: {"description": "as told", "content": {"application/json": {"schema": _named(body)}}}
        for status, body in answers.items()
    }
    if not answers:
        told["2XX"] = {"description": "what was asked for", "content": {kind: {}}}
        told["3XX"] = {"description": "elsewhere: the sign-in, or the page behind a form that was taken"}
    told["4XX"] = {"description": "refused: a page, or JSON, that says why"}
    told["503"] = {"description": "the store, or what stands behind, cannot be asked now"}
    return told


def _named(body: type[msgspec.Struct]) -> dict[str, Any]:
    return {"$ref": _SCHEMAS.format(name=body.__name__)}


def _body(handler: Callable[..., Any] | type[AbstractView]) -> type[msgspec.Struct] | None:
    return getattr(handler, _TAKES, None)


def _answers(handler: Callable[..., Any] | type[AbstractView]) -> Mapping[str, type[msgspec.Struct]]:
    return getattr(handler, _GIVES, {})
