"""What callers recorded for people."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import click

from pbx_bridge.cli.base import cli, place_of
from pbx_bridge.config import Settings, load
from pbx_bridge.pbx.paths import find_paths

if TYPE_CHECKING:
    from pbx_bridge.spool.message_commands import MessagePlace


@cli.group()
def messages() -> None:
    """The messages that callers recorded for people."""


@messages.command("list")
@click.option("--since", metavar="T", help="Only those recorded since T: 2h, 3d, 2026-11-21, 1405/08/30 14:30.")
def messages_list(since: str | None) -> None:
    """Every message, oldest first: when, whose, flow node, length, file. Exit status 1 if the store cannot be read.

    \b
    Example:
      pbx-bridge messages list --since 2d
    """
    from pbx_bridge.spool import message_commands  # the other commands start faster without it

    asyncio.run(message_commands.show_messages(_message_place(load()), click.echo, since=since))


@messages.command("expire")
@click.option("--dry-run", is_flag=True, help="Show what would be removed, and remove nothing.")
def messages_expire(dry_run: bool) -> None:
    """Remove the messages whose time is up by messages.keep_days. The daemon does it once a day.

    Exit status 1 if a file or the store refuses.

    \b
    Example:
      pbx-bridge messages expire --dry-run
    """
    from pbx_bridge.spool import message_commands  # the other commands start faster without it

    asyncio.run(message_commands.expire_messages(_message_place(load()), click.echo, dry_run=dry_run))


def _message_place(settings: Settings) -> MessagePlace:
    from pbx_bridge.spool.message_commands import MessagePlace

    return MessagePlace(
        store=place_of(settings),
        spool=settings.messages.spool or find_paths(settings.home, settings.asterisk_root).recording,
        kept=settings.messages_path,
        keep_days=settings.messages.keep_days,
        keys=settings.sound_keys,
    )
