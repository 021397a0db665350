"""What is wrong with the PBX."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from pbx_bridge.cli.base import cli
from pbx_bridge.config import Settings, load
from pbx_bridge.errors import BridgeError

if TYPE_CHECKING:
    from pbx_bridge.doctor.finding import Unseen
    from pbx_bridge.doctor.place import Place
    from pbx_bridge.doctor.report import Report


@cli.command("doctor")
@click.option("--json", "as_json", is_flag=True, help="One JSON object, for programs.")
@click.option("--call", is_flag=True, help="Place a test call too: it comes on record as any call does.")
@click.option("--etc", type=click.Path(file_okay=False, path_type=Path), help="Asterisk's configuration folder.")
@click.pass_context
def doctor_command(context: click.Context, as_json: bool, call: bool, etc: Path | None) -> None:
    """Look at the PBX of the settings and say what is wrong, why it matters and how to mend it. Changes nothing.

    Exit status: 0 nothing is wrong, 1 something is, 2 nothing could be looked at. --etc is, by default, that of the
    private Asterisk or /etc/asterisk.

    \b
    Example:
      pbx-bridge doctor --call
    """
    from pbx_bridge.doctor.report import BLIND, as_data, lines

    try:
        report = asyncio.run(_report(load(), etc, call))
    except BridgeError as error:
        click.echo(f"pbx-bridge: {error}", err=True)
        context.exit(BLIND)
    for line in (json.dumps(as_data(report), ensure_ascii=False),) if as_json else lines(report):
        click.echo(line)
    context.exit(report.exit_status)


async def _report(settings: Settings, etc: Path | None, call: bool) -> Report:
    from pbx_bridge.config.running import running_system
    from pbx_bridge.doctor.look import look
    from pbx_bridge.doctor.report import examine
    from pbx_bridge.doctor.trial import place_call, with_call

    if not call:
        return examine(await look(place_of(settings, etc)))
    trouble = await place_call(running_system(settings), settings.pbx.extension)  # first: then rows of it are due
    return with_call(examine(await look(place_of(settings, etc))), trouble)


def place_of(settings: Settings, etc: Path | None) -> Place:
    """Where the PBX of the settings is."""
    from urllib.parse import urlsplit
    from zoneinfo import ZoneInfo

    from pbx_bridge.doctor.gathered import Ours
    from pbx_bridge.doctor.place import Place, console_of, secret_in
    from pbx_bridge.pbx.paths import find_paths
    from pbx_bridge.values.loopback import is_loopback

    paths = find_paths(settings.home, settings.asterisk_root)
    own = settings.ari.url is None
    url = settings.ari.url or f"http://{settings.pbx.host}:{settings.pbx.ari_port}/ari"
    ours = Ours(
        systemname=settings.pbx.systemname,
        zone=ZoneInfo(settings.zone),
        app=settings.ari.app,
        ari_user=settings.ari.user,
        ami_user=settings.ami.user,
        ari_port=urlsplit(url).port or 8088,
        ami_port=settings.ami.port or settings.pbx.ami_port,
        ari_plain=urlsplit(url).scheme != "https",
        ami_plain=not settings.ami.tls,
        cel=settings.spool.cel or paths.cel,
        queue_log=settings.spool.queue_log or paths.queue_log,
        queues=_queues(settings),
    )
    folder = etc or (paths.etc if own else Path("/etc/asterisk"))
    root = paths.root if own else None
    return Place(
        ours=ours,
        ari_url=url,
        ari_secret=secret_in(settings.secrets / "ari"),
        ami_host=settings.ami.host or settings.pbx.host,
        ami_secret=secret_in(settings.secrets / "ami"),
        ari_trust=settings.ari.trust(),
        ami_trust=settings.ami.trust(),
        etc=folder,
        root=root,
        local=is_loopback(urlsplit(url).hostname or ""),
        sounds=paths.sounds,
        recordings=settings.recordings.spool or paths.monitor,
        messages=settings.messages.spool or paths.recording,
        kept=(settings.recordings_path, settings.messages_path),
        keys=settings.sound_keys,
        console=console_of(root, folder / "asterisk.conf") if is_loopback(urlsplit(url).hostname or "") else None,
    )


def _queues(settings: Settings) -> frozenset[str] | Unseen:
    """The queues of the flow in use."""
    from zoneinfo import ZoneInfo

    from pbx_bridge.doctor.finding import Unseen
    from pbx_bridge.ivr import flow
    from pbx_bridge.ivr.releases import FLOW, Releases

    releases = Releases(settings.home / "flows")
    try:
        current = releases.current()
        name = settings.ivr.flow if current is None else str(releases.folder_of(current.version) / FLOW)
        return flow.load(name, ZoneInfo(settings.zone), settings.region).queues()
    except BridgeError as error:
        return Unseen(str(error))
