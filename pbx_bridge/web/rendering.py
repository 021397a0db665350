"""The templates of each language, with its words already in their places; read and compiled once in a process.

`t("nav.calls")` in a template becomes the word itself when the template is compiled: a page asks for some hundred,
and to look for each at each request took as long as all the rest of the page.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping, MutableMapping
from functools import cache
from pathlib import Path
from typing import Any

import jinja2
import msgspec
from jinja2 import nodes
from jinja2.filters import do_urlencode
from jinja2.visitor import NodeTransformer

from pbx_bridge.values.hostile import clean, encodable
from pbx_bridge.web import icons, words
from pbx_bridge.web.addresses import contract_address, customer_address
from pbx_bridge.web.compiled import Compiled
from pbx_bridge.web.dial.offer import can_dial
from pbx_bridge.web.show import NOTHING, Language, iso

_FOLDER = Path(__file__).with_name("templates")


class WordedEnvironment(jinja2.Environment):
    """An environment whose templates are in one language. A word that is not there stops the compiling."""

    def __init__(self, language: Language, **options: Any) -> None:
        super().__init__(**options)
        self._words = _Words(language)

    def make_globals(self, d: MutableMapping[str, Any] | None) -> MutableMapping[str, Any]:
        """See jinja. Read with each rendering; nothing is added later, for which jinja's own would look each time."""
        return {**self.globals, **(d or {})}

    def _generate(
        self, source: nodes.Template, name: str | None, filename: str | None, defer_init: bool = False
    ) -> str:
        # jinja's hook between reading a template and writing its code.
        worded: nodes.Template = self._words.visit(source)
        return super()._generate(worded, name, filename, defer_init)


class _Words(NodeTransformer):
    """Puts words where a template asks for them by a plain key; with values, only where these are plain as well."""

    def __init__(self, language: Language) -> None:
        self._language = language

    def visit_Call(self, node: nodes.Call) -> nodes.Node:
        found: nodes.Node = self.generic_visit(node)
        match node.node, node.args, node.dyn_args, node.dyn_kwargs:
            case nodes.Name(name="t"), [nodes.Const(value=str(key))], None, None:
                values = {one.key: one.value.value for one in node.kwargs if isinstance(one.value, nodes.Const)}
                if len(values) == len(node.kwargs):
                    return nodes.Const(words.word(self._language, key, **values), lineno=node.lineno)
            case _:
                pass
        return found


@cache
def templates(language: Language) -> jinja2.Environment:
    """Every template, compiled now, so that a broken one stops the start and none is read while serving."""
    env = WordedEnvironment(
        language,
        loader=jinja2.FileSystemLoader(_FOLDER),
        bytecode_cache=_compiled(language),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        auto_reload=False,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    env.filters["urlencode"] = _in_address
    env.globals.update(NOTHING=NOTHING, clean=clean, iso=iso, icon=icons.icon, can_dial=can_dial)
    env.globals.update(dial_key=lambda: secrets.token_urlsafe(12))
    env.globals.update(customer_address=customer_address, contract_address=contract_address)
    for name in env.list_templates():
        env.get_template(name)
    return env


def _in_address(told: str | Mapping[str, object]) -> str:
    """jinja's `urlencode`, of whatever came over the telephone: half a surrogate pair ends no page."""
    match told:
        case str():
            return do_urlencode(encodable(told))
        case _:
            return do_urlencode({name: encodable(str(value)) for name, value in told.items()})


def render(language: Language, name: str, given: Mapping[str, Any]) -> str:
    """What a template makes of what it is given."""
    return templates(language).get_template(name).render(given)


def _compiled(language: Language) -> Compiled:
    # All that decides what a template's text becomes: what is set up in this file, and the words.
    spoken = msgspec.json.encode({key: texts[language] for key, texts in words.table().items()})
    return Compiled(Path(__file__).read_bytes() + spoken, kind=language.value)
