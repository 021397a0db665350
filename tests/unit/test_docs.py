"""The documents tell what the code does: settings, commands, node kinds, fields, and where their links lead."""

from __future__ import annotations

import ast
import csv
import io
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit

import click
import msgspec
import pytest
from plain_call import plain_call
from pydantic import BaseModel

from pbx_bridge.calls.call import Outcome, Segment, SegmentKind
from pbx_bridge.calls.facts import StepKind
from pbx_bridge.cli import cli
from pbx_bridge.config import Settings
from pbx_bridge.health import Health
from pbx_bridge.ivr import flow as flows
from pbx_bridge.ivr.nodes import Node
from pbx_bridge.ivr.speech import KINDS
from pbx_bridge.store import CallRow, TicketStatus, call_json
from pbx_bridge.store.crm_rows import COLUMNS, read_folder

ROOT = Path(__file__).parents[2]
README, CHANGELOG, THREATS = ROOT / "README.md", ROOT / "CHANGELOG.md", ROOT / "THREAT_MODEL.md"
DOCS = ROOT / "docs"
ADRS = sorted((DOCS / "adr").glob("*.md"))
PAGES = [README, ROOT / "README.fa.md", CHANGELOG, THREATS, *sorted(DOCS.rglob("*.md"))]

# Where a document may send its reader: nowhere but to a few public pages and to the reader's own machine.
HOSTS = {"127.0.0.1", "localhost", "keepachangelog.com", "semver.org", "host", "bridge.example"}


def text_of(path: Path) -> str:
    return path.read_text(encoding="utf-8")


def name_of(path: Path) -> str:
    return str(path.relative_to(ROOT))


def rows_of(path: Path) -> list[list[str]]:
    """The cells of every table row of a page."""
    lines = [line for line in text_of(path).splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


def code_in(cell: str) -> list[str]:
    return re.findall(r"`([^`]+)`", cell)


def section(path: Path, heading: str) -> str:
    """What stands under a heading, up to the next of its level or a higher one."""
    level = heading.split(" ")[0]
    found = re.search(rf"^{re.escape(heading)}\n(.*?)(?=^#{{1,{len(level)}}} |\Z)", text_of(path), re.M | re.S)
    assert found is not None, heading
    return found[1]


# --- settings -----------------------------------------------------------------------------------------------------


def settings_in_code() -> Iterator[tuple[str, object]]:
    """Every setting but `home` by its TOML name, with its default."""
    for name, info in Settings.model_fields.items():
        section_type = info.annotation
        if isinstance(section_type, type) and issubclass(section_type, BaseModel):
            for field, told in section_type.model_fields.items():
                yield f"{name}.{field}", told.default
        elif name != "home":
            yield name, info.default


def settings_in_docs() -> dict[str, list[str]]:
    rows = [row for row in rows_of(DOCS / "operations.md") if len(row) == 4 and "PBX_BRIDGE_" in row[1]]
    return {(code_in(row[0]) or ["home"])[0]: row for row in rows}


def test_every_setting_is_explained_and_no_other() -> None:
    assert set(settings_in_docs()) == {"home", *(name for name, _ in settings_in_code())}


@pytest.mark.parametrize(("name", "default"), list(settings_in_code()), ids=lambda value: str(value))
def test_a_setting_has_its_environment_name_and_its_default(name: str, default: object) -> None:
    row = settings_in_docs()[name]
    assert code_in(row[1]) == ["PBX_BRIDGE_" + name.upper().replace(".", "__")]
    if default is not None:
        assert code_in(row[2]) == [str(default)]


# --- commands -----------------------------------------------------------------------------------------------------


def commands(group: click.Group = cli, path: tuple[str, ...] = ()) -> Iterator[str]:
    for name, command in group.commands.items():
        if isinstance(command, click.Group):
            if command.invoke_without_command:
                yield " ".join((*path, name))
            yield from commands(command, (*path, name))
        else:
            yield " ".join((*path, name))


@pytest.mark.parametrize("command", list(commands()))
def test_every_command_is_named(command: str) -> None:
    assert any(f"pbx-bridge {command}" in text_of(page) for page in PAGES)


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_no_page_names_a_command_or_an_option_that_is_not_there(page: Path) -> None:
    for used in re.findall(r"(?:\.venv/bin/|`)pbx-bridge ([a-z][^`\n]*)", text_of(page)):
        words = used.partition("#")[0].split()
        command: click.Command = cli
        while words and isinstance(command, click.Group):
            if words[0].startswith("--") and command.invoke_without_command:
                break
            assert words[0] in command.commands, used
            command = command.commands[words.pop(0)]
        known = {option for parameter in command.params for option in parameter.opts}
        assert {word for word in words if word.startswith("--")} <= known, used


def test_the_readme_tells_both_commands_and_the_targets_are_there() -> None:
    targets = set(re.findall(r"^([a-z]+):", text_of(ROOT / "Makefile"), re.M))
    named = {target for page in PAGES for target in re.findall(r"(?:`|^)make ([a-z]+)\b", text_of(page), re.M)}
    assert {"run", "test"} <= named <= targets


# --- flows --------------------------------------------------------------------------------------------------------


def node_kinds() -> dict[str, type[Node]]:
    kinds = Node.__args__
    return {str(kind.__struct_config__.tag): kind for kind in kinds}


@pytest.mark.parametrize("kind", node_kinds())
def test_every_node_kind_and_each_of_its_fields_is_explained(kind: str) -> None:
    headings = re.findall(r"^### `([a-z_]+)`.*$", text_of(DOCS / "flows.md"), re.M)
    assert headings.count(kind) == 1
    heading = next(line for line in text_of(DOCS / "flows.md").splitlines() if line.startswith(f"### `{kind}`"))
    rows = [line.strip("|").split("|") for line in section(DOCS / "flows.md", heading).splitlines() if "|" in line]
    told = {code_in(row[0])[0]: row for row in rows if code_in(row[0])}
    fields = {field.encode_name: field.default for field in msgspec.structs.fields(node_kinds()[kind])}
    assert set(told) == set(fields)
    for name, default in fields.items():
        if isinstance(default, int | float) and not isinstance(default, bool):
            assert told[name][1].strip() == str(default), name


def test_every_filter_of_prompts_is_explained() -> None:
    named = {code for row in rows_of(DOCS / "flows.md") for code in code_in(row[0])}
    assert named >= set(KINDS)


def test_the_drawing_of_the_shipped_flow_is_the_flow() -> None:
    lines = re.findall(
        r"^ {4}(\w+) -->\|([^|]+)\| (\w+)$", section(DOCS / "flows.md", "## The shipped flow `support`"), re.M
    )
    drawn = {(start, way, end) for start, ways, end in lines for way in ways.split(", ")}
    nodes = flows.load("support").nodes
    real = {(name, way, target) for name, node in nodes.items() for way, target in node.ways_out()}
    # `end` is a word of the drawing language
    assert drawn == {(start, way, "finish" if end == "end" else end) for start, way, end in real}


# --- record -------------------------------------------------------------------------------------------------------


def a_call() -> CallRow:
    at = datetime(2026, 11, 21, tzinfo=UTC)
    segments = (Segment(kind=SegmentKind.IVR, started_at=at, ended_at=at),)
    call = plain_call(at, outcome=Outcome.ANSWERED, answered_at=None, segments=segments)
    return CallRow(call=call, revision=1)


def test_every_field_of_a_call_is_explained_in_its_order() -> None:
    told = call_json(a_call())
    rows = section(DOCS / "record.md", "## `pbx-bridge calls --json`").split("A segment has")[0].splitlines()
    assert [code_in(row)[0] for row in rows if row.startswith("| `")] == list(told)
    assert all(f"`{name}`" in text_of(DOCS / "record.md") for name in told["segments"][0])


@pytest.mark.parametrize("vocabulary", [Outcome, StepKind, SegmentKind])
def test_every_word_of_the_record_is_explained(vocabulary: type[Outcome | StepKind | SegmentKind]) -> None:
    page = text_of(DOCS / "record.md")
    assert [word for word in vocabulary if f"`{word}`" not in page] == []


def test_every_link_and_metric_is_explained() -> None:
    page = text_of(DOCS / "operations.md")
    assert [link.name for link in Health().links() if f"| `{link.name}` |" not in page] == []
    source = "".join(text_of(path) for path in (ROOT / "pbx_bridge").rglob("*.py"))
    metrics = set(re.findall(r"\"(pbx_bridge_[a-z_]+_seconds)\"", source)) | {"pbx_bridge_link_up"}
    assert [metric for metric in metrics if metric not in page] == []


# --- what the code says when something is wrong -------------------------------------------------------------------

# Said by others: SQLite, aiohttp, Asterisk.
FOREIGN = (
    "Cannot connect …",
    "Asterisk 22.…",
    "database or disk is full",
    "database is locked",
    "disk I/O error",
    "database disk image is malformed",
    "attempt to write a readonly database",
    "Playback failed for sound:…",
)
LEAST = 7  # letters of ours that a pattern must hold to prove anything


def patterns_in(tree: ast.AST) -> Iterator[str]:
    """A pattern for each text in the code; what is put in at run time may be anything."""
    for node in ast.walk(tree):
        match node:
            case ast.JoinedStr(values=parts):
                told = [part.value if isinstance(part, ast.Constant) else None for part in parts]
            case ast.Constant(value=str(text)):
                told = [text]
            case _:
                continue
        plain = [part.replace("`", "") if isinstance(part, str) else None for part in told]
        if sum(len(part.strip()) for part in plain if part) >= LEAST:
            yield "".join(".+?" if part is None else re.escape(part) for part in plain)


def every_pattern() -> list[re.Pattern[str]]:
    sources = [text_of(path) for path in (ROOT / "pbx_bridge").rglob("*.py")]
    said = {pattern for source in sources for pattern in patterns_in(ast.parse(source))}
    shell = re.findall(r'fail "([^"]+)"', text_of(ROOT / "tools" / "setup.sh"))
    return [re.compile(pattern) for pattern in (*said, *(re.escape(text) for text in shell))]


def messages_in_docs() -> list[str]:
    status = [
        row[2] for row in rows_of(DOCS / "operations.md") if len(row) == 4 and row[1] in ("up", "degraded", "down")
    ]
    troubles = [row[0] for row in rows_of(DOCS / "operations.md") if len(row) == 3 and row[0].startswith("`")]
    first = next(i for i, cell in enumerate(troubles) if cell.startswith("`make: "))
    codes = [code for cell in (*status, *troubles[first:]) for code in code_in(cell)]
    return [code for code in codes if code not in (*FOREIGN, "messages.log")]


def test_every_error_line_in_the_docs_is_one_the_code_says() -> None:
    messages, patterns = messages_in_docs(), every_pattern()
    assert len(messages) > 40
    strange = []
    for message in messages:
        # Each must be told by some text of ours but for its ends, which other texts may have made.
        best = max((len(m[0]) for p in patterns if (m := p.search(message))), default=0)
        if best < len(message) / 2:
            strange.append(message)
    assert strange == []


# --- the reader's own data ----------------------------------------------------------------------------------------


def csv_examples() -> dict[str, str]:
    """The example files of the README by their names."""
    found = re.findall(r"^`(\w+\.csv)`\..*?^```csv\n(.*?)^```", text_of(README), re.M | re.S)
    return dict(found)


def test_the_readme_shows_the_importers_columns() -> None:
    headers = {name: tuple(next(csv.reader(io.StringIO(text)))) for name, text in csv_examples().items()}
    assert headers == dict(COLUMNS)


def test_the_example_files_can_be_imported(tmp_path: Path) -> None:
    for name, text in csv_examples().items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    batch = read_folder(tmp_path)
    assert [len(rows) for rows in (batch.customers, batch.contacts, batch.contracts, batch.tickets)] == [1, 1, 1, 1]
    assert batch.contacts[0].values["phone_e164"] == "+989125550101"


def test_the_readme_names_every_status() -> None:
    paragraph = text_of(README).partition("`tickets.csv`.")[2].partition("```")[0]
    assert [status for status in TicketStatus if f"`{status}`" not in paragraph] == []


# --- form ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ADRS, ids=name_of)
def test_an_adr_has_its_three_parts_on_one_page(path: Path) -> None:
    headings = re.findall(r"^## (.+)$", text_of(path), re.M)
    assert headings == ["Context", "Decision", "Consequences"]
    assert text_of(path).startswith(f"# {path.name[:4]}: ")
    assert len(text_of(path).splitlines()) <= 60


def test_adrs_are_numbered_without_a_gap() -> None:
    assert [int(path.name[:4]) for path in ADRS] == list(range(1, len(ADRS) + 1))


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", re.sub(r"`[^`\n]*`", "", text_of(page))):
        if not urlsplit(target).scheme:
            assert (page.parent / target).exists(), target


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_no_page_knows_the_machine_it_was_written_on(page: Path) -> None:
    text = text_of(page)
    assert str(ROOT) not in text
    assert not re.search(r"(?<![\w.~*])/(?:work|home|tmp|Users)/", text)
    hosts = {urlsplit(url).hostname for url in re.findall(r"\b(?:https?|wss?|ftp)://[^\s)`>\"']+", text)}
    assert hosts <= HOSTS


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_a_page_is_plain_text_of_a_readable_width(page: Path) -> None:
    prose = [line for line in text_of(page).splitlines() if not line.startswith(("|", " ", "```"))]
    assert [line for line in prose if len(line) > 120] == []
    assert [line for line in text_of(page).splitlines() if line != line.rstrip()] == []


def test_the_readme_is_short() -> None:
    assert len(text_of(README).splitlines()) <= 200
