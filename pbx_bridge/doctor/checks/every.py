"""Every check, in the order in which they are told: links first, then who may come in, then what does not work."""

from __future__ import annotations

from types import ModuleType

from pbx_bridge.doctor.checks import (
    dialplan,
    doors,
    links,
    load,
    machine,
    passwords,
    queues,
    recorded,
    rights,
    sounds,
    versions,
)
from pbx_bridge.doctor.finding import Check


def _of(module: ModuleType) -> tuple[Check, ...]:
    return tuple(value for value in vars(module).values() if isinstance(value, Check))


_MODULES = (links, versions, doors, passwords, rights, recorded, load, machine, sounds, dialplan, queues)
CHECKS = tuple(one for module in _MODULES for one in _of(module))
