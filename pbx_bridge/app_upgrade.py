"""The composition root's part for a new version: a daemon hands over to one, or is one that takes over."""

from __future__ import annotations

import asyncio
import os
import socket
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext, suppress
from importlib.metadata import version
from pathlib import Path

import structlog

from pbx_bridge.ari_handlers.requests import Ari
from pbx_bridge.backup import Home, back_up
from pbx_bridge.config import Settings
from pbx_bridge.errors import BridgeError
from pbx_bridge.handover import Estate, Predecessor, Successor
from pbx_bridge.health import Health, LinkState, utc_now
from pbx_bridge.process import come_first, come_last, write_pid
from pbx_bridge.store import Store, snapshot
from pbx_bridge.store.migrate import shipped
from pbx_bridge.tasks import beside
from pbx_bridge.upgrading import Stage, Told, Wish, take_wish, tell
from pbx_bridge.web.server import Showing

log = structlog.get_logger()

_MB = 1_000_000
_AMI_S, _ARI_S = 5.0, 5.0  # for a link that was up a moment ago; one that stays down is no reason to wait longer
_TAKEN_S = 3.0  # a store that takes longer than this refuses
_POLL_S = 0.01
_STIR_S = 20.0


def home_of(settings: Settings) -> Home:
    """What a backup of this system holds."""
    return Home(
        path=settings.home,
        store=settings.store_place,
        sounds={"recordings-kept": settings.recordings_path, "messages-kept": settings.messages_path},
        version=version("pbx-bridge"),
    )


def backed_up(settings: Settings, predecessor: Predecessor) -> bool:
    """Make a backup if the store is of an older version than ours, while the other daemon goes on. Blocking.

    True: the store is to be brought up, by us alone. Raises StoreNewer, BridgeError.
    """
    home, known = home_of(settings), shipped()[-1].version
    before = snapshot.version(home.store)
    snapshot.refuse_newer(home.store, before)
    if before == known:
        return False
    told = -1

    def progress(done: int, size: int) -> None:
        nonlocal told
        if (tenth := done * 10 // max(1, size)) > told:
            told = tenth
            predecessor.news(f"backup before the store is brought up: {done // _MB} of {size // _MB} MB")

    made = back_up(home, settings.home / "backups", utc_now(), progress, sounds=False)
    predecessor.news(f"the store will be brought from version {before} to {known}; what it was before is in {made}")
    log.info("store_backed_up", folder=str(made), version=before)
    return True


def refuse_in_a_container(environ: Mapping[str, str] = os.environ) -> None:
    """Raises BridgeError where everything would end with us, a successor too."""
    if os.getpid() == 1 or "PBXB_ENDS_WITH_DAEMON" in environ:
        raise BridgeError(
            "this container ends with the daemon: an upgrade here is another image, see docs/containers.md"
        )


class Handover:
    """A daemon's readiness to hand over. Run `run()` as a task.

    Args:
        run: HOME's folder of locks and process ids.
        lock: the descriptor of HOME's lock.
        able: raises BridgeError where there is nothing to be handed over now.

    `done` is set when a successor has agreed: then everything else is to end, and `successor` to be told.
    """

    def __init__(
        self, run: Path, lock: int, showing: Showing, address: tuple[str, int], able: Callable[[], Awaitable[object]]
    ) -> None:
        self._run, self._lock, self._showing, self._address, self._able = run, lock, showing, address, able
        self.done = asyncio.Event()
        self.successor: Successor | None = None

    async def run(self, asked: asyncio.Event) -> None:
        """Start a successor each time that is set, until one agrees; ends only when cancelled."""
        while not self.done.is_set():
            await asked.wait()
            asked.clear()
            wish = await asyncio.to_thread(take_wish, self._run)
            if wish is not None:
                await self._try(wish)
        await asyncio.Event().wait()

    async def _try(self, wish: Wish) -> None:
        successor: Successor | None = None
        try:
            refuse_in_a_container()
            successor = await self._start(wish)
            await successor.ready(lambda words: self._under_way(wish, words))
            await self._able()
            await successor.accepts()
            self.successor = successor
        except (BridgeError, OSError) as error:
            await self._refuse(wish, str(error))
            return
        except Exception as error:  # whatever is wrong with a new version, callers are served on by this one
            log.exception("handover_failed")
            await self._refuse(wish, f"{type(error).__name__}: {error}")
            return
        finally:
            if successor is not None and self.successor is None:
                await successor.end()
        log.info("handing_over", to=successor.pid)
        with suppress(OSError):  # who stops us now must stop that one as well
            write_pid(self._run / "daemon.pid", successor.pid)
        told = Told(pid=successor.pid, stage=Stage.UNDER_WAY, wish=wish.number, words="taking over")
        await self._tell(told)
        await self._showing.end()
        successor.left_at = time.monotonic()
        self.done.set()

    async def _refuse(self, wish: Wish, reason: str) -> None:
        log.error("not_handed_over", reason=reason)
        await self._tell(Told(pid=os.getpid(), stage=Stage.REFUSED, wish=wish.number, words=reason))

    async def _start(self, wish: Wish) -> Successor:
        host, port = self._address
        estate = Estate(pid=os.getpid(), wish=wish.number, host=host, port=port)
        fds = [self._lock, *(one.fileno() for one in self._showing.sockets)]
        successor = await asyncio.to_thread(Successor.start, wish.program, estate, fds)
        log.info("successor_started", pid=successor.pid, program=wish.program[0])
        self._under_way(wish, f"process {successor.pid} gets ready")
        return successor

    def _under_way(self, wish: Wish, words: str) -> None:
        with suppress(OSError):
            tell(self._run, Told(pid=os.getpid(), stage=Stage.UNDER_WAY, wish=wish.number, words=words))

    async def _tell(self, told: Told) -> None:
        try:
            await asyncio.to_thread(tell, self._run, told)
        except OSError as error:
            log.warning("upgrade_not_told", reason=str(error))


class Arrival:
    """How a daemon comes to serve: at once, after one that runs and hands over, or again, after one that was lost.

    `migrates`: the store is to be brought to our version when nobody else works on it any more, and not before.
    """

    def __init__(self, run: Path, predecessor: Predecessor | None = None, lost: Successor | None = None) -> None:
        self._run, self._predecessor, self._lost = run, predecessor, lost
        self._alone_since = 0.0
        self.migrates = False
        if predecessor is None:
            come_first()
        else:
            predecessor.watch()
            come_last()

    @property
    def is_awaited(self) -> bool:
        """Another serves yet."""
        return self._predecessor is not None and not self._predecessor.gone

    @contextmanager
    def told(self) -> Iterator[None]:
        """Whoever hands over hears of what cannot be."""
        with self._predecessor.told() if self._predecessor is not None else nullcontext():
            yield

    def sockets(self, settings: Settings) -> Sequence[socket.socket]:
        """Those on which the pages are asked for already."""
        web = settings.web
        return self._predecessor.sockets(web.host, web.port) if self._predecessor is not None else ()

    async def look_at_the_store(self, settings: Settings) -> None:
        """One of an older version is saved, and waits for us to be alone. Raises BridgeError."""
        if self._predecessor is not None:
            async with beside(_stir(self._predecessor), name="stir"):
                self.migrates = await asyncio.to_thread(backed_up, settings, self._predecessor)

    async def take_over(self, ari: Ari, health: Health) -> None:
        """Callers are ours from now on. Raises BridgeError; the other goes on then."""
        if self._predecessor is None or self._predecessor.gone:
            return
        await ari.startup()  # a wrong password is better found while another serves
        if not self.migrates:
            await _up(health, "ami", _AMI_S)  # hold and resume are told once, to who is there
        self._alone_since = await self._predecessor.leaves()
        with suppress(OSError):
            write_pid(self._run / "daemon.pid", os.getpid())  # one that was killed on the way has not
        come_first()

    async def tell(self, health: Health) -> None:
        """Say that callers are looked after, once they are."""
        if self._predecessor is None:
            with suppress(OSError):
                await asyncio.to_thread(tell, self._run, self._first_word())
            return
        await _up(health, "ari", _ARI_S)
        alone_s = round(time.monotonic() - self._alone_since, 3)
        log.info("took_over", alone_s=alone_s)
        await asyncio.to_thread(self._predecessor.serving, self._run, alone_s)

    def _first_word(self) -> Told:
        if self._lost is None:
            return Told(pid=os.getpid())
        words = f"it began anew, as the new one did not come to serve: {self._lost.trouble}"
        return Told(pid=os.getpid(), stage=Stage.REFUSED, wish=self._lost.wish, words=words)


async def _stir(predecessor: Predecessor) -> None:
    """Say that we are not dead, however long a backup takes."""
    while True:
        await asyncio.sleep(_STIR_S)
        predecessor.news("")


async def _up(health: Health, name: str, patience_s: float) -> None:
    """Until that link is up, if it comes up in time."""
    with suppress(TimeoutError):
        async with asyncio.timeout(patience_s):
            while not any(link.name == name and link.state is LinkState.UP for link in health.links()):  # noqa: ASYNC110
                await asyncio.sleep(_POLL_S)


async def taken(store: Store) -> None:
    """Whether the store takes what the callers' runs have to leave in it. Raises BridgeError."""
    try:
        async with asyncio.timeout(_TAKEN_S):
            await store.writer.submit(lambda _: None)
    except TimeoutError as error:
        raise BridgeError(f"the store takes nothing now ({_TAKEN_S:g} s): see the status page") from error
