"""The faults: what each is called, how long it lasts, what the status page must say of it."""

from __future__ import annotations

import enum
from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager, nullcontext
from dataclasses import dataclass

from bench.chaos import harm, houses
from bench.chaos.scene import Scene

Part = Callable[[Scene], AbstractAsyncContextManager[None]]

GONE = "gone"
"""Instead of a link's name: the page itself does not answer."""


class Fault(enum.StrEnum):
    """A fault, by what people call it."""

    RESET = "line to the PBX cut (reset)"
    HOLE = "line is a black hole"
    SLOW = "line slow, 0.4 s each way"
    DISK = "disk of the store full"
    CLOCK = "daemon's clock back an hour"
    FILES = "out of file descriptors"
    CERTIFICATE = "the PBX's certificate ended"
    PBX = "PBX restarted 20 times"
    TWO = "a second daemon on the PBX"
    FREEZE = "daemon frozen"
    STILL = "PBX frozen"
    DNS = "DNS dead"
    LOCK = "store locked"


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """How a fault is done.

    Attributes:
        lasts_s: seconds between its beginning and its mending.
        harm: entering does it, leaving mends it.
        house: entered before the daemon starts, left after it ended.
        told: the link that must be told as not up, GONE, or nothing where nothing fails.
    """

    lasts_s: float
    harm: Part
    told: str
    house: Part = lambda _: nullcontext()


CASES: Mapping[Fault, Case] = {
    Fault.RESET: Case(lasts_s=15.0, harm=harm.reset, told="ari"),
    Fault.HOLE: Case(lasts_s=30.0, harm=harm.hole, told="ari"),
    Fault.SLOW: Case(lasts_s=15.0, harm=harm.slow, told=""),
    Fault.DISK: Case(lasts_s=15.0, harm=harm.full_disk, told="store", house=houses.small_disk),
    Fault.CLOCK: Case(lasts_s=15.0, harm=harm.clock_back, told="", house=houses.own_clock),
    Fault.FILES: Case(lasts_s=15.0, harm=harm.no_files, told=GONE),
    Fault.CERTIFICATE: Case(lasts_s=15.0, harm=harm.certificate_ends, told="ari", house=houses.over_tls),
    Fault.PBX: Case(lasts_s=0.0, harm=harm.restarts, told="ari"),
    Fault.TWO: Case(lasts_s=12.0, harm=harm.second_daemon, told="ari"),
    Fault.FREEZE: Case(lasts_s=15.0, harm=harm.frozen, told=GONE),
    Fault.STILL: Case(lasts_s=14.0, harm=harm.pbx_frozen, told="ari"),
    Fault.DNS: Case(lasts_s=20.0, harm=harm.names_die, told="ari", house=houses.by_name),
    Fault.LOCK: Case(lasts_s=15.0, harm=harm.locked, told="store"),
}
