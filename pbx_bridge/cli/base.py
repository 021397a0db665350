"""What every command shares: the group that ends with one clear line, progress, and where the store is."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import click

from pbx_bridge import logs
from pbx_bridge.config import Settings
from pbx_bridge.errors import BridgeError

if TYPE_CHECKING:
    from pbx_bridge.store.commands import Place


class _Commands(click.Group):
    """A group whose commands end with one clear line instead of a traceback when the fault is known."""

    def invoke(self, ctx: click.Context) -> object:
        try:
            return super().invoke(ctx)
        except BridgeError as error:
            click.echo(f"pbx-bridge: {error}", err=True)
            ctx.exit(1)


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="pbx-bridge")
def cli() -> None:
    """The bridge between an Asterisk PBX and a company's customer records."""


def progress_line(what: str) -> Callable[[int, int, str], None]:
    """Shows done and total on one line of a terminal; anywhere else, a line for each tenth."""
    tenths = 0

    def show(done: int, total: int, _: str) -> None:
        nonlocal tenths
        if sys.stderr.isatty():
            click.echo(f"\r{what}: {done} of {total}", err=True, nl=done == total)
        elif done * 10 // total > tenths:
            tenths = done * 10 // total
            click.echo(f"{what}: {done} of {total}", err=True)

    return show


def place_of(settings: Settings) -> Place:
    """Where the store's commands find it. Logs only what is wrong from here on."""
    from pbx_bridge.store.commands import Place

    logs.configure("warning", settings.log.form)
    return Place(
        path=settings.store_place,
        region=settings.region,
        numbers=settings.number_rules(),
        zone=ZoneInfo(settings.zone),
        daemon_pid=settings.run / "daemon.pid",
        long_wait_s=settings.reports.long_wait_s,
        promises=settings.promises_made(),
        retry=settings.retry(),
    )


def new_password() -> str:
    """Asked for on a terminal, else the first line of standard input."""
    if sys.stdin.isatty():
        answer: str = click.prompt("Password", hide_input=True, confirmation_prompt=True, err=True)
        return answer
    return sys.stdin.readline().rstrip("\r\n")
