"""`spool`: what a PBX elsewhere sends of its files, and the token it is known by."""

from __future__ import annotations

import asyncio
from pathlib import Path

import click

from pbx_bridge import logs
from pbx_bridge.cli.base import cli
from pbx_bridge.config import load
from pbx_bridge.errors import InputError, SettingsError

_LOGS = Path("/var/log/asterisk")


@cli.group()
def spool() -> None:
    """The spools of a PBX on another machine, sent over TLS."""


@spool.command("token")
@click.argument("node")
def spool_token(node: str) -> None:
    """Make the token of a PBX that sends, and print it, once. Only its hash is kept; an earlier one ends now.

    NODE is the PBX's systemname, as it stands in the setting receive.nodes. A running daemon takes it up by itself.

    \b
    Example:
      pbx-bridge spool token pbx2 >pbx2.token
    """
    from pbx_bridge.spool.receive_site import make_token

    settings = load()
    if node not in settings.receive.nodes:
        known = ", ".join(settings.receive.nodes) or "none"
        raise SettingsError(f"setting receive.nodes: {node!r} is not among them ({known})")
    try:
        click.echo(make_token(settings.secrets, node))
    except OSError as error:
        raise InputError(f"the token cannot be kept: {error.strerror}", path=error.filename) from error


@spool.command("send")
@click.option("--to", "url", required=True, metavar="URL", help="https://HOST:PORT of the daemon's receive.*")
@click.option("--token-file", type=click.Path(path_type=Path), required=True, help="What `spool token` printed.")
@click.option("--ca-file", type=click.Path(path_type=Path), help="Who issued its certificate, in PEM.")
@click.option("--fingerprint", default="", metavar="SHA256", help="Of its certificate: it must be this one.")
@click.option(
    "--cel",
    type=click.Path(path_type=Path),
    default=_LOGS / "cel-custom" / "cel.csv",
    show_default=True,
    help="The CEL spool.",
)
@click.option(
    "--queue-log",
    type=click.Path(path_type=Path),
    default=_LOGS / "queue_log",
    show_default=True,
    help="queue_log.",
)
@click.option("--once", is_flag=True, help="Send what is there, and end.")
def spool_send(
    url: str, token_file: Path, ca_file: Path | None, fingerprint: str, cel: Path, queue_log: Path, once: bool
) -> None:
    """Run on the PBX: send the rows of CEL and queue_log to the daemon as they come, until Ctrl-C.

    It keeps nothing and can be ended or killed at any time: the daemon knows what it has, and the next run goes on
    there. It reads no settings, and needs to read the two files only. Its certificate is always checked.

    Exit status: 0; 1 when an option is wrong, or with --once when not everything could be sent.

    \b
    Example:
      pbx-bridge spool send --to https://bridge.example:8443 --token-file /etc/pbx-bridge.token
    """
    from pbx_bridge.process import until_stopped
    from pbx_bridge.spool.send import Sender, Spools
    from pbx_bridge.spool.send_line import SendLine
    from pbx_bridge.tls import Trust, pin_of

    try:
        pin = pin_of(fingerprint) if fingerprint else ""
    except ValueError as error:
        raise InputError(f"--fingerprint: {error}") from error
    trust = Trust(address="--to", ca="--ca-file", pin="--fingerprint", ca_file=ca_file, fingerprint=pin)
    line = SendLine(url, _token(token_file), trust)
    spools = Spools(cel=cel, queue_log=queue_log)
    logs.configure("warning" if once else "info", "auto")
    if once:
        click.echo(f"{asyncio.run(Sender(spools, line, _show).once())} bytes sent")
        return

    async def follow() -> None:
        await until_stopped({"sender": Sender(spools, line).run}, what="sender")

    asyncio.run(follow())


def _show(sent: int, left: int) -> None:
    click.echo(f"{sent} bytes sent, {left} left", err=True)


def _token(path: Path) -> str:
    try:
        token = path.read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"--token-file: {getattr(error, 'strerror', None) or error}", path=path) from error
    if not token or len(token.split()) > 1:
        raise InputError("--token-file: it holds the one word that `pbx-bridge spool token` printed", path=path)
    return token
