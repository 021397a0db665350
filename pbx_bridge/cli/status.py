"""`pbx-bridge status`."""

from __future__ import annotations

import shutil
from datetime import datetime
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import click

from pbx_bridge.cli.base import cli
from pbx_bridge.config import Settings, load
from pbx_bridge.errors import BridgeError

if TYPE_CHECKING:
    from pbx_bridge.pbx.healthcheck import LinkTold

_WITHOUT = (
    "callers reach the queue without the menu. Start it: systemctl start pbx-bridge, or make run; why it ended stands"
    " in journalctl -u pbx-bridge, or in log/daemon.log there"
)


@cli.command("status")
@click.pass_context
def status_command(context: click.Context) -> None:
    """Is it well? Whether the daemon runs, how each of its links stands and why, and the room on the disk.

    Changes nothing, and needs no password: it shows itself by HOME/secrets. Of the PBX itself: `pbx-bridge doctor`.
    Exit status: 0 no link is down, 1 one is, or no daemon answers.

    Example: pbx-bridge status
    """
    from pbx_bridge.process import pid_of_daemon

    settings = load()
    pid = pid_of_daemon(settings.run, _WITHOUT)
    links = _links(settings, pid)
    click.echo(f"{'daemon':<12}up        pid {pid}, {_pages(settings)}")
    for link in links:
        since = datetime.fromisoformat(link.since).astimezone(ZoneInfo(settings.zone))
        click.echo(f"{link.name:<12}{link.state:<10}since {since:%Y-%m-%d %H:%M:%S}  {link.detail}".rstrip())
    disk = shutil.disk_usage(settings.home)
    click.echo(f"{'disk':<12}{disk.free / 1e9:.1f} of {disk.total / 1e9:.1f} GB are free at {settings.home}")
    click.echo(_verdict({link.state for link in links}))
    context.exit(1 if any(link.state == "down" for link in links) else 0)


def _links(settings: Settings, pid: int) -> tuple[LinkTold, ...]:
    from pbx_bridge.pbx.healthcheck import links
    from pbx_bridge.pbx.secrets import SecretStore

    told = links(settings.web.host, settings.web.port, SecretStore(settings.secrets).session_key)
    if told is None:
        raise BridgeError(
            f"the daemon (pid {pid}) does not answer at {_pages(settings)}: it is only starting, or frozen."
            f" Then it is started anew within half a minute; where nobody looks after it, end it by kill -9 {pid}"
        )
    return told


def _pages(settings: Settings) -> str:
    return f"http{'s' if settings.web.certificate else ''}://{settings.web.host}:{settings.web.port}/"


def _verdict(states: set[str]) -> str:
    if "down" in states:
        return "NOT well; what each line means and what to do: docs/trouble.md"
    if "degraded" in states:
        return "callers are served; somebody should look at what is degraded: docs/trouble.md"
    return "well: callers are served, and every call is recorded"
