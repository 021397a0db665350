"""docs/reference/commands.md: every command of `pbx-bridge`, as `--help` tells it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from inspect import cleandoc

import click

from pbx_bridge.cli import cli
from tools.reference import page

_ABOUT = """
`pbx-bridge COMMAND --help` tells the same. In a checkout the program is `.venv/bin/pbx-bridge`. It reads the settings
([settings](settings.md)); what it ends with is in [exit statuses](exit-statuses.md).
"""
_EXAMPLES = re.compile(r"^Examples?(?: \([^)]*\))?:[ \n]", re.M)


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """One command by its whole name, without `pbx-bridge`."""

    name: str
    command: click.Command

    @property
    def text(self) -> str:
        """What it does, without the examples."""
        return _EXAMPLES.split(self._help, maxsplit=1)[0].strip()

    @property
    def examples(self) -> list[str]:
        """How it is called."""
        told = _EXAMPLES.split(self._help, maxsplit=1)[1:]
        return [line.strip() for text in told for line in text.splitlines() if line.strip()]

    @property
    def _help(self) -> str:
        return cleandoc(self.command.help or "").replace("\b\n", "")


def commands(group: click.Group = cli, path: tuple[str, ...] = ()) -> Iterator[Command]:
    """Every command and group, by name; a group before what is in it."""
    for name, command in sorted(group.commands.items()):
        if not command.hidden:
            yield Command(name=" ".join((*path, name)), command=command)
        if isinstance(command, click.Group):
            yield from commands(command, (*path, name))


def render() -> str:
    """The page."""
    parts = [page.head("Commands", _ABOUT)]
    for one in commands():
        level = "##" if " " not in one.name else "###"
        parts += [f"{level} `pbx-bridge {one.name}`\n", *_body(one)]
    return "\n".join(parts)


def _body(one: Command) -> Iterator[str]:
    yield from (page.paragraph(part) + "\n" for part in one.text.split("\n\n"))
    parameters = [parameter for parameter in one.command.params if not _is_help(parameter)]
    if not isinstance(one.command, click.Group) or one.command.invoke_without_command:
        yield f"    {_usage(one)}\n"
    options = [parameter for parameter in parameters if isinstance(parameter, click.Option)]
    if options:
        yield page.table(("option", "takes", "default", "what"), map(_option, options))
    if one.examples:
        yield "```sh\n" + "\n".join(one.examples) + "\n```\n"


def _usage(one: Command) -> str:
    words = one.command.collect_usage_pieces(click.Context(one.command))
    return " ".join(("pbx-bridge", one.name, *words))


def _option(option: click.Option) -> tuple[str, str, str, str]:
    names = ", ".join(map(page.code, [*option.opts, *option.secondary_opts]))
    return names, _takes(option), _default(option), option.help or ""


def _takes(option: click.Option) -> str:
    if option.is_flag:
        return page.NONE
    if isinstance(option.type, click.Choice):
        return ", ".join(page.code(str(one)) for one in option.type.choices)
    if isinstance(option.type, click.IntRange):
        low, high = option.type.min, option.type.max
        return f"{low} to {high}" if high is not None else f"at least {low}"
    return option.metavar or option.type.name


def _default(option: click.Option) -> str:
    if option.required:
        return "must be said"
    told = option.to_info_dict()["default"]
    plain = isinstance(told, str | int | float) and not isinstance(told, bool) and told != ""
    return page.code(str(told)) if plain else page.NONE


def _is_help(parameter: click.Parameter) -> bool:
    return "--help" in parameter.opts
