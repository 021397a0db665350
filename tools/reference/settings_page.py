"""docs/reference/settings.md: every setting to the last leaf, with what it may be and what it is by default.

What a setting of two names means is written in docs/operations.md, where people read it; of the inner ones (a
trunk's, a service's …) the comment in the code is the one place.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from pbx_bridge.config import Settings
from tools.reference import page
from tools.reference.comments import comment_of

OPERATIONS = Path(__file__).parents[2] / "docs" / "operations.md"
_ABOUT = """
Settings stand in `HOME/pbx_bridge.toml`, or in the environment, which wins: `PBX_BRIDGE_`, then the name in capitals
with two underscores for the dot, so that `web.port` is `PBX_BRIDGE_WEB__PORT`. What is a list or a table stands there
as JSON. `NAME` below is a name that you choose, `[]` each entry of a list. How to use them:
[operations](../operations.md#settings).
"""
_MUST = "must be set"


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """One setting. `name` is its whole name in TOML; `owner` and `field` are where the code has it."""

    name: str
    owner: type[BaseModel]
    field: str
    schema: Mapping[str, Any]


def settings() -> Iterator[Setting]:
    """Every setting, outer ones before what is in them."""
    schema = Settings.model_json_schema(by_alias=True)
    yield from _of(Settings, schema, schema["$defs"], "")


def _of(owner: type[BaseModel], schema: Mapping[str, Any], known: Mapping[str, Any], path: str) -> Iterator[Setting]:
    for field, info in owner.model_fields.items():
        name = info.alias or field
        own = schema["properties"][name]
        told = Setting(name=path + name, owner=owner, field=field, schema=_plain(own, known))
        inner, step = _inner(info)
        if inner is None or path or step:
            yield told
        if inner is not None:
            yield from _of(inner, known[inner.__name__], known, f"{path}{name}{step}.")


def _inner(info: FieldInfo) -> tuple[type[BaseModel] | None, str]:
    """The section that a setting is or holds, and how its own settings are reached."""
    for kind in _parts(info.annotation):
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            text = str(info.annotation)
            return kind, ".NAME" if text.startswith("dict") else "[]" if text.startswith("list") else ""
    return None, ""


def _parts(annotation: Any) -> Iterator[Any]:
    yield annotation
    for one in getattr(annotation, "__args__", ()):
        yield from _parts(one)


def _plain(schema: Mapping[str, Any], known: Mapping[str, Any]) -> Mapping[str, Any]:
    """The schema without references, and without `null`: unset is said by the default."""
    if "$ref" in schema:
        schema = {**known[schema["$ref"].rpartition("/")[2]], **schema}
    if "anyOf" in schema and {"type": "null"} in schema["anyOf"]:
        [*others] = [one for one in schema["anyOf"] if one != {"type": "null"}]
        schema = {**schema, **(_plain(others[0], known) if len(others) == 1 else {"anyOf": others})}
    return schema


def may_be(schema: Mapping[str, Any]) -> str:
    """What a setting may be, in words."""
    if "enum" in schema:
        return ", ".join(page.code(str(one)) for one in schema["enum"])
    if "const" in schema:
        return page.code(str(schema["const"]))
    match schema.get("type"):
        case "boolean":
            return "`true`, `false`"
        case "integer" | "number" as kind:
            return f"{'whole number' if kind == 'integer' else 'number'}{_span(schema)}"
        case "array":
            return f"list of {_many(schema['items'])}"
        case "object":
            return _object(schema)
        case "string":
            return _text(schema)
    return " or ".join(may_be(one) for one in schema.get("anyOf", ())) or "text"


def _many(items: Mapping[str, Any]) -> str:
    return "tables" if "$ref" in items or items.get("type") == "object" else f"{may_be(items)}"


def _object(schema: Mapping[str, Any]) -> str:
    inner = schema.get("additionalProperties")
    patterns = schema.get("patternProperties") or {}
    values = next(iter(patterns.values()), inner)
    if not isinstance(values, Mapping) or "$ref" in values:
        return "table"
    return f"table of {may_be(values)}"


def _span(schema: Mapping[str, Any]) -> str:
    least, above = schema.get("minimum"), schema.get("exclusiveMinimum")
    most = schema.get("maximum")
    low = f"{least}" if least is not None else f"more than {above}" if above is not None else ""
    if low and most is not None:
        return f", {low} to {most}"
    return f", {low if above is not None else 'at least ' + low}" if low else ""


def _text(schema: Mapping[str, Any]) -> str:
    if schema.get("format") == "path":
        return "path"
    if "pattern" in schema:
        return f"text `{schema['pattern']}`"
    least, most = schema.get("minLength"), schema.get("maxLength")
    return f"text of {least} to {most} letters" if least and most else "text"


def by_default(setting: Setting) -> str:
    """The default as TOML has it."""
    schema = setting.schema
    if "default" not in schema:
        return _MUST
    default = schema["default"]
    if default is None or default == "":
        return page.NONE
    if isinstance(default, dict) and default and "properties" in schema:
        return "as below"
    return page.code(_toml(default))


def _toml(value: Any) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{name} = {_toml(one)}" for name, one in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_toml, value)) + "]"
    return json.dumps(value, ensure_ascii=False)


def told_in_operations() -> dict[str, list[str]]:
    """The rows of the table of settings in docs/operations.md, by name: environment, default, meaning."""
    found = {}
    for line in OPERATIONS.read_text(encoding="utf-8").splitlines():
        cells = [cell.strip() for cell in line.strip("|").split(" | ")]
        if line.startswith("|") and len(cells) == 4 and "PBX_BRIDGE_" in cells[1]:
            name = re.search(r"`([^`]+)`", cells[0])
            found[name[1] if name else "home"] = cells[1:]
    return found


def meaning(setting: Setting, told: Mapping[str, list[str]]) -> str:
    """What it is for. Raises ValueError where nobody wrote that down."""
    words = told[setting.name][2] if setting.name in told else comment_of(setting.owner, setting.field)
    if not words:
        owner = setting.owner
        raise ValueError(f"{owner.__module__}.{owner.__name__}.{setting.field}: no comment says what it is")
    return _links(words)


def _links(text: str) -> str:
    """Links of docs/operations.md, as they lead from the folder below it."""
    text = re.sub(r"\]\((?=[a-z]+\.md)", "](../", text)
    return re.sub(r"\]\(#", "](../operations.md#", text)


def render() -> str:
    """The page."""
    told, sections = told_in_operations(), dict[str, list[Setting]]()
    for one in settings():
        sections.setdefault(one.name.partition(".")[0] if "." in one.name else "", []).append(one)
    parts = [page.head("Settings", _ABOUT)]
    for name, members in sections.items():
        parts.append(f"## {page.code(f'[{name}]') if name else 'Outside of any section'}\n")
        if name and (about := _about(name)):
            parts.append(page.paragraph(about) + "\n")
        rows = [(page.code(one.name), may_be(one.schema), _default(one, told), meaning(one, told)) for one in members]
        parts.append(page.table(("setting", "may be", "default", "meaning"), rows))
    return "\n".join(parts)


def _default(setting: Setting, told: Mapping[str, list[str]]) -> str:
    own = by_default(setting)
    if setting.name == "home":
        return page.code("var")
    return told[setting.name][1] if own == page.NONE and setting.name in told else own


def _about(section: str) -> str:
    kind = Settings.model_fields[section].annotation
    return kind.__doc__ or "" if isinstance(kind, type) and issubclass(kind, BaseModel) else ""
