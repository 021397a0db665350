"""Recordings and messages encrypted as they lie on the disk: their keys, and those from before."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from pbx_bridge.cli.base import cli, progress_line
from pbx_bridge.config import load

if TYPE_CHECKING:
    from pbx_bridge.spool.encryption_commands import EncryptionPlace


@cli.group()
def encryption() -> None:
    """Recordings and callers' messages encrypted at rest (settings encryption.*)."""


@encryption.command("status")
@click.pass_context
def encryption_status(ctx: click.Context) -> None:
    """Whether new sounds are encrypted, the keys, and how many sounds each of them opens.

    Every encrypted sound is tried. Exit status 1 if one cannot be opened: its key is missing, or it was damaged.

    \b
    Example:
      pbx-bridge encryption status
    """
    from pbx_bridge.spool import encryption_commands  # the other commands start faster without it

    ctx.exit(1 if encryption_commands.show_status(_place(), click.echo, progress_line("sounds")) else 0)


@encryption.command("new-key")
def encryption_new_key() -> None:
    """Make a key: the first one, or the next. New sounds are encrypted by it at once, without a restart.

    Older keys stay, for they open what is older. Keep a copy of every key elsewhere.

    \b
    Example:
      pbx-bridge encryption new-key
    """
    from pbx_bridge.spool import encryption_commands  # the other commands start faster without it

    encryption_commands.make_key(_place(), click.echo)


@encryption.command("encrypt")
@click.option("--rekey", is_flag=True, help="Also what older keys encrypt, by the newest: then they may go.")
@click.pass_context
def encryption_encrypt(ctx: click.Context, rekey: bool) -> None:
    """Encrypt the sounds that lie there plain. The daemon may run.

    A plain file goes when the encrypted one is on the disk and was read again. Ctrl-C or a kill at any time: a second
    run does the rest. Exit status 1 if a sound was left as it is.

    \b
    Examples:
      pbx-bridge encryption encrypt
      pbx-bridge encryption encrypt --rekey
    """
    from pbx_bridge.spool import encryption_commands  # the other commands start faster without it

    left = encryption_commands.encrypt(_place(), click.echo, progress_line("sounds"), rekey=rekey)
    ctx.exit(1 if left else 0)


@encryption.command("decrypt")
@click.pass_context
def encryption_decrypt(ctx: click.Context) -> None:
    """Have every sound plain again, as before encryption. Take `encryption.sounds` back first, and restart.

    Ctrl-C or a kill at any time: a second run does the rest. Exit status 1 if a sound could not be opened.

    \b
    Example:
      pbx-bridge encryption decrypt
    """
    from pbx_bridge.spool import encryption_commands  # the other commands start faster without it

    ctx.exit(1 if encryption_commands.decrypt(_place(), click.echo, progress_line("sounds")) else 0)


@encryption.command("open")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--to", type=click.Path(dir_okay=False, path_type=Path), help="Default: standard output.")
def encryption_open(file: Path, to: Path | None) -> None:
    """Write one sound plain, from a file of this system or of a backup. It must have the name it was encrypted under.

    \b
    Example:
      pbx-bridge encryption open var/recordings-kept/2026/11/22/pbx1_1.1.wav.enc --to talk.wav
    """
    from pbx_bridge.spool import encryption_commands  # the other commands start faster without it

    encryption_commands.open_one(load().sound_keys, file, to, sys.stdout.buffer)


def _place() -> EncryptionPlace:
    from pbx_bridge.config.sound_files import message_files, recording_files
    from pbx_bridge.spool.encryption_commands import EncryptionPlace

    settings = load()
    trees = (recording_files(settings), message_files(settings))
    return EncryptionPlace(keys=settings.sound_keys, trees=trees, lock=settings.run / "encryption.lock")
