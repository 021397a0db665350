"""docs/reference is what the code has: nothing is missing on it, and nothing stands there that was taken away."""

from __future__ import annotations

import re

import click
from web_visitor import visiting

from pbx_bridge.config import Settings
from tools.reference.__main__ import FOLDER, PAGES, differing
from tools.reference.commands_page import commands
from tools.reference.exits_page import ends_by_itself, own_statuses

CODE = FOLDER.parents[1] / "pbx_bridge"


def text_of(name: str) -> str:
    return (FOLDER / name).read_text(encoding="utf-8")


def test_every_page_is_as_the_code_has_it() -> None:
    assert list(differing()) == [], "run: python -m tools.reference"


def test_there_is_no_other_page_but_the_index_which_names_each() -> None:
    assert {path.name for path in FOLDER.glob("*")} == {*PAGES, "README.md"}
    assert [name for name in PAGES if f"]({name})" not in text_of("README.md")] == []


def test_every_setting_to_the_last_leaf_is_there() -> None:
    schema = Settings.model_json_schema(by_alias=True)
    names = {name for section in schema["$defs"].values() for name in section.get("properties", ())}
    told = re.findall(r"^\| `([^`]+)`", text_of("settings.md"), re.M)
    assert {"register", "qualify_s", "issuer", "limit_s", "after_hours"} <= names
    assert names <= {name.rpartition(".")[2] for name in told}
    assert len(told) == len(set(told))


async def test_every_metric_is_there_with_its_kind_and_its_labels() -> None:
    rows = dict(re.findall(r"^\| `(\w+)` \| (.+) \|$", text_of("metrics.md"), re.M))
    async with visiting(signed_in=False) as visitor:
        told = await (await visitor.get("/metrics")).text()
    kinds = dict(re.findall(r"^# TYPE (\w+) (\w+)$", told, re.M))
    assert "pbx_bridge_link_up" in kinds
    assert [name for name, kind in kinds.items() if not rows.get(name, "").startswith(f"{kind} |")] == []
    for name, label in re.findall(r'^(\w+)\{(\w+)="', told, re.M):
        assert label == "le" or f"`{label}`" in rows[name], name
    source = "".join(path.read_text(encoding="utf-8") for path in CODE.rglob("*.py"))
    assert set(re.findall(r'"(pbx_bridge_[a-z_]+_(?:total|seconds|bytes))"', source)) <= set(rows)


def test_every_command_says_what_it_does_shows_it_and_tells_a_status_of_its_own() -> None:
    alone = [one for one in commands() if not isinstance(one.command, click.Group)]
    assert [one.name for one in alone if not one.text or not one.examples] == []
    assert [one.name for one in alone if ends_by_itself(one.command) and not own_statuses(one)] == []
    options = [(one.name, option) for one in alone for option in one.command.params]
    assert [(name, o.name) for name, o in options if isinstance(o, click.Option) and not o.help] == []


def test_every_guide_is_in_their_index() -> None:
    guides = FOLDER.parent / "guides"
    index = (guides / "README.md").read_text(encoding="utf-8")
    names = {path.name for path in guides.glob("*.md")} - {"README.md"}
    assert names == set(re.findall(r"\]\(([a-z-]+\.md)\)", index))
