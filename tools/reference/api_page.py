"""docs/reference/api.md: every request that is served, of the same description as /api/openapi.json."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from importlib import import_module
from typing import Any, cast
from zoneinfo import ZoneInfo

from pbx_bridge.health import Health
from pbx_bridge.store.users import Role
from pbx_bridge.web import openapi
from pbx_bridge.web.admin.ports import Users
from pbx_bridge.web.memory import MemoryCalls
from pbx_bridge.web.permits import Permission, may
from pbx_bridge.web.site import SiteParts, make_site
from tools.reference import page

_ABOUT = """
Every request that the daemon serves, pages included. A running one describes them as OpenAPI 3.1 at
`/api/openapi.json`. *Who* are the roles that may; *token*: a program may ask it with `Authorization: Bearer TOKEN`
(`pbx-bridge tokens add`). Pages are HTML, for people; for programs are `.json`, `.csv`, `.xlsx`, `/api/…`, `/metrics`
and `/healthz`. A page of another site cannot make a signed-in browser change anything. What is refused is refused
with 400 (what was sent cannot be), 401 (sign in), 403 (not for this role), 404 (no such thing, or not for you), 409
(somebody was faster), 413 (too large), 422 (a form to be corrected) or 503 (the store, or what stands behind, is
away).
"""

_ITSELF = re.compile(r"^(?:GET|POST)? ?/(?:[^\s;:,.]|\.(?=\w))*[:;,.]? ?")
_PAGE = re.compile(r"^(?:`[^`]+`: |GET \S+ )")


def description() -> dict[str, Any]:
    """The OpenAPI document of a site that nobody visits."""
    parts = SiteParts(
        health=Health(),
        calls=MemoryCalls(),
        users=cast(Users, None),  # asked when somebody signs in: here is nobody
        session_key=bytes(32),
        zone=ZoneInfo("UTC"),
    )
    return openapi.description(make_site(parts))


def requests(document: Mapping[str, Any]) -> Iterator[tuple[str, str, Mapping[str, Any]]]:
    """Method, address and what is told of each, by address."""
    for address, operations in sorted(document["paths"].items()):
        for method, told in operations.items():
            yield method.upper(), address, told


def render() -> str:
    """The page."""
    document = description()
    groups: dict[str, list[tuple[str, ...]]] = {}
    for method, address, told in requests(document):
        groups.setdefault(told["tags"][0], []).append(_row(method, address, told))
    parts = [page.head("Requests", _ABOUT)]
    for name, rows in sorted(groups.items()):
        parts += [f"## {name.capitalize()}\n", page.table(("request", "who", "token", "what"), rows)]
    parts += ["## JSON that is taken and given\n", *_schemas(document["components"]["schemas"])]
    return "\n".join(parts)


def _row(method: str, address: str, told: Mapping[str, Any]) -> tuple[str, ...]:
    by_token = any("token" in way for way in told.get("security", ()))
    return page.code(f"{method} {address}"), _who(told["x-needs"]), "yes" if by_token else page.NONE, _what(told)


def _who(needed: str | None) -> str:
    if needed is None:
        return "everybody"
    roles = [role.value for role in Role if may(role, Permission(needed))]
    return "all who sign in" if len(roles) == len(Role) else ", ".join(roles)


def _what(told: Mapping[str, Any]) -> str:
    words = _in_words(told)
    taken = told.get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema", {})
    given = {
        status: content["content"]["application/json"]["schema"]["$ref"]
        for status, content in told["responses"].items()
        if "$ref" in content.get("content", {}).get("application/json", {}).get("schema", {})
    }
    if "$ref" in taken:
        words += f" Takes `{_name(taken['$ref'])}`."
    return words + "".join(f" {status}: `{_name(ref)}`." for status, ref in given.items())


def _in_words(told: Mapping[str, Any]) -> str:
    """What its handler says of it; of one that says no more than its address, what the page says of itself."""
    words = _ITSELF.sub("", str(told["summary"]))
    if not words:
        module = import_module(f"pbx_bridge.web.{told['operationId'].rpartition('.')[0]}")
        words = _PAGE.sub("", (module.__doc__ or "").partition("\n")[0])
    return words[:1].upper() + words[1:]


def _name(ref: str) -> str:
    return ref.rpartition("/")[2]


def _schemas(schemas: Mapping[str, Any]) -> Iterator[str]:
    for name, schema in sorted(schemas.items()):
        yield f"### `{name}`\n"
        if words := schema.get("description"):
            yield page.paragraph(words) + "\n"
        if "enum" in schema:
            yield f"One of {_kind(schema)}.\n"
            continue
        required = schema.get("required", ())
        rows = [
            (page.code(field), _kind(told), "yes" if field in required else page.NONE)
            for field, told in schema.get("properties", {}).items()
        ]
        yield page.table(("field", "is", "needed"), rows)


def _kind(told: Mapping[str, Any]) -> str:
    if "anyOf" in told:
        return " or ".join(map(_kind, told["anyOf"]))
    if "$ref" in told:
        return page.code(_name(told["$ref"]))
    if "enum" in told:
        return ", ".join(page.code(str(one)) for one in told["enum"])
    if told.get("type") == "array":
        return f"list of {_kind(told['items'])}"
    if told.get("format") == "date-time":
        return "time, ISO 8601"
    names = {"string": "text", "integer": "whole number", "boolean": "true or false", "null": "null"}
    return names.get(str(told.get("type")), str(told.get("type", "anything")))
