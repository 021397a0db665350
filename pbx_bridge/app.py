"""The composition root: opens, wires and stops everything; the only place that knows everything.

Open order: lock, flow and prompts (checked before anything is touched), store, pages, links. Stop order: sources
(links and spools), callers' actors (left to the next daemon or the dialplan), pages, store (drained).
"""

from __future__ import annotations

import asyncio
import gc
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
from pbx_bridge.app_reload import Reloader, Takers, certificate_of
from pbx_bridge.app_spools import spool_works
from pbx_bridge.ari_handlers import wire
from pbx_bridge.ari_handlers.caller import Means
from pbx_bridge.ari_handlers.connection import AriLink
from pbx_bridge.ari_handlers.originate import Asked, Originator
from pbx_bridge.ari_handlers.reaper import Reaper
from pbx_bridge.ari_handlers.repertoire import Deployer, LoadedFlow, Repertoire
from pbx_bridge.ari_handlers.requests import Ari
from pbx_bridge.ari_handlers.stasis import Stasis
from pbx_bridge.calls.facts import RawFact, boot_fact
from pbx_bridge.config import Settings, load
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
from pbx_bridge.pbx.secrets import SecretStore
from pbx_bridge.pbx.version import rest_over_websocket
from pbx_bridge.process import come_first, hang_ups, only_one, pid_file, until_stopped
from pbx_bridge.services.client import ServiceClient
from pbx_bridge.services.lookups import ServiceLookups
from pbx_bridge.spool.message_lookups import MessageLookups
from pbx_bridge.spool.messages import SHORTEST_S, MessageKeeper
from pbx_bridge.spool.recordings import RecordingKeeper
from pbx_bridge.store import RunGone, RunState, Store, open_store
from pbx_bridge.store.commands import Place
from pbx_bridge.systemd import Supervisor
from pbx_bridge.web.board.feed import LiveFeed
from pbx_bridge.web.server import listening

log = structlog.get_logger()


async def run_daemon(settings: Settings) -> None:
    """The daemon, until SIGTERM or SIGINT. Raises BridgeError when it cannot run."""
    mishaps = Mishaps()
    logs.configure(settings.log.level, settings.log.form, mishaps, node=settings.pbx.systemname)
    loader = loader_of(settings)
    loader.ahead.take(loader.ahead.news())
    services = settings.services_ready()
    flows = _repertoire(settings, loader)
    come_first()
    with only_one(settings.run / "daemon.lock"), hang_ups() as asked, pid_file(settings.run / "daemon.pid"):
        health = Health()
        client = ServiceClient(services, health)
        async with (
            open_store(
                settings.store_place,
                health,
                region=settings.region,
                numbers=settings.number_rules(),
                zone=ZoneInfo(settings.zone),
                long_wait_s=settings.reports.long_wait_s,
                audit_days=settings.web.audit_days,
                promises=settings.promises_made(),
                retry=settings.retry(),
            ) as store,
            client.open(),
        ):
            await _serve(settings, loader, flows, store, health, client, mishaps, asked)


def _repertoire(settings: Settings, loader: Loader) -> Repertoire:
    numbers = settings.number_rules()
    lines = {}
    for line in ("", *numbers.flow_names):
        flow, announcer = loader.newest(settings.flow_of_line(line), line)
        for finding in unknown_holidays(flow, utc_now().astimezone(loader.zone).date()):
            log.warning("holidays_not_known", flow=flow.name, reason=finding.sentence)
        lines[line] = _loaded(flow, announcer)
    return Repertoire(lines.pop(""), lines, numbers.flow_of)


def loader_of(settings: Settings) -> Loader:
    """What makes flows ready for this PBX. Raises PbxError when there is no Asterisk yet."""
    paths = pbx_paths.find_paths(settings.home, settings.asterisk_root)
    return Loader(
        releases=Releases(settings.home / "flows"),
        prompts=settings.home / "prompts",
        sounds=paths.sounds,
        seen_as=paths.inside(paths.sounds),
        ahead=MadeAhead(paths.sounds, paths.inside(paths.sounds)),
        # Of a PBX that is not ours we do not know them.
        queues=settings.pbx.queue_names if settings.ari.url is None else None,
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
    asked: asyncio.Event,
) -> None:
    node = settings.pbx.systemname
    key_to_play = Meter("pbx_bridge_key_to_play_seconds", "From a key's release to the next prompt's request.")
    deployer = Deployer(flows, loader.releases, lambda version: _loaded(*loader.release(version)))
    ami = _ami(settings, store, health, lambda event: feed.heard(event))
    feed = LiveFeed(node, ami.agents, ami.channels)
    messages = _message_keeper(settings, flows, store, health)
    lookups = _lookups(settings, store, ami.agents, services, messages)
    desk = _Desk(settings, flows, store, health, key_to_play, lookups, feed)
    phones = phones_of(settings, store, Ari(desk.link, settings.ari.app), ami)
    feed.listen(phones.dialler.touch)
    feed.listen(phones.telephone.touch)
    seen = Seen(
        flows=flows,
        health=health,
        feed=feed,
        mishaps=mishaps,
        asterisk=lambda: desk.asterisk,
        dialler=phones.dialler,
        phones=phones.telephone,
    )
    meters = (key_to_play, services.meters.seconds, services.meters.requests)
    works, rotator = spool_works(settings, store, ami, health)
    takers = Takers(
        store=store,
        phones=phones,
        stasis=desk.stasis,
        ami=ami,
        recordings=_keeper(settings, store, health),
        messages=messages,
        rotator=rotator,
        site=lambda told: site_of(told, store, seen, meters),
    )
    site, certificate = takers.site(settings), await asyncio.to_thread(certificate_of, settings)
    await deployer.look_up(await desk.remember(store, node))
    if settings.ari.url is None:  # of a PBX that is not ours we do not know the agents
        await store.agents.fill(settings.pbx.extensions, settings.pbx.agents)
    gc.freeze()  # what the start made stays: no later collection need look at it again
    async with listening(settings.web.host, settings.web.port) as showing, desk.link.open():
        await showing.show(site, certificate.context if certificate else None)
        reloader, supervisor = Reloader(settings, load, takers, showing, certificate), Supervisor()
        await until_stopped(
            {
                **works,
                "stasis": desk.stasis.run,
                "flows": deployer.run,
                "ari": desk.link.run,
                "ami": ami.run,
                "dialler": phones.dialler.run,
                "recordings": takers.recordings.run,
                "messages": messages.run,
                "reaper": _reaper(settings, desk, store, health).run,
                "ahead": _ahead(loader, flows, store).run,
                "reload": lambda: reloader.run(asked, supervisor),
                "certificate": reloader.look,
            },
            supervisor,
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
            numbers=settings.number_rules(),
        )
        self.stasis = Stasis(means, node=node, app=app, forget=self._forget, on_boot=self._booted)

    async def remember(self, store: Store, node: str) -> set[str]:
        """Take up the runs that an earlier daemon left; their flow versions. One that cannot be read begins anew."""
        runs = {}
        for state in await store.runs.all(node):
            try:
                runs[state.channel] = msgspec.json.decode(state.body, type=Run)
            except (ValueError, RecursionError) as error:
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
        met=lambda: [(loaded.flow, loaded.texts) for loaded in flows.lines.values()],
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
        nodes = (loaded.flow.nodes.get(flow_node) for loaded in flows.lines.values())
        return min((node.shortest for node in nodes if isinstance(node, RecordNode)), default=SHORTEST_S)

    return MessageKeeper(
        node=settings.pbx.systemname,
        files=message_files(settings),
        store=store,
        health=health,
        keep_days=settings.messages.keep_days,
        shortest_s=shortest_s,
    )


def _ami(settings: Settings, store: Store, health: Health, also: Callable[[AmiEvent], None]) -> AmiLink:
    login = Login(
        host=settings.ami.host or settings.pbx.host,
        port=settings.ami.port or settings.pbx.ami_port,
        user=settings.ami.user,
        secret=SecretStore(settings.secrets).ami,
        trust=settings.ami.trust(),
    )
    facts = LiveFacts(settings.pbx.systemname, store.journal.post)

    def heard(event: AmiEvent) -> None:
        also(event)
        facts.heard(event)

    return AmiLink(login, health, heard, numbers=settings.number_rules())


async def place_call(settings: Settings, agent: str, number: str, ring_s: int) -> Asked:
    """Ring an agent's phone, then the number, beside a daemon that may run. Raises BridgeError."""
    health = Health()
    link = _link(settings, health, on_event=lambda _: None, on_open=lambda: None, on_connect=_nothing)
    place = Place(
        path=settings.store_place,
        region=settings.region,
        numbers=settings.number_rules(),
        zone=ZoneInfo(settings.zone),
        long_wait_s=settings.reports.long_wait_s,
    )
    async with place.open_existing() as store, link.open():
        originator = Originator(
            Ari(link, settings.ari.app),
            node=settings.pbx.systemname,
            keep=store.journal.add,
            agents=settings.pbx.extensions,
            region=settings.region,
            numbers=settings.number_rules(),
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
        trust=settings.ari.trust(),
        takes_requests=rest_over_websocket,
    )
