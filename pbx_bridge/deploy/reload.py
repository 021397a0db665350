"""Having a running Asterisk read again what was changed, and nothing else: by AMI where an account there may, else by
its console."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator, Sequence

from pbx_bridge.ami.connection import AmiConnection
from pbx_bridge.deploy.place import Place
from pbx_bridge.doctor.conf import Conf, Section
from pbx_bridge.errors import AmiForbidden, AsteriskError, PbxError
from pbx_bridge.pbx.console import Console

# The files of a part of Asterisk begin so; the first that fits counts.
_PARTS = (
    ("cel_custom", "cel_custom"),
    ("pbx_bridge_cel_custom", "cel_custom"),
    ("extensions", "pbx_config"),
    ("pbx_bridge_extensions", "pbx_config"),
    ("manager", "manager"),
    ("pbx_bridge_manager", "manager"),
    ("http", "http"),
    ("pbx_bridge_http", "http"),
    ("ari", "res_ari"),
    ("pbx_bridge_ari", "res_ari"),
    ("cel", "cel"),
    ("pbx_bridge_cel", "cel"),
    ("pjsip", "res_pjsip"),
    ("queues", "app_queue"),
    ("voicemail", "app_voicemail"),
    ("features", "features"),
    ("res_parking", "res_parking"),
    ("confbridge", "app_confbridge"),
    ("musiconhold", "res_musiconhold"),
    ("logger", "logger"),
    ("cdr_custom", "cdr_custom"),
    ("cdr", "cdr"),
    ("acl", "acl"),
    ("indications", "indications"),
    ("udptl", "udptl"),
    ("rtp", "res_rtp_asterisk"),
)
_CORE = frozenset({"manager", "http", "cel", "cdr", "features", "logger", "acl", "indications", "udptl"})
_ENOUGH = frozenset({"all", "system", "config"})


def parts_of(names: Iterable[str]) -> tuple[str, ...]:
    """The parts of Asterisk that read these files, each once; none where only a restart would do."""
    return tuple(dict.fromkeys(part for name in names if (part := _part_of(name))))


def at_next_start(names: Iterable[str]) -> tuple[str, ...]:
    """Those of the files that Asterisk reads at its start only."""
    return tuple(name for name in names if not _part_of(name))


def _part_of(name: str) -> str:
    return next((part for prefix, part in _PARTS if name.startswith(prefix)), "")


def reload(place: Place, names: Iterable[str], *, start: bool = True) -> tuple[str, ...]:
    """Have these files read again; the modules that had to be started for it, if they may be.

    A module that found no configuration when Asterisk started does not run. Raises PbxError, AsteriskError.
    """
    console = place.console()
    if console is None:
        raise PbxError("this machine has no Asterisk to ask")
    parts = parts_of(names)
    idle = tuple(part for part in parts if part not in _CORE and not _runs(console, part))
    rest = [part for part in parts if part not in idle]
    if not asyncio.run(_by_ami(place, rest)):
        for part in rest:
            console.ask(f"module reload {part if part in _CORE else f'{part}.so'}")
    for part in idle if start else ():
        console.ask(f"module load {part}.so")
        if not _runs(console, part):
            raise PbxError(f"Asterisk does not start its module {part}: see its log")
    return idle if start else ()


def unload(place: Place, modules: Sequence[str]) -> None:
    """The other way of loading; Asterisk may keep some."""
    console = place.console()
    if console is not None:
        for module in modules:
            console.ask(f"module unload {module}.so")


def _runs(console: Console, part: str) -> bool:
    lines = console.ask(f"module show like {part}.so").splitlines()
    return any(line.startswith(f"{part}.so") and "Not Running" not in line for line in lines)


async def _by_ami(place: Place, parts: Sequence[str]) -> bool:
    """Whether an account of this PBX did it all. Raises AsteriskError for a part that could not be read."""
    conf = place.folder().conf("manager.conf")
    port = conf.one("general").get("port", "5038")
    for account in _accounts(conf):
        try:
            connection = await AmiConnection.open("127.0.0.1", int(port), account.name, account.get("secret"))
        except AsteriskError:
            continue
        try:
            for part in parts:
                await connection.send("Reload", {"Module": part})
            return True
        except AmiForbidden:
            continue
        finally:
            connection.close()
    return False


def _accounts(conf: Conf) -> Iterator[Section]:
    """Those that may have a configuration read again."""
    for name in conf.besides("general"):
        section = conf.one(name)
        rights = {word.strip().lower() for word in section.get("write").split(",")}
        if section.get("secret") and rights & _ENOUGH:
            yield section
