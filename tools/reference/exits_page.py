"""docs/reference/exit-statuses.md: what programs of ours end with, and which command has a status of its own."""

from __future__ import annotations

import ast
import inspect
import re
import textwrap
from collections.abc import Iterator

import click

from tools.reference import page
from tools.reference.commands_page import Command, commands

_ABOUT = """
What a program ends with, for scripts, timers and units. Whatever is wrong is one line on standard error that begins
with `pbx-bridge:` and names place and reason; what to do is in
[troubleshooting](../operations.md#troubleshooting).
"""
_COMMON = (
    ("0", "done"),
    ("1", "something is wrong that the line on standard error names: a setting, an input, the store, the PBX"),
    (
        "1",
        "ended by Ctrl-C at a command that asks or works on the store (`Aborted!`); what was done whole stays done",
    ),
    ("2", "the command line is wrong: the usage is shown, the reason is its last line"),
)
_OTHERS = (
    ("`python -m pbx_bridge.pbx.healthcheck`", "0", "the daemon is ready"),
    ("", "1", "it is not, or is not there"),
    ("`python -m tools.reference --check`", "0", "docs/reference is as the code has it"),
    ("", "1", "it is not: run it without `--check`"),
    ("`make audit`", "0", "no weakness is known"),
    ("", "1", "one is known"),
    ("", "75", "not everything could be asked about"),
    ("`python -m bench.soak` (`make soak`)", "0", "every call is on record once, and nobody was left in silence"),
    ("", "1", "one is not"),
    ("", "130", "ended by Ctrl-C"),
    ("`python -m fuzz` (`make fuzz`)", "0", "no defect"),
    ("", "1", "there are some"),
    ("", "130", "ended by Ctrl-C; it goes on where it was"),
)
_SENTENCE = re.compile(r"[^.;]*[Ee]xit status.*?(?:\.(?=\s|$)|$)", re.S)


def own_statuses(one: Command) -> list[str]:
    """The sentences in which a command tells of its exit status."""
    if isinstance(one.command, click.Group):
        return []
    told = [" ".join(text.split()) for text in _SENTENCE.findall(one.text)]
    options = [option for option in one.command.params if isinstance(option, click.Option)]
    told += [f"`{one.opts[0]}`: {one.help}" for one in options if "exit status" in (one.help or "")]
    return [text.strip() for text in told]


def ends_by_itself(command: click.Command) -> bool:
    """Whether its function ends with a status that it chose."""
    if command.callback is None:
        return False
    source = textwrap.dedent(inspect.getsource(inspect.unwrap(command.callback)))
    return any(_is_exit(node) for node in ast.walk(ast.parse(source)))


def _is_exit(node: ast.AST) -> bool:
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "exit"


def _rows() -> Iterator[tuple[str, str]]:
    for one in commands():
        for sentence in own_statuses(one):
            yield page.code(f"pbx-bridge {one.name}"), sentence


def render() -> str:
    """The page."""
    return "\n".join(
        [
            page.head("Exit statuses", _ABOUT),
            "## Every command\n",
            page.table(("status", "meaning"), _COMMON),
            "## Commands that say more by it\n",
            page.table(("command", "it says"), _rows()),
            "## Other programs\n",
            page.table(("program", "status", "meaning"), _OTHERS),
        ]
    )
