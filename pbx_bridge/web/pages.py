"""Rendering: templates, and what every page is given."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import aiohttp_jinja2
import jinja2
from aiohttp import web

from pbx_bridge.values.hostile import clean
from pbx_bridge.web import icons, keys, language, navigation
from pbx_bridge.web.addresses import contract_address, customer_address
from pbx_bridge.web.assets import Assets
from pbx_bridge.web.compiled import Compiled
from pbx_bridge.web.dial.offer import can_dial
from pbx_bridge.web.show import NOTHING, Language, Show, iso
from pbx_bridge.web.viewer import Viewer

_FOLDER = Path(__file__).with_name("templates")


# Of this file, for what it sets up decides what a template becomes.
_COMPILED = Compiled(Path(__file__).read_bytes())


def install(app: web.Application, files: Assets) -> None:
    """Load and compile every template now, so that a broken one stops the start and none is read while serving."""
    env = aiohttp_jinja2.setup(
        app,
        loader=jinja2.FileSystemLoader(_FOLDER),
        bytecode_cache=_COMPILED,
        undefined=jinja2.StrictUndefined,
        default_helpers=False,
        auto_reload=False,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    env.globals.update(asset=files.url, NOTHING=NOTHING, clean=clean, iso=iso, icon=icons.icon)
    env.globals.update(customer_address=customer_address, contract_address=contract_address)
    env.globals.update(can_dial=can_dial, dial_key=lambda: secrets.token_urlsafe(12))
    for name in env.list_templates():
        env.get_template(name)


def viewer(request: web.Request) -> Viewer:
    """Who looks at this request's page."""
    app = request.app
    show = Show(language=language.of(request), zone=app[keys.ZONE], region=app[keys.REGION])
    account, unmasked = request.get(keys.USER), app[keys.UNMASKED]
    return Viewer(show=show, now=app[keys.CLOCK](), account=account, unmasked=unmasked)


def page(request: web.Request, name: str, context: Mapping[str, Any], *, status: int = 200) -> web.Response:
    """A whole page."""
    given = _frame(request) | _given(request, context)
    response = aiohttp_jinja2.render_template(name, request, given, status=status)
    response.headers["Vary"] = "Cookie, Accept-Language, Accept-Encoding"
    response.enable_compression()  # a page of the history is 100 kB of text, 8 kB on the wire
    return response


def fragment(request: web.Request, name: str, context: Mapping[str, Any]) -> str:
    """A piece of a page, for a stream."""
    return aiohttp_jinja2.render_string(name, request, _given(request, context))


def _frame(request: web.Request) -> dict[str, Any]:
    """What stands around every page."""
    nav = navigation.links(request.app, request.path, request.get(keys.USER))
    return {
        "nav": nav,
        "home": navigation.home(nav),
        "has_account": any(link.address == navigation.ACCOUNT for link in nav),
        "here": str(request.rel_url) if request.method == "GET" else request.path,
    }


def _given(request: web.Request, context: Mapping[str, Any]) -> dict[str, Any]:
    who = viewer(request)
    other = Language.EN if who.show.persian else Language.FA
    # The address in the other language; `switch` takes the parameter away again.
    turn = request.rel_url.update_query({language.PARAMETER: other.value})
    return {
        "v": who,
        "t": who.t,
        "show": who.show,
        "path": request.path,
        "other": other,
        "turn": str(turn),
        **context,
    }
