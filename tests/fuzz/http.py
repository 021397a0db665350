"""HTTP: what schemathesis makes of our own OpenAPI, sent to the whole site.

What is asked: every answer is one that the description names, of the kind it names, and none is our fault.
"""

from __future__ import annotations

import asyncio
import re
import threading
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import requests
import schemathesis
from aiohttp import web
from demo_history import morning
from full_site import full_site
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis.core.failures import FailureGroup
from schemathesis.core.result import Ok
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)
from web_visitor import NAME, PASSWORD, Parts

from pbx_bridge.web import openapi
from pbx_bridge.web.server import serve

_WEB = Path(openapi.__file__).parent
_CHECKS = [status_code_conformance, content_type_conformance, response_schema_conformance]
# They end the session that the others need, or count against who guesses passwords.
_LEFT_OUT = frozenset(
    {
        "POST /sign-in",
        "POST /sign-out",
        "POST /account/password",
        "POST /account/sessions/end-all",
        "POST /admin/user/sessions",
        "POST /admin/user/password",
    }
)
_STREAM = "text/event-stream"
_ASKS_A_PBX = "/api/dial"  # there is none here: 503 is right
_NAMED = re.compile(r"""(?:\.get\(|\[|_of\(\w+, )"([a-z_]+)"[,)\]]""")
_TYPED = (
    "", "0", "1", "-1", "09121234567", "۰۹۱۲۱۲۳۴۵۶۷", "2026-11-21", "1405/08/30", "1405-08", "2026-13-45", "23:59",
    "25:61", "101", "fa", "en", "me", "mine", "all", "note", "close", "take", "calls", "hold", "C-1042", "9/9 <b>",
    "\x00", "\ud7ff", "%ED%A0%80", "' OR 1=1 --", "9" * 40, "a" * 3000, "null", "[]", "/calls?q=1", "//evil", "on",
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """A site that runs. `known`: ids that are there."""

    app: web.Application
    address: str
    known: Sequence[str]


OpenSite = AbstractAsyncContextManager[Site]


@dataclass(frozen=True, slots=True, kw_only=True)
class Served:
    """A site in a thread of its own, and a browser that signed in as an admin."""

    address: str
    document: dict[str, Any]
    browser: requests.Session


def probe(site: OpenSite, examples: int, show: Callable[[str], None] = lambda _: None) -> list[str]:
    """Send so many requests to each operation; a line for each operation that answers as it should not."""
    with served(site) as there:
        schema = schemathesis.openapi.from_dict(there.document)
        operations = [found.ok() for found in schema.get_all_operations() if isinstance(found, Ok)]
        faults = []
        for number, operation in enumerate(operations, 1):
            fault = _probe(operation, there, examples)
            show(f"http: {number} of {len(operations)}: {operation.label}{': ' + fault if fault else ''}")
            faults += [f"{operation.label}: {fault}"] if fault else []
        return faults


def _probe(operation: Any, site: Served, examples: int) -> str:
    @settings(
        max_examples=examples,
        derandomize=True,
        database=None,
        deadline=None,
        phases=[Phase.explicit, Phase.generate, Phase.shrink],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy())
    def send(case: Any) -> None:
        case.call_and_validate(
            base_url=site.address, session=site.browser, checks=_CHECKS, allow_redirects=False, timeout=20
        )

    try:
        send()
    except (FailureGroup, requests.RequestException) as error:
        return " ".join(str(error).split())[:900]
    return ""


@asynccontextmanager
async def site_in_memory() -> AsyncIterator[Site]:
    """The site without a store: it is there at once."""
    parts = Parts()
    parts.put(calls := morning())
    async with serve(app := parts.site(), "127.0.0.1", 0) as address:
        yield Site(app=app, address=address, known=[calls[0].call_id, calls[14].call_id])


@asynccontextmanager
async def site_on_store(folder: Path) -> AsyncIterator[Site]:
    """The whole site on a new store in the folder, with what hostile people left there."""
    async with full_site(folder) as site:
        known = [site.plain.call_id, site.hostile.call_id, *site.tickets[:2], *site.callbacks[:2]]
        yield Site(app=site.app, address=site.address, known=known)


@contextmanager
def served(site: OpenSite) -> Iterator[Served]:
    """The site in a thread of its own, and a signed-in browser."""
    ready: list[tuple[Site, asyncio.AbstractEventLoop, asyncio.Event]] = []
    begun = threading.Event()

    async def run() -> None:
        try:
            async with site as opened:
                over = asyncio.Event()
                ready.append((opened, asyncio.get_running_loop(), over))
                begun.set()
                await over.wait()
        finally:
            begun.set()

    thread = threading.Thread(target=lambda: asyncio.run(run()), name="site")
    thread.start()
    begun.wait()
    try:
        if not ready:
            raise RuntimeError("the site did not start; see above")
        opened, loop, over = ready[0]
        with requests.Session() as browser:
            browser.headers["Sec-Fetch-Site"] = "same-origin"
            form = {"name": NAME, "password": PASSWORD}
            assert browser.post(f"{opened.address}/sign-in", form, allow_redirects=False).status_code == 303
            yield Served(address=opened.address, document=_document(opened), browser=browser)
        loop.call_soon_threadsafe(over.set)
    finally:
        thread.join()


def _document(site: Site) -> dict[str, Any]:
    """The site's description, with what is really there for names and values: blind guesses come nowhere."""
    document = openapi.description(site.app)
    value = {"anyOf": [{"type": "string"}, {"enum": [*site.known, *_TYPED]}]}
    paths: dict[str, Any] = {}
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            if not (f"{method.upper()} {path}" in _LEFT_OUT or _is_stream(operation)):
                if path != _ASKS_A_PBX:
                    del operation["responses"]["503"]  # the store is here: nothing excuses us
                paths.setdefault(path, {})[method] = _with_names(operation, value)
    return document | {"paths": paths}


def _is_stream(operation: Mapping[str, Any]) -> bool:
    return any(_STREAM in answer.get("content", ()) for answer in operation["responses"].values())


def _with_names(operation: dict[str, Any], value: Mapping[str, Any]) -> dict[str, Any]:
    known = value["anyOf"][1]["enum"]
    names = dict.fromkeys(_names(operation["operationId"].rpartition(".")[0].rpartition(".")[0]), value)
    for parameter in operation["parameters"]:
        schema = parameter["schema"]
        if schema["type"] == "object":
            schema = {**schema, "properties": names, "additionalProperties": value, "maxProperties": 8}
        else:
            schema = {
                "anyOf": [
                    {"type": "string", "minLength": 1},
                    {"enum": [one for one in known if one]},
                ]
            }
        parameter["schema"] = schema
    for content in operation.get("requestBody", {}).get("content", {}).values():
        if "$ref" not in content["schema"]:
            content["schema"] = {**content["schema"], "properties": names, "maxProperties": 8}
    return operation


@cache
def _names(package: str) -> tuple[str, ...]:
    """The fields that the handlers of a package ask for."""
    files = (_WEB / package.replace(".", "/")).glob("*.py")
    return tuple(sorted({name for file in files for name in _NAMED.findall(file.read_text(encoding="utf-8"))}))
