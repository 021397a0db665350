"""Looking at a PBX: everything is asked and read here, judged elsewhere. Nothing is changed."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path

from pbx_bridge.doctor import read_machine
from pbx_bridge.doctor.ask_ami import ask_ami
from pbx_bridge.doctor.ask_ari import ask_ari
from pbx_bridge.doctor.conf import Conf
from pbx_bridge.doctor.finding import Unseen
from pbx_bridge.doctor.gathered import AmiTold, AriTold, Gathered
from pbx_bridge.doctor.place import Place
from pbx_bridge.doctor.plan_of_calls import Dialplan, from_conf
from pbx_bridge.pbx.version import Version, parse_version

_FOLDERS = {"astspooldir": "/var/spool/asterisk", "astlogdir": "/var/log/asterisk", "astrundir": "/var/run/asterisk"}

Etc = Mapping[str, Conf | Unseen]


async def look(place: Place) -> Gathered:
    """All that can be seen of it, within some seconds."""
    (ari, modules), (ami, dialplan) = await asyncio.gather(ask_ari(place), ask_ami(place))
    return await asyncio.to_thread(_with_this_machine, place, ari, modules, ami, dialplan)


def _with_this_machine(
    place: Place,
    ari: AriTold | Unseen,
    modules: frozenset[str] | Unseen,
    ami: AmiTold | Unseen,
    dialplan: Dialplan | Unseen,
) -> Gathered:
    etc, modes = read_machine.read_etc(place)
    spool, log, run = (_folder(place, etc, name) for name in _FOLDERS)
    written = (place.ours.cel.parent, place.recordings, place.messages)
    return Gathered(
        ours=place.ours,
        ari=ari,
        ami=ami,
        version=_version(ari, ami),
        etc=etc,
        modes=modes,
        modules=_modules(place, modules),
        sockets=read_machine.read_sockets(place),
        process=read_machine.read_process(place, run),
        folders=read_machine.read_folders(place, spool),
        files=read_machine.read_files(place, log),
        disks=read_machine.read_disks(written),
        name_s=read_machine.name_seconds(place),
        silent=read_machine.silent_prompts(place.sounds),
        music=read_machine.read_music(place, etc.get("musiconhold.conf")),
        dialplan=_dialplan(dialplan, etc),
        keys=read_machine.read_keys(place),
    )


def _folder(place: Place, etc: Etc, name: str) -> Path | None:
    conf = etc.get("asterisk.conf")
    if not isinstance(conf, Conf):
        return None
    told = conf.one("directories").get(name)
    return place.host(told if told.startswith("/") else _FOLDERS[name])


def _version(ari: AriTold | Unseen, ami: AmiTold | Unseen) -> Version | Unseen:
    told = "" if isinstance(ami, Unseen) else ami.version
    if isinstance(ari, Unseen) and not told:
        return ari
    told = told if isinstance(ari, Unseen) else ari.version
    return parse_version(f"Asterisk {told}") or Unseen(f"Asterisk calls its version {told!r}")


def _modules(place: Place, told: frozenset[str] | Unseen) -> frozenset[str] | Unseen:
    if not isinstance(told, Unseen):
        return told
    asked = read_machine.console_modules(place)
    return told if isinstance(asked, Unseen) else asked


def _dialplan(told: Dialplan | Unseen, etc: Etc) -> Dialplan | Unseen:
    """The one that is loaded; else the one of the file."""
    conf = etc.get("extensions.conf")
    return from_conf(conf) if isinstance(told, Unseen) and isinstance(conf, Conf) else told
