"""The composition root: opens, wires and stops everything; the only place that knows everything.

Open order: lock, flow and prompts (checked before anything is touched), store, pages, links. Stop order: sources
(links and spools), callers' actors (left to the next daemon or the dialplan), pages, store (drained).
"""

from __future__ import annotations

import asyncio
import base64
import fcntl
import os
import signal
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
import structlog

from pbx_bridge import logs
from pbx_bridge.ami.events import AmiEvent
from pbx_bridge.ami.link import AmiLink, Login
from pbx_bridge.ari_handlers import wire
from pbx_bridge.ari_handlers.caller import Means
from pbx_bridge.ari_handlers.connection import AriLink
from pbx_bridge.ari_handlers.requests import Ari
from pbx_bridge.ari_handlers.stasis import Stasis
from pbx_bridge.calls.facts import RawFact, boot_fact
from pbx_bridge.config import Settings
from pbx_bridge.errors import BridgeError, FlowError, PromptError
from pbx_bridge.health import Health, Meter, utc_now
from pbx_bridge.ivr import flow as flows
from pbx_bridge.ivr.announcer import Announcer
from pbx_bridge.ivr.lookups import CrmLookups
from pbx_bridge.ivr.prompts import PromptBook
from pbx_bridge.ivr.run import Phase, Run
from pbx_bridge.ivr.voice import Voice
from pbx_bridge.pbx import paths as pbx_paths
from pbx_bridge.pbx.plan import QUEUES
from pbx_bridge.pbx.secrets import SecretStore
from pbx_bridge.spool.follow import Spooler
from pbx_bridge.store import RunGone, RunState, Store, open_store
from pbx_bridge.web.server import serve
from pbx_bridge.web.site import SiteParts, make_site

log = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class Speech:
    """The flow callers meet and the voice that says it, checked against each other."""

    flow: flows.Flow
    book: PromptBook
    voice: Voice


async def run_daemon(settings: Settings) -> None:
    """The daemon, until SIGTERM or SIGINT. Raises BridgeError when it cannot run."""
    logs.configure(settings.log.level, settings.log.form)
    speech = load_speech(settings)
    with _only_one(settings.run / "daemon.lock"), _pid_file(settings.run / "daemon.pid"):
        health = Health()
        async with open_store(settings.store_path, health, region=settings.region) as store:
            await _serve(settings, speech, store, health)


def load_speech(settings: Settings) -> Speech:
    """The flow with its prompts and clips. Raises FlowError or PromptError naming what is missing."""
    flow = flows.load(settings.ivr.flow)
    _check_queues(settings, flow)
    book = PromptBook.load(extra_folder=settings.home / "prompts")
    book.check(flow.prompts(), flow.languages)
    paths = pbx_paths.find_paths(settings.home, settings.asterisk_root)
    voice = Voice.load(paths.sounds, asterisk_folder=paths.inside(paths.sounds))
    for language in flow.languages:
        for key in sorted(flow.prompts()):
            _check_sounds(book, voice, key, language)
    return Speech(flow=flow, book=book, voice=voice)


def _check_queues(settings: Settings, flow: flows.Flow) -> None:
    # Of a PBX that is not ours we do not know the queues.
    unknown = sorted(flow.queues() - set(QUEUES)) if settings.ari.url is None else []
    if unknown:
        known = ", ".join(QUEUES)
        raise FlowError(f"flow {flow.name} hands callers to queue {unknown[0]!r}; the private Asterisk has: {known}")


def _check_sounds(book: PromptBook, voice: Voice, key: str, language: str) -> None:
    missing = voice.missing(book.clips([key], language))
    prompt = book.prompt(key, language)
    if not missing or (prompt.fixed and voice.is_recorded(book.phrase(key, language))):
        return
    reason = f"prompt {key!r} has no sound in {language!r} for {missing[0].text!r}; run: pbx-bridge prompts render"
    raise PromptError(reason, path=prompt.path, line=prompt.line)


async def _serve(settings: Settings, speech: Speech, store: Store, health: Health) -> None:
    node = settings.pbx.systemname
    key_to_play = Meter("pbx_bridge_key_to_play_seconds", "From a key's release to the next prompt's request.")
    desk = _Desk(settings, speech, store, health, key_to_play)
    site = make_site(
        SiteParts(
            health=health,
            calls=store.calls,
            users=store.users,
            session_key=base64.urlsafe_b64decode(SecretStore(settings.secrets).session_key),
            zone=ZoneInfo(settings.zone),
            region=settings.region,
            meters=(key_to_play,),
        )
    )
    await desk.remember(store, node)
    async with serve(site, settings.web.host, settings.web.port), desk.link.open():
        await _until_stopped(
            {
                "spool": _spooler(settings, store, health).run,
                "stasis": desk.stasis.run,
                "ari": desk.link.run,
                "ami": _ami(settings, health).run,
            }
        )


class _Desk:
    """ARI's side of the daemon: the link, its verbs and the reception desk, which know each other."""

    def __init__(self, settings: Settings, speech: Speech, store: Store, health: Health, key_to_play: Meter) -> None:
        node, app = settings.pbx.systemname, settings.ari.app
        self._store, self._node = store, node
        self.link = AriLink(
            url=settings.ari.url or f"http://{settings.pbx.host}:{settings.pbx.ari_port}/ari",
            app=app,
            user=settings.ari.user,
            password=SecretStore(settings.secrets).ari,
            health=health,
            on_event=lambda event: self.stasis.heard(event),
            on_open=lambda: self.stasis.opened(),
            on_connect=lambda: self.stasis.recover(),
        )
        means = Means(
            ari=Ari(self.link, app),
            flow=speech.flow,
            speaker=Announcer(speech.book, speech.voice),
            lookups=CrmLookups(store.crm, zone=ZoneInfo(settings.zone), region=settings.region),
            keep=self._keep,
            clock=utc_now,
            key_to_play=key_to_play,
        )
        self.stasis = Stasis(means, node=node, app=app, forget=self._forget, on_boot=self._booted)

    async def remember(self, store: Store, node: str) -> None:
        """Take up the runs that an earlier daemon left. One that cannot be read begins anew."""
        runs = {}
        for state in await store.runs.all(node):
            try:
                runs[state.channel] = msgspec.json.decode(state.body, type=Run)
            except msgspec.DecodeError as error:
                log.warning("run_not_readable", channel=state.channel, reason=str(error))
        self.stasis.remember(runs)

    def _keep(self, facts: Sequence[RawFact], run: Run) -> asyncio.Future[None]:
        state: RunState | RunGone = RunState(node=run.node, channel=run.channel, body=msgspec.json.encode(run))
        if run.phase is Phase.OVER:
            state = RunGone(node=run.node, channel=run.channel)
        return self._store.journal.post(facts, runs=[state])

    async def _forget(self, channels: Sequence[str]) -> None:
        await self._store.journal.add((), runs=[RunGone(node=self._node, channel=name) for name in channels])

    async def _booted(self, info: wire.Info) -> None:
        await self._store.journal.add([boot_fact(node=self._node, at=info.status.startup_time)])


def _spooler(settings: Settings, store: Store, health: Health) -> Spooler:
    paths = pbx_paths.find_paths(settings.home, settings.asterisk_root)
    return Spooler(
        node=settings.pbx.systemname,
        cel=settings.spool.cel or paths.cel,
        queue_log=settings.spool.queue_log or paths.queue_log,
        journal=store.journal,
        health=health,
    )


def _ami(settings: Settings, health: Health) -> AmiLink:
    login = Login(
        host=settings.ami.host or settings.pbx.host,
        port=settings.ami.port or settings.pbx.ami_port,
        user=settings.ami.user,
        secret=SecretStore(settings.secrets).ami,
    )
    return AmiLink(login, health, _on_ami_event)


def _on_ami_event(event: AmiEvent) -> None:
    """Presence is kept by the link's own table; nothing else listens yet."""


# --- running and stopping -----------------------------------------------------------------------------------------

Work = Callable[[], Coroutine[Any, Any, None]]


async def _until_stopped(works: dict[str, Work]) -> None:
    """Run these by name until a signal comes; then stop them in this order. One that fails stops all, loudly."""
    async with _stop_signal() as stop:
        tasks = {name: asyncio.create_task(work(), name=name) for name, work in works.items()}
        stopped = asyncio.create_task(stop.wait(), name="stop-signal")
        log.info("daemon_started", pid=os.getpid())
        try:
            await _first_of(tasks, stopped)
        finally:
            stopped.cancel()
            for task in tasks.values():
                task.cancel()
                with suppress(asyncio.CancelledError):
                    await task
            log.info("daemon_stopped")


async def _first_of(tasks: dict[str, asyncio.Task[None]], stopped: asyncio.Task[Any]) -> None:
    """Wait for the signal, or for a task that fails. A task that merely ends (ARI replaced) leaves the rest going."""
    pending: set[asyncio.Task[Any]] = {stopped, *tasks.values()}
    while not stopped.done():
        done, pending = await asyncio.wait(pending, return_when=asyncio.FIRST_COMPLETED)
        for task in done - {stopped}:
            log.error("task_ended", task=task.get_name())
            task.result()


@asynccontextmanager
async def _stop_signal() -> AsyncIterator[asyncio.Event]:
    """Set at the first SIGTERM or SIGINT; a second one ends the process at once."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()

    def asked(number: int) -> None:
        stop.set()
        loop.remove_signal_handler(number)

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, asked, number)
    try:
        yield stop
    finally:
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.remove_signal_handler(number)


@contextmanager
def _only_one(path: Path) -> Iterator[None]:
    """Hold the lock that keeps a second daemon out of this HOME. Raises BridgeError."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise BridgeError(f"another daemon runs in {path.parent.parent}: stop it first") from error
        yield


@contextmanager
def _pid_file(path: Path) -> Iterator[None]:
    path.write_text(f"{os.getpid()}\n")
    try:
        yield
    finally:
        path.unlink(missing_ok=True)
