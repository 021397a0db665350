"""The settings become a deployment: what is laid over a PBX, or the private Asterisk's whole configuration."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from pbx_bridge.config.pbx_plan import pbx_plan
from pbx_bridge.config.settings import Settings
from pbx_bridge.deploy.changes import Change, overlay_changes, whole_changes
from pbx_bridge.deploy.folder import Flavour, Folder
from pbx_bridge.deploy.lint import faults
from pbx_bridge.deploy.overlay import EVERY, SPOOL, Overlay
from pbx_bridge.deploy.place import Place
from pbx_bridge.deploy.run import Deployment
from pbx_bridge.deploy.verify import Proof, prove
from pbx_bridge.errors import PbxError
from pbx_bridge.pbx.paths import find_paths
from pbx_bridge.pbx.plan import RECORDED
from pbx_bridge.pbx.program import any_asterisk
from pbx_bridge.pbx.render import render
from pbx_bridge.pbx.secrets import SecretStore
from pbx_bridge.pbx.version import NEWEST, Version

_TRIED = "100"  # where every number is ours
_OPEN = ("", "0.0.0.0", "::", "[::]")  # noqa: S104 - read, not bound


def place_of(settings: Settings, to: Path | None) -> Place:
    """The folder to deploy to: the given one, else the private Asterisk's, else /etc/asterisk. Raises PbxError."""
    own = find_paths(settings.home, settings.asterisk_root).etc
    etc = (to or (own if settings.ari.url is None and own.is_dir() else Path("/etc/asterisk"))).absolute()
    if not etc.is_dir():
        raise PbxError(f"{etc} is no folder: name Asterisk's configuration folder by --to")
    root = settings.asterisk_root.resolve()
    tree = root if etc.resolve().is_relative_to(root) else None
    return Place(etc=etc.resolve() if tree else etc, root=tree, asterisk=any_asterisk(tree))


def deployment(settings: Settings, place: Place, flavour: Flavour | None, agreed: Callable[[], bool]) -> Deployment:
    """What `pbx deploy` carries out under these settings. Raises PbxError, InputError."""
    own = find_paths(settings.home, settings.asterisk_root).etc
    is_own = own.is_dir() and own.resolve() == place.etc.resolve()
    kind = flavour or (Flavour.PRIVATE if is_own else place.folder().flavour())
    if kind is Flavour.PRIVATE:
        return _private(settings, place, agreed)
    overlay = overlay_of(settings, place)
    return Deployment(
        place=place,
        flavour=kind,
        changes=lambda: overlay_changes(overlay, place.folder(), kind),
        faults=lambda changes: faults(place.folder(), changes, app=overlay.app, spool=SPOOL),
        folders=(place.cel, place.spool / "recording", place.spool / "monitor"),
        prove=lambda: prove(proof_of(settings, place, overlay, kind)),
        agreed=agreed,
    )


def overlay_of(settings: Settings, place: Place) -> Overlay:
    """What is laid over a PBX. Makes the secrets that are not there yet. Raises PbxError."""
    told, secrets = settings.deploy, SecretStore(settings.secrets)
    paths = find_paths(settings.home, settings.asterisk_root)
    return Overlay(
        version=place.asterisk.version if place.asterisk else Version(NEWEST.major, 0),
        numbers=tuple(told.numbers),
        queues=tuple(told.queues),
        ari_secret=secrets.ari,
        ami_secret=secrets.ami,
        sounds=str(paths.inside(paths.sounds)),
        systemname=settings.pbx.systemname,
        inbound=told.inbound,
        fallback=told.fallback or "",
        internal=told.internal,
        extensions=tuple(told.extensions),
        phones=told.phones,
        outbound=told.outbound,
        permit=tuple(told.permit),
        app=settings.ari.app,
        ari_user=settings.ari.user,
        ami_user=settings.ami.user,
        language=settings.pbx.language,
        recorded=tuple(way for way in RECORDED if getattr(settings.recordings, way)),
    )


def proof_of(settings: Settings, place: Place, overlay: Overlay, flavour: Flavour) -> Proof:
    """The test call: doors as the PBX's own files open them, unless the settings name others."""
    folder = place.folder()
    host, port = _door(folder, "manager.conf", "port", "5038")
    number = next((number for number in overlay.numbers if number != EVERY), _TRIED)
    return Proof(
        ari=settings.ari.url or ari_url(folder),
        ari_user=overlay.ari_user,
        ari_secret=overlay.ari_secret,
        ami_host=settings.ami.host or host,
        ami_port=settings.ami.port or port,
        ami_user=overlay.ami_user,
        ami_secret=overlay.ami_secret,
        context=overlay.way_in(flavour),
        number=number,
        app=overlay.app,
        spool=place.cel / SPOOL,
    )


def ari_url(folder: Folder) -> str:
    """Where ARI is by the PBX's own http.conf."""
    host, port = _door(folder, "http.conf", "bindport", "8088")
    prefix = folder.conf("http.conf").one("general").get("prefix").strip("/")
    return f"http://{host}:{port}/{f'{prefix}/' if prefix else ''}ari"


def settings_to_make(settings: Settings, place: Place) -> Sequence[str]:
    """The lines of the settings file by which the daemon finds this PBX; none where it knows it."""
    if settings.ari.url or settings.spool.cel:
        return ()
    folder = place.folder()
    host, port = _door(folder, "manager.conf", "port", "5038")
    return (
        "[ari]",
        f'url = "{ari_url(folder)}"',
        "[ami]",
        f'host = "{host}"',
        f"port = {port}",
        "[spool]",
        f'cel = "{place.cel / SPOOL}"',
        f'queue_log = "{place.log / "queue_log"}"',
        "[recordings]",
        f'spool = "{place.spool / "monitor"}"',
        "[messages]",
        f'spool = "{place.spool / "recording"}"',
    )


def _door(folder: Folder, name: str, key: str, default: str) -> tuple[str, int]:
    general = folder.conf(name).one("general")
    host = general.get("bindaddr") if general.yes("enabled") else ""
    port = general.get(key, default)
    return ("127.0.0.1" if host in _OPEN else host), int(port) if port.isdecimal() else int(default)


def _private(settings: Settings, place: Place, agreed: Callable[[], bool]) -> Deployment:
    if place.asterisk is None:
        raise PbxError("the private Asterisk is not installed yet: `pbx-bridge run` does that")
    asterisk = place.asterisk

    def changes() -> tuple[Change, ...]:
        return whole_changes(render(pbx_plan(settings, asterisk)), place.folder())

    return Deployment(
        place=place,
        flavour=Flavour.PRIVATE,
        changes=changes,
        faults=lambda changes: faults(place.folder(), changes, app=settings.ari.app, spool="cel.csv"),
        prove=_private_call(settings),
        agreed=agreed,
    )


def _private_call(settings: Settings) -> Callable[[], str] | None:
    """A call from outside to the menu, where a daemon runs to answer it."""
    from pbx_bridge.config.running import running_system
    from pbx_bridge.deploy.trial import call_the_menu, daemon_runs

    system = running_system(settings)
    if not daemon_runs(system.pid_file):
        return None
    return lambda: call_the_menu(system, settings.pbx.extension)
