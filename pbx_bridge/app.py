"""The composition root: opens, wires and stops everything; the only place that knows everything.

Open order: lock, flow and prompts (checked before anything is touched), store, pages, links. Stop order: sources
(spools), keepers, callers' actors (left to the next daemon or the dialplan), links, pages, store (drained). A daemon
that hands over ends its pages first and its connection to ARI last: it is replaced, so callers are ours all the time.
"""

from __future__ import annotations

import asyncio
import gc
import signal
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from dataclasses import dataclass
from zoneinfo import ZoneInfo

import msgspec
import structlog

from pbx_bridge import logs
from pbx_bridge.ami.events import AmiEvent
from pbx_bridge.ami.link import AmiLink, Login
from pbx_bridge.ami.live_facts import LiveFacts
from pbx_bridge.app_flows import loaded, loader_of, repertoire_of
from pbx_bridge.app_pages import Seen, site_of
from pbx_bridge.app_phones import link_of, phones_of
from pbx_bridge.app_reload import Reloader, Takers, certificate_of
from pbx_bridge.app_spools import spool_works
from pbx_bridge.app_upgrade import Arrival, Handover, taken
from pbx_bridge.ari_handlers import wire
from pbx_bridge.ari_handlers.caller import Means
from pbx_bridge.ari_handlers.reaper import Reaper
from pbx_bridge.ari_handlers.repertoire import Deployer, Repertoire
from pbx_bridge.ari_handlers.requests import Ari
from pbx_bridge.ari_handlers.stasis import Stasis
from pbx_bridge.calls.fact_text import boot_fact
from pbx_bridge.calls.facts import RawFact
from pbx_bridge.config import Settings, load
from pbx_bridge.config.sound_files import message_files, recording_files
from pbx_bridge.handover import Predecessor, Successor
from pbx_bridge.health import Health, LinkState, Meter, Mishaps, utc_now
from pbx_bridge.ivr.guard import GuardedLookups, TryLimits, in_thread
from pbx_bridge.ivr.loader import Loader
from pbx_bridge.ivr.lookups import CrmLookups, Lookups, RoutedLookups
from pbx_bridge.ivr.nodes import RecordNode
from pbx_bridge.ivr.questions import AskService, StandingOfQueue, TellService
from pbx_bridge.ivr.requests import RequestLookups
from pbx_bridge.ivr.run import Phase, Run
from pbx_bridge.ivr.sounds.ahead_keeper import AheadKeeper, Sources
from pbx_bridge.ivr.standing import Now, QueueStandings
from pbx_bridge.pbx.secrets import SecretStore
from pbx_bridge.process import hang_ups, only_one, pid_file, told_by, until_stopped
from pbx_bridge.services.client import ServiceClient
from pbx_bridge.services.lookups import ServiceLookups
from pbx_bridge.spool.message_lookups import MessageLookups
from pbx_bridge.spool.messages import SHORTEST_S, MessageKeeper
from pbx_bridge.spool.recordings import RecordingKeeper
from pbx_bridge.store import RunGone, RunState, Store, open_store
from pbx_bridge.systemd import Supervisor
from pbx_bridge.tasks import begun, beside
from pbx_bridge.web.board.feed import LiveFeed
from pbx_bridge.web.server import listening

log = structlog.get_logger()


@dataclass(kw_only=True)
class Host:
    """The process in which a daemon lives. `settings`: those that count; `lock`: the descriptor of HOME's."""

    settings: Settings
    mishaps: Mishaps
    lock: int
    reload: asyncio.Event
    upgrade: asyncio.Event


async def run_daemon(settings: Settings, take_over: int | None = None) -> None:
    """The daemon, until SIGTERM or SIGINT, or until another has taken over. Raises BridgeError when it cannot run.

    Args:
        take_over: the descriptor on which a daemon that runs speaks to its successor, which this is to be.
    """
    mishaps = Mishaps()
    logs.configure(settings.log.level, settings.log.form, mishaps, node=settings.pbx.systemname)
    predecessor = None if take_over is None else Predecessor(take_over)
    held = None if predecessor is None else predecessor.lock
    with (
        only_one(settings.run / "daemon.lock", held) as lock,
        hang_ups() as reload,
        told_by(signal.SIGUSR2) as upgrade,
    ):
        host = Host(settings=settings, mishaps=mishaps, lock=lock, reload=reload, upgrade=upgrade)
        arrival = Arrival(settings.run, predecessor)
        while (lost := await _live(host, arrival)) is not None:
            log.error("successor_lost", reason=lost.trouble)
            arrival = Arrival(settings.run, lost=lost)


async def _live(host: Host, arrival: Arrival) -> Successor | None:
    """From the settings to the end; who was to go on then, and did not."""
    settings, health = host.settings, Health()
    with arrival.told(), pid_file(settings.run / "daemon.pid", write=not arrival.is_awaited):
        loader = loader_of(settings)
        loader.ahead.take(loader.ahead.news())
        client = ServiceClient(settings.services_ready(), health)
        flows = repertoire_of(settings, loader)
        await arrival.look_at_the_store(settings)
        async with AsyncExitStack() as ari:
            async with _store_of(settings, health, migrating=not arrival.migrates) as store, client.open():
                successor = await _serve(host, arrival, loader, flows, store, health, client, ari)
                if successor is not None:
                    await store.writer.close()
                    successor.has_all()  # what is still being read here keeps nobody
            return None if successor is None or await successor.serves() else successor


def _store_of(settings: Settings, health: Health, *, migrating: bool) -> AbstractAsyncContextManager[Store]:
    return open_store(
        settings.store_place,
        health,
        folding=False,
        migrating=migrating,
        region=settings.region,
        numbers=settings.number_rules(),
        zone=ZoneInfo(settings.zone),
        long_wait_s=settings.reports.long_wait_s,
        audit_days=settings.web.audit_days,
        promises=settings.promises_made(),
        retry=settings.retry(),
    )


async def _serve(
    host: Host,
    arrival: Arrival,
    loader: Loader,
    flows: Repertoire,
    store: Store,
    health: Health,
    services: ServiceClient,
    ari: AsyncExitStack,
) -> Successor | None:
    """Until the end. `ari`: what connects us to it, closed by the caller where a successor follows."""
    settings = host.settings
    node = settings.pbx.systemname
    key_to_play = Meter("pbx_bridge_key_to_play_seconds", "From a key's release to the next prompt's request.")
    deployer = Deployer(flows, loader.releases, lambda version: loaded(*loader.release(version)))
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
        mishaps=host.mishaps,
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
    gc.freeze()  # what the start made stays: no later collection need look at it again
    async with AsyncExitStack() as stack:
        web = settings.web
        showing = await stack.enter_async_context(listening(web.host, web.port, arrival.sockets(settings)))
        await ari.enter_async_context(desk.link.open())
        if arrival.migrates:
            await arrival.take_over(Ari(desk.link, settings.ari.app), health)
            await store.bring_up()
        if settings.ari.url is None:  # of a PBX that is not ours we do not know the agents
            await store.agents.fill(settings.pbx.extensions, settings.pbx.agents)
        await deployer.look_up({run.version for run in (await _runs_left(store, node)).values()})
        hears_ami = await stack.enter_async_context(begun(ami.run(), name="ami"))
        await arrival.take_over(Ari(desk.link, settings.ari.app), health)
        runs = await _runs_left(store, node)
        await deployer.look_up({run.version for run in runs.values()})
        desk.remember(runs)
        hears_ari = await ari.enter_async_context(begun(desk.link.run(), name="ari"))
        await stack.enter_async_context(store.keeping_up())
        await showing.show(site, certificate.context if certificate else None)
        reloader, supervisor = Reloader(settings, load, takers, showing, certificate), Supervisor()
        handover = Handover(settings.run, host.lock, showing, (web.host, web.port), lambda: taken(store))
        await stack.enter_async_context(beside(arrival.tell(health), name="arrival"))
        await until_stopped(
            {
                **works,
                "flows": deployer.run,
                "ari": hears_ari,
                "ami": hears_ami,
                "dialler": phones.dialler.run,
                "recordings": takers.recordings.run,
                "messages": messages.run,
                "reaper": _reaper(settings, desk, store, health).run,
                "ahead": _ahead(loader, flows, store).run,
                "reload": lambda: reloader.run(host.reload, supervisor),
                "upgrade": lambda: handover.run(host.upgrade),
                "certificate": reloader.look,
                "stasis": desk.stasis.run,  # last: callers are looked after until everything else has ended
            },
            supervisor,
            handover.done,
        )
        host.settings = reloader.settings
    if handover.successor is None:
        await ari.aclose()  # who calls from here on is the dialplan's at once
    desk.link.hands_over = True
    return handover.successor


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
        self.link = link_of(
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

    def remember(self, runs: Mapping[str, Run]) -> None:
        """Take up the runs that an earlier daemon left."""
        self.stasis.remember(runs)
        self._feed.remember(runs.values())

    def _keep(self, facts: Sequence[RawFact], run: Run) -> asyncio.Future[None]:
        state: RunState | RunGone = RunState(node=run.node, channel=run.channel, body=msgspec.json.encode(run))
        self._feed.stands(run)
        if run.phase is Phase.OVER:
            state = RunGone(node=run.node, channel=run.channel)
        # Given to the dialplan, a caller hears nothing until that is on disk.
        return self._store.journal.post(facts, runs=[state], hurried=run.phase is Phase.QUEUED)

    # Both only begin to write: a store that refuses must not keep a reconnected daemon from its callers.

    async def _forget(self, channels: Sequence[str]) -> None:
        self._feed.gone(channels)
        gone = [RunGone(node=self._node, channel=name) for name in channels]
        self._store.journal.post((), runs=gone).add_done_callback(_kept)

    async def _booted(self, info: wire.Info) -> None:
        self.asterisk = info.system.version
        boot = boot_fact(node=self._node, at=info.status.startup_time)
        self._store.journal.post([boot]).add_done_callback(_kept)


async def _runs_left(store: Store, node: str) -> Mapping[str, Run]:
    """What an earlier daemon left, by channel. One that cannot be read begins anew."""
    runs = {}
    for state in await store.runs.all(node):
        try:
            runs[state.channel] = msgspec.json.decode(state.body, type=Run)
        except (ValueError, RecursionError) as error:
            log.warning("run_not_readable", channel=state.channel, reason=str(error))
    return runs


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
