"""The pieces of an overlay: into which file each goes, and what it says there. Only what the PBX lacks is said.

FreePBX and Issabel write the main files anew at any time; each of these includes files for the admin's own settings,
some of them in the middle of a section. A plain configuration gets files of our own and an `#include` for each.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from pbx_bridge.deploy.folder import OWN_FILES, OWN_HEAD, Flavour, Folder
from pbx_bridge.deploy.overlay import Overlay, renderer
from pbx_bridge.doctor.checks.recorded import APPS, EVENTS
from pbx_bridge.doctor.conf import Conf
from pbx_bridge.errors import PbxError

_SESSIONS = 200  # fewer HTTP sessions than that are few for ARI
_WRITE_MS = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """Something to say in one of Asterisk's configuration files.

    Attributes:
        main: the file that Asterisk reads. custom: what it may include for settings of the admin, the best first.
        text: what is said; empty: nothing is lacking.
        general: it is said in the section `general`.
    """

    name: str
    main: str
    custom: tuple[str, ...]
    text: str
    general: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Put:
    """A block in a file, or a whole file of ours (`own`)."""

    file: str
    text: str
    own: bool = False


def puts(overlay: Overlay, folder: Folder, flavour: Flavour) -> tuple[Put, ...]:
    """Everything to be put into the folder's files, each file once. Raises PbxError, InputError."""
    blocks: dict[str, list[str]] = {}
    own: list[Put] = []
    for piece in pieces(overlay, folder, flavour):
        if not piece.text:
            continue
        target = _target(piece, folder)
        text = _headed(piece, folder, target)
        if target is None:
            own.append(Put(file=OWN_FILES[piece.name], text=f"{OWN_HEAD}{text}", own=True))
            blocks.setdefault(piece.main, []).append(f"#include {own[-1].file}\n")
        else:
            blocks.setdefault(target, []).append(text)
    return (*own, *(Put(file=name, text="".join(texts)) for name, texts in blocks.items()))


def pieces(overlay: Overlay, folder: Folder, flavour: Flavour) -> Iterator[Piece]:
    """What there is to say, section `general` first."""
    text = renderer(overlay, flavour)
    yield Piece(
        name="extensions", main="extensions.conf", custom=("extensions_custom.conf",), text=text("extensions")
    )
    opened = _lines(folder.conf("manager.conf"), _manager)
    yield Piece(
        name="manager_general", main="manager.conf", custom=("manager_custom.conf",), text=opened, general=True
    )
    yield Piece(name="manager", main="manager.conf", custom=("manager_custom.conf",), text=text("manager"))
    http = _lines(folder.conf("http.conf"), _http)
    yield Piece(name="http", main="http.conf", custom=("http_custom.conf",), text=http, general=True)
    general = _lines(folder.conf("ari.conf"), _ari)
    yield Piece(name="ari_general", main="ari.conf", custom=("ari_general_custom.conf",), text=general, general=True)
    yield Piece(
        name="ari", main="ari.conf", custom=("ari_additional_custom.conf", "ari_custom.conf"), text=text("ari")
    )
    cel = _lines(folder.conf("cel.conf"), _cel)
    yield Piece(name="cel", main="cel.conf", custom=("cel_general_custom.conf",), text=cel, general=True)
    mapped = any(section.name == "mappings" for section in folder.conf("cel_custom.conf").sections)
    spool = text("cel_custom", mapped=mapped)
    yield Piece(name="cel_custom", main="cel_custom.conf", custom=("cel_custom_custom.conf",), text=spool)


def _target(piece: Piece, folder: Folder) -> str | None:
    """The admin's own file that the main one includes; None: a file of ours. Raises PbxError for no place at all."""
    included = folder.included(piece.main)
    found = next((name for name in piece.custom if name in included), None)
    if found is None and folder.is_generated(piece.main):
        raise PbxError(
            f"{folder.etc / piece.main} is written by a program and does not include {piece.custom[0]}: "
            "there is no place in it for settings of yours"
        )
    return found


def _headed(piece: Piece, folder: Folder, target: str | None) -> str:
    """The text with the head of its section, unless it stands in the middle of one already."""
    if not piece.general:
        return piece.text
    included_within = target is not None and not folder.has_sections(target) and _is_within_general(piece, folder)
    if included_within:
        return piece.text
    there = any(section.name == "general" for section in folder.conf(piece.main).sections)
    return f"[general]{'(+)' if there else ''}\n{piece.text}"


def _is_within_general(piece: Piece, folder: Folder) -> bool:
    """The main file includes the admin's file as a part of its section `general`."""
    within = ""
    for raw in folder.theirs(piece.main).splitlines():
        line = raw.strip()
        if line.startswith("["):
            within = line.partition("]")[0].removeprefix("[").strip()
        elif line.startswith(("#include", "#tryinclude")) and any(name in line for name in piece.custom):
            return within == "general"
    return False


def _lines(conf: Conf, lacking: Callable[[Conf], Iterator[str]]) -> str:
    return "".join(f"{line}\n" for line in lacking(conf))


def _manager(conf: Conf) -> Iterator[str]:
    if not conf.one("general").yes("enabled"):
        yield "enabled = yes"
        yield "bindaddr = 127.0.0.1"


def _http(conf: Conf) -> Iterator[str]:
    """Where nobody uses it yet, it opens for this machine only."""
    general = conf.one("general")
    if not general.yes("enabled"):
        yield "enabled = yes"
        yield "bindaddr = 127.0.0.1"
        if not general.get("bindport"):
            yield "bindport = 8088"
    if _number(general.get("sessionlimit", "100")) < _SESSIONS:
        yield "sessionlimit = 300"
    if _number(general.get("session_keep_alive", "15000")) < 30_000:
        yield "session_keep_alive = 60000"


def _ari(conf: Conf) -> Iterator[str]:
    general = conf.one("general")
    if not general.yes("enabled", default=True):
        yield "enabled = yes"
    if _number(general.get("websocket_write_timeout", "100")) < _WRITE_MS // 2:
        yield f"websocket_write_timeout = {_WRITE_MS}"
    known = [word.strip() for word in general.get("channelvars").split(",") if word.strip()]
    if "CHANNEL(linkedid)" not in known:
        yield f"channelvars = {','.join([*known, 'CHANNEL(linkedid)'])}"


def _cel(conf: Conf) -> Iterator[str]:
    """Asterisk adds up several lines of apps and of events."""
    general = conf.one("general")
    if not general.yes("enable"):
        yield "enable = yes"
    for key, wanted in (("apps", APPS), ("events", EVENTS)):
        given = {word.strip().lower() for line in general.all(key) for word in line.split(",")}
        missing = [] if "all" in given else [word for word in wanted if word.lower() not in given]
        if missing:
            yield f"{key} = {','.join(missing)}"
    if general.get("dateformat"):
        yield "dateformat ="  # microseconds, and no zone to guess; backends with a database have a form of their own


def _number(text: str) -> int:
    return int(text) if text.isdecimal() else 0
