"""The composition root: opens, wires and stops everything; the only place that knows everything.

Open order: lock, flow and prompts (checked before anything is touched), store, pages, links. Stop order: sources
(links and spools), callers' actors (left to the next daemon or the dialplan), pages, store (drained).
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Awaitable, Callable, Sequence
from zoneinfo import ZoneInfo

import msgspec
import structlog

from pbx_bridge import logs
from pbx_bridge.ami.events import AmiEvent
from pbx_bridge.ami.link import AmiLink, Login
from pbx_bridge.ami.live_facts import LiveFacts
from pbx_bridge.app_pages import Seen, message_files, recording_files, site_of
from pbx_bridge.app_phones import phones_of
from pbx_bridge.ari_handlers import wire
from pbx_bridge.ari_handlers.caller import Means
from pbx_bridge.ari_handlers.connection import AriLink
from pbx_bridge.ari_handlers.originate import Asked, Originator
from pbx_bridge.ari_handlers.reaper import Reaper
from pbx_bridge.ari_handlers.repertoire import Deployer, LoadedFlow, Repertoire
from pbx_bridge.ari_handlers.requests import Ari
from pbx_bridge.ari_handlers.stasis import Stasis
from pbx_bridge.calls.facts import RawFact, boot_fact
from pbx_bridge.config import Settings
from pbx_bridge.health import Health, LinkState, Meter, Mishaps, utc_now
from pbx_bridge.ivr.announcer import Announcer
from pbx_bridge.ivr.flow import Flow
from pbx_bridge.ivr.guard import GuardedLookups, TryLimits, in_thread
from pbx_bridge.ivr.loader import Loader
from pbx_bridge.ivr.lookups import CrmLookups, Lookups, RoutedLookups
from pbx_bridge.ivr.nodes import RecordNode
from pbx_bridge.ivr.questions import AskService, StandingOfQueue, TellService
from pbx_bridge.ivr.reading.beside import unknown_holidays
from pbx_bridge.ivr.releases import Releases
from pbx_bridge.ivr.requests import RequestLookups
from pbx_bridge.ivr.run import Phase, Run
from pbx_bridge.ivr.sounds.ahead import MadeAhead
from pbx_bridge.ivr.sounds.ahead_keeper import AheadKeeper, Sources
from pbx_bridge.ivr.standing import Now, QueueStandings
from pbx_bridge.pbx import paths as pbx_paths
from pbx_bridge.pbx.plan import AGENTS, QUEUES
from pbx_bridge.pbx.secrets import SecretStore
from pbx_bridge.process import come_first, only_one, pid_file, until_stopped
from pbx_bridge.services.client import ServiceClient
from pbx_bridge.services.lookups import ServiceLookups
from pbx_bridge.spool.follow import Spooler
from pbx_bridge.spool.message_lookups import MessageLookups
from pbx_bridge.spool.messages import SHORTEST_S, MessageKeeper
from pbx_bridge.spool.recordings import RecordingKeeper
from pbx_bridge.spool.rotate import Rotator, Rules
from pbx_bridge.store import RunGone, RunState, Store, open_store
from pbx_bridge.store.commands import Place
from pbx_bridge.web.board.feed import LiveFeed
from pbx_bridge.web.server import serve

log = structlog.get_logger()


async def run_daemon(settings: Settings) -> None:
    """The daemon, until SIGTERM or SIGINT. Raises BridgeError when it cannot run."""
    mishaps = Mishaps()
    logs.configure(settings.log.level, settings.log.form, mishaps)
    loader = loader_of(settings)
    loader.ahead.take(loader.ahead.news())
    services = settings.services_ready()
    flow, announcer = loader.newest(settings.ivr.flow)
    for finding in unknown_holidays(flow, utc_now().astimezone(loader.zone).date()):
        log.warning("holidays_not_known", flow=flow.name, reason=finding.sentence)
    flows = Repertoire(_loaded(flow, announcer))
    come_first()
    with only_one(settings.run / "daemon.lock"), pid_file(settings.run / "daemon.pid"):
        health = Health()
        client = ServiceClient(services, health)
        async with (
            open_store(
                settings.store_place,
                health,
                region=settings.region,
                zone=ZoneInfo(settings.zone),
                long_wait_s=settings.reports.long_wait_s,
                audit_days=settings.web.audit_days,
                promises=settings.promises_made(),
                retry=settings.retry(),
            ) as store,
            client.open(),
        ):
            await _serve(settings, loader, flows, store, health, client, mishaps)


def loader_of(settings: Settings) -> Loader:
    """What makes flows ready for this PBX. Raises PbxError when there is no Asterisk yet."""
    paths = pbx_paths.find_paths(settings.home, settings.asterisk_root)
    return Loader(
        releases=Releases(settings.home / "flows"),
        prompts=settings.home / "prompts",
        sounds=paths.sounds,
        seen_as=paths.inside(paths.sounds),
        ahead=MadeAhead(paths.sounds, paths.inside(paths.sounds)),
        queues=QUEUES if settings.ari.url is None else None,  # of a PBX that is not ours we do not know them
        zone=ZoneInfo(settings.zone),
        region=settings.region,
        services=settings.services_known(),
    )


async def _serve(
    settings: Settings,
    loader: Loader,
    flows: Repertoire,
    store: Store,
    health: Health,
    services: ServiceClient,
    mishaps: Mishaps,
) -> None:
    node = settings.pbx.systemname
    key_to_play = Meter("pbx_bridge_key_to_play_seconds", "From a key's release to the next prompt's request.")
    deployer = Deployer(flows, loader.releases, lambda version: _loaded(*loader.release(version)))
    ami = _ami(settings, store, health, lambda event: feed.heard(event))
    feed = LiveFeed(node, ami.agents, ami.channels)
    messages = _message_keeper(settings, flows, store, health)
    lookups = _lookups(settings, store, ami.agents, services, messages)
    desk = _Desk(settings, flows, store, health, key_to_play, lookups, feed)
    dialler, phones = phones_of(settings, store, Ari(desk.link, settings.ari.app), ami)
    feed.listen(dialler.touch)
    seen = Seen(
        flows=flows,
        health=health,
        feed=feed,
        mishaps=mishaps,
        asterisk=lambda: desk.asterisk,
        dialler=dialler,
        phones=phones,
    )
    site = site_of(settings, store, seen, (key_to_play, services.meters.seconds, services.meters.requests))
    await deployer.look_up(await desk.remember(store, node))
    if settings.ari.url is None:  # of a PBX that is not ours we do not know the agents
        await store.agents.fill(AGENTS)
    async with serve(site, settings.web.host, settings.web.port), desk.link.open():
        await until_stopped(
            {
                "spool": _spooler(settings, store, health).run,
                "stasis": desk.stasis.run,
                "flows": deployer.run,
                "ari": desk.link.run,
                "ami": ami.run,
                "dialler": dialler.run,
                "rotation": _rotator(settings, store, ami).run,
                "recordings": _keeper(settings, store, health).run,
                "messages": messages.run,
                "reaper": _reaper(settings, desk, store, health).run,
                "ahead": _ahead(loader, flows, store).run,
            }
        )


def _lookups(
    settings: Settings, store: Store, queues: Now, services: ServiceClient, messages: MessageKeeper
) -> Lookups:
    """Who answers what flows ask."""
    told = CrmLookups(store.crm, zone=ZoneInfo(settings.zone), region=settings.region, is_pin=in_thread)
    limits = TryLimits(per_hour=settings.ivr.wrong_tries_per_hour, per_day=settings.ivr.wrong_tries_per_day)
    crm = GuardedLookups(told, store.tries, limits=limits, region=settings.region)
    requests = RequestLookups(store.requests, zone=ZoneInfo(settings.zone), region=settings.region)
    left = dict.fromkeys(RequestLookups.QUESTIONS, requests)
    asked = ServiceLookups(services)
    standings = QueueStandings(store.waits, queues)
    spoken = dict.fromkeys(MessageLookups.QUESTIONS, MessageLookups(messages))
    return RoutedLookups(crm, {**left, **spoken, StandingOfQueue: standings, AskService: asked, TellService: asked})


class _Desk:
    """ARI's side of the daemon: the link, its verbs and the reception desk, which know each other."""

    def __init__(
        self,
        settings: Settings,
        flows: Repertoire,
        store: Store,
        health: Health,
        key_to_play: Meter,
        lookups: Lookups,
        feed: LiveFeed,
    ) -> None:
        node, app = settings.pbx.systemname, settings.ari.app
        self._store, self._node, self._feed = store, node, feed
        self.asterisk = ""  # its version, once it told
        self.link = _link(
            settings,
            health,
            on_event=lambda event: self.stasis.heard(event),
            on_open=lambda: self.stasis.opened(),
            on_connect=lambda: self.stasis.recover(),
        )
        means = Means(
            ari=Ari(self.link, app),
            flows=flows,
            lookups=lookups,
            keep=self._keep,
            clock=utc_now,
            key_to_play=key_to_play,
        )
        self.stasis = Stasis(means, node=node, app=app, forget=self._forget, on_boot=self._booted)

    async def remember(self, store: Store, node: str) -> set[str]:
        """Take up the runs that an earlier daemon left; their flow versions. One that cannot be read begins anew."""
        runs = {}
        for state in await store.runs.all(node):
            try:
                runs[state.channel] = msgspec.json.decode(state.body, type=Run)
            except msgspec.DecodeError as error:
                log.warning("run_not_readable", channel=state.channel, reason=str(error))
        self.stasis.remember(runs)
        self._feed.remember(runs.values())
        return {run.version for run in runs.values()}

    def _keep(self, facts: Sequence[RawFact], run: Run) -> asyncio.Future[None]:
        state: RunState | RunGone = RunState(node=run.node, channel=run.channel, body=msgspec.json.encode(run))
        self._feed.stands(run)
        if run.phase is Phase.OVER:
            state = RunGone(node=run.node, channel=run.channel)
        return self._store.journal.post(facts, runs=[state])

    # Both only begin to write: a store that refuses must not keep a reconnected daemon from its callers.

    async def _forget(self, channels: Sequence[str]) -> None:
        self._feed.gone(channels)
        gone = [RunGone(node=self._node, channel=name) for name in channels]
        self._store.journal.post((), runs=gone).add_done_callback(_kept)

    async def _booted(self, info: wire.Info) -> None:
        self.asterisk = info.system.version
        boot = boot_fact(node=self._node, at=info.status.startup_time)
        self._store.journal.post([boot]).add_done_callback(_kept)


def _loaded(flow: Flow, announcer: Announcer) -> LoadedFlow:
    return LoadedFlow(flow=flow, texts=announcer.book, speaker=announcer)


def _kept(written: asyncio.Future[None]) -> None:
    if not written.cancelled() and (error := written.exception()) is not None:
        log.error("not_kept", reason=str(error))


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


def _reaper(settings: Settings, desk: _Desk, store: Store, health: Health) -> Reaper:
    ari = Ari(desk.link, settings.ari.app)

    async def channels() -> set[str]:
        return {channel.id for channel in await ari.channels()}

    return Reaper(
        node=settings.pbx.systemname,
        channels=channels,
        calls=store.ledger,
        keep=store.journal.add,
        up_to_date=lambda: all(link.state is LinkState.UP for link in health.links() if link.name == "spool"),
    )


def _ahead(loader: Loader, flows: Repertoire, store: Store) -> AheadKeeper:
    sources = Sources(
        met=lambda: (flows.newest.flow, flows.newest.texts),
        texts=store.free_texts,
        command=(sys.executable, "-m", "pbx_bridge.cli", "prompts", "ahead", "--now", "--at-most", "20"),
    )
    return AheadKeeper(loader.sounds, loader.ahead, sources)


def _keeper(settings: Settings, store: Store, health: Health) -> RecordingKeeper:
    return RecordingKeeper(
        node=settings.pbx.systemname,
        files=recording_files(settings),
        recordings=store.recordings,
        health=health,
        keep_days=settings.recordings.keep_days,
    )


def _message_keeper(settings: Settings, flows: Repertoire, store: Store, health: Health) -> MessageKeeper:
    def shortest_s(flow_node: str) -> float:
        node = flows.newest.flow.nodes.get(flow_node)
        return node.shortest if isinstance(node, RecordNode) else SHORTEST_S

    return MessageKeeper(
        node=settings.pbx.systemname,
        files=message_files(settings),
        store=store,
        health=health,
        keep_days=settings.messages.keep_days,
        shortest_s=shortest_s,
    )


def _rotator(settings: Settings, store: Store, ami: AmiLink) -> Rotator:
    # Files of a PBX that is not ours are rotated by whoever owns it.
    paths, named = pbx_paths.find_paths(settings.home, settings.asterisk_root), settings.spool
    ours = (("cel", named.cel, paths.cel), ("queue", named.queue_log, paths.queue_log))
    return Rotator(
        node=settings.pbx.systemname,
        files={source: path for source, foreign, path in ours if foreign is None},
        journal=store.journal,
        rules=Rules(rotate_bytes=settings.spool.rotate_mb * 1024 * 1024, keep_days=settings.spool.keep_days),
        reopen=lambda: ami.send("LoggerRotate"),
    )


def _ami(settings: Settings, store: Store, health: Health, also: Callable[[AmiEvent], None]) -> AmiLink:
    login = Login(
        host=settings.ami.host or settings.pbx.host,
        port=settings.ami.port or settings.pbx.ami_port,
        user=settings.ami.user,
        secret=SecretStore(settings.secrets).ami,
    )
    facts = LiveFacts(settings.pbx.systemname, store.journal.post)

    def heard(event: AmiEvent) -> None:
        also(event)
        facts.heard(event)

    return AmiLink(login, health, heard)


async def place_call(settings: Settings, agent: str, number: str, ring_s: int) -> Asked:
    """Ring an agent's phone, then the number, beside a daemon that may run. Raises BridgeError."""
    health = Health()
    link = _link(settings, health, on_event=lambda _: None, on_open=lambda: None, on_connect=_nothing)
    place = Place(
        path=settings.store_place,
        region=settings.region,
        zone=ZoneInfo(settings.zone),
        long_wait_s=settings.reports.long_wait_s,
    )
    async with place.open_existing() as store, link.open():
        originator = Originator(
            Ari(link, settings.ari.app),
            node=settings.pbx.systemname,
            keep=store.journal.add,
            agents=AGENTS,
            region=settings.region,
        )
        return await originator.call(agent, number, ring_s)


async def _nothing() -> None:
    """What a link that only asks does after a connect."""


def _link(
    settings: Settings,
    health: Health,
    *,
    on_event: Callable[[wire.Event], None],
    on_open: Callable[[], None],
    on_connect: Callable[[], Awaitable[None]],
) -> AriLink:
    return AriLink(
        url=settings.ari.url or f"http://{settings.pbx.host}:{settings.pbx.ari_port}/ari",
        app=settings.ari.app,
        user=settings.ari.user,
        password=SecretStore(settings.secrets).ari,
        health=health,
        on_event=on_event,
        on_open=on_open,
        on_connect=on_connect,
    )
