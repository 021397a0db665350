"""The composition root's part for spools: read on this machine, or received from the PBX that write them."""

from __future__ import annotations

from collections.abc import Mapping

from pbx_bridge.ami.link import AmiLink
from pbx_bridge.config import Settings
from pbx_bridge.errors import SettingsError
from pbx_bridge.health import Health
from pbx_bridge.pbx import paths as pbx_paths
from pbx_bridge.process import Work
from pbx_bridge.spool.follow import Spooler
from pbx_bridge.spool.receive import ReceivedNode
from pbx_bridge.spool.receive_site import Doorway, Receiver
from pbx_bridge.spool.rotate import Rotator, Rules
from pbx_bridge.store import Store


def spool_works(
    settings: Settings, store: Store, ami: AmiLink, health: Health
) -> tuple[Mapping[str, Work], Rotator | None]:
    """What reads, receives and rotates, by the tasks' names; and who rotates here. Raises SettingsError."""
    works: dict[str, Work] = {}
    rotator: Rotator | None = None
    if settings.pbx.systemname not in settings.receive.nodes:
        rotator = _rotator(settings, store, ami)
        works |= {"spool": _spooler(settings, store, health).run, "rotation": rotator.run}
    elif settings.spool.cel or settings.spool.queue_log:
        told = "spool.cel and spool.queue_log name files here, receive.nodes says that the PBX sends them: name one"
        raise SettingsError(told)
    if settings.receive.port:
        works["receiver"] = _receiver(settings, store, health).run
    return works, rotator


def rotation_rules(settings: Settings) -> Rules:
    """When the spools of a private Asterisk are set aside, and when they are dropped."""
    told = settings.spool
    return Rules(rotate_bytes=told.rotate_mb * 1024 * 1024, keep_days=told.keep_days)


def _spooler(settings: Settings, store: Store, health: Health) -> Spooler:
    paths = pbx_paths.find_paths(settings.home, settings.asterisk_root)
    return Spooler(
        node=settings.pbx.systemname,
        cel=settings.spool.cel or paths.cel,
        queue_log=settings.spool.queue_log or paths.queue_log,
        journal=store.journal,
        health=health,
        gaps=store.gaps,
    )


def _rotator(settings: Settings, store: Store, ami: AmiLink) -> Rotator:
    # Files of a PBX that is not ours are rotated by whoever owns it.
    paths, named = pbx_paths.find_paths(settings.home, settings.asterisk_root), settings.spool
    ours = (("cel", named.cel, paths.cel), ("queue", named.queue_log, paths.queue_log))
    return Rotator(
        node=settings.pbx.systemname,
        files={source: path for source, foreign, path in ours if foreign is None},
        journal=store.journal,
        rules=rotation_rules(settings),
        reopen=lambda: ami.send("LoggerRotate"),
    )


def _receiver(settings: Settings, store: Store, health: Health) -> Receiver:
    told = settings.receive
    if told.port is None or told.certificate is None or told.key is None:
        raise SettingsError("receive.port, receive.certificate and receive.key belong together")
    door = Doorway(
        host=told.host, port=told.port, certificate=told.certificate, key=told.key, tokens=settings.secrets
    )

    def received(node: str) -> ReceivedNode:
        ours = node == settings.pbx.systemname
        return ReceivedNode(
            node,
            link="spool" if ours else f"spool {node}",
            hears=ours,
            journal=store.journal,
            gaps=store.gaps,
            health=health,
        )

    return Receiver(door, {node: received(node) for node in told.nodes})
