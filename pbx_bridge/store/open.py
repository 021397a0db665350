"""Opens the store: migrations, the writer, the reader, the recorder's own task; closes them in the right order."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, timedelta, tzinfo
from functools import partial
from pathlib import Path

import structlog

from pbx_bridge.calls.moments import Limits as MomentLimits
from pbx_bridge.calls.promises import Promises
from pbx_bridge.errors import BridgeError, StoreError
from pbx_bridge.health import Clock, Health, utc_now
from pbx_bridge.store.address import StorePlace
from pbx_bridge.store.agenda import Agenda, Pace
from pbx_bridge.store.agents import Agents
from pbx_bridge.store.announce import Announcer
from pbx_bridge.store.audit import AuditLog
from pbx_bridge.store.call_context import CallContext
from pbx_bridge.store.call_notes import CallNotes
from pbx_bridge.store.callbacks import Callbacks
from pbx_bridge.store.callbacks_rules import Retry
from pbx_bridge.store.calls import CallBook
from pbx_bridge.store.complaints_list import ComplaintList
from pbx_bridge.store.contracts import Contracts
from pbx_bridge.store.crm_sql import SqlCrm
from pbx_bridge.store.customer_merges import Merges
from pbx_bridge.store.customers import Customers
from pbx_bridge.store.customers_found import Finder
from pbx_bridge.store.customers_story import Stories
from pbx_bridge.store.database import Database, connect
from pbx_bridge.store.derived import Derived
from pbx_bridge.store.derived.backfill import Backfill
from pbx_bridge.store.derived.contacts import Contacts
from pbx_bridge.store.derived.facets import Facets
from pbx_bridge.store.derived.moments import Moments
from pbx_bridge.store.derived.tallies import Tallies
from pbx_bridge.store.desk_cards import DeskCards
from pbx_bridge.store.dials import Dials
from pbx_bridge.store.erasure import Erasure
from pbx_bridge.store.free_texts import FreeTexts
from pbx_bridge.store.gaps import GapBook
from pbx_bridge.store.house import House, TakeHouse
from pbx_bridge.store.journal import Journal
from pbx_bridge.store.ledger import Ledger
from pbx_bridge.store.messages import Messages
from pbx_bridge.store.moments import MomentBook
from pbx_bridge.store.outbox import Outbox
from pbx_bridge.store.packer import Packer
from pbx_bridge.store.phone_book import PhoneBook
from pbx_bridge.store.promises import PromiseBook
from pbx_bridge.store.rebuild import Rebuilder
from pbx_bridge.store.recorder import Recorder
from pbx_bridge.store.recordings import Recordings
from pbx_bridge.store.relink import Relinker
from pbx_bridge.store.reports import Reports
from pbx_bridge.store.requests import Requests
from pbx_bridge.store.requests_calls import CalledBack
from pbx_bridge.store.requests_desk import RequestDesk
from pbx_bridge.store.runs import Runs
from pbx_bridge.store.sessions import Sessions
from pbx_bridge.store.size import Size
from pbx_bridge.store.tickets import TicketBook
from pbx_bridge.store.tokens import Tokens
from pbx_bridge.store.transaction import Transaction
from pbx_bridge.store.tries import Tries
from pbx_bridge.store.upkeep import upkeep
from pbx_bridge.store.users import Users
from pbx_bridge.store.views import Views
from pbx_bridge.store.waits import Waits
from pbx_bridge.store.watch import Steps
from pbx_bridge.store.wrap_ups import WrapUps
from pbx_bridge.store.writer import Limits, Writer
from pbx_bridge.tasks import beside
from pbx_bridge.values.number_rules import PLAIN, NumberRules

log = structlog.get_logger()

_PAUSE_S = 5.0  # after a fold that the store refused for a reason of our own making


@dataclass(frozen=True, slots=True, kw_only=True)
class Store:
    """The open store, by what is kept in it. `keeping_up`, `bring_up`: what open_store was told not to do."""

    journal: Journal
    runs: Runs
    calls: CallBook
    notes: CallNotes
    context: CallContext
    cards: DeskCards
    wrap_ups: WrapUps
    crm: SqlCrm
    customers: Customers
    finder: Finder
    merges: Merges
    stories: Stories
    phone_book: PhoneBook
    free_texts: FreeTexts
    users: Users
    sessions: Sessions
    tokens: Tokens
    audit: AuditLog
    agents: Agents
    relinker: Relinker
    backfill: Backfill
    views: Views
    recordings: Recordings
    messages: Messages
    moments: MomentBook
    reports: Reports
    steps: Steps
    gaps: GapBook
    ledger: Ledger
    outbox: Outbox
    packer: Packer
    rebuilder: Rebuilder
    erasure: Erasure
    requests: Requests
    desk: RequestDesk
    tickets: TicketBook
    complaints: ComplaintList
    promises: PromiseBook
    dials: Dials
    callbacks: Callbacks
    contracts: Contracts
    tries: Tries
    waits: Waits
    size: Size
    writer: Writer
    take_house: TakeHouse
    keeping_up: Callable[[], AbstractAsyncContextManager[None]]
    bring_up: Callable[[], Awaitable[None]]


@asynccontextmanager
async def open_store(
    place: StorePlace,
    health: Health | None = None,
    *,
    folding: bool = True,
    migrating: bool = True,
    pace: Pace | None = None,
    region: str = "IR",
    numbers: NumberRules = PLAIN,
    zone: tzinfo = UTC,
    long_wait_s: int = 180,
    audit_days: int = 0,
    retry: Retry | None = None,
    limits: Limits | None = None,
    promises: Promises | None = None,
    clock: Clock = utc_now,
) -> AsyncIterator[Store]:
    """The store at `place`, made if it is not there. Closing writes what waits.

    Args:
        place: the SQLite file, whose folder is made; or a PostgreSQL server's database.
        health: told how the link `store` stands.
        folding: keep dirty calls folded, past calls linked to the customer of their number, and old facts packed. A
            command beside a running daemon leaves that to the daemon.
        migrating: bring its tables to this version; else `bring_up` does, and nothing is read or written before.
        pace: how often calls are folded.
        region: whose numbers are those without a country code.
        numbers: what the house does to numbers besides.
        zone: whose days reports count in.
        long_wait_s: seconds of waiting that are a moment that went wrong.
        audit_days: for so many days lines of the audit log are kept; 0: for ever.
        retry: when callbacks are tried again.
        limits: how writes are grouped.
        promises: what is promised of tickets that are opened; None: nothing.
        clock: when a revision was made.

    Raises:
        StoreNewer: a newer version made it.
        StoreError: it cannot be opened.
    """
    async with AsyncExitStack() as stack:
        database = await stack.enter_async_context(connect(place))
        bring_up = partial(_migrate, database, place)
        if migrating:
            await bring_up()
        reader = await stack.enter_async_context(connect(place, reading=True))
        agenda, announcer = Agenda(pace), Announcer()
        facets = Facets()
        parts = (facets, Tallies(zone), Moments(MomentLimits(long_wait_s=long_wait_s)), Contacts(zone, region))
        called_back = CalledBack(retry or Retry(), region)
        derived = Derived(parts=(*parts, called_back))
        recorder = Recorder(agenda, derived, region=region, numbers=numbers, clock=clock)

        def committed(transaction: Transaction) -> None:
            recorder.committed(transaction)
            facets.committed()
            announcer.announce(transaction.news)

        writer = Writer(
            database,
            settle=recorder.settle,
            committed=committed,
            trouble=lambda: recorder.trouble,
            health=health,
            limits=limits,
        )
        writer.start()
        stack.push_async_callback(writer.close)
        calls = CallBook(reader, announcer, region)
        audit = AuditLog(writer, reader, clock, keep=timedelta(days=audit_days))
        requests, tickets = Requests(writer, clock, promises), TicketBook(writer, reader, promises, clock)
        packer, outbox = Packer(writer, reader, clock=clock), Outbox(writer, reader, clock=clock)
        relinker = Relinker(writer, reader, derived, region=region, clock=clock)
        backfill = Backfill(writer, reader, parts, zone=str(zone))
        finder = Finder(writer, reader, region)

        @asynccontextmanager
        async def keeping_up() -> AsyncIterator[None]:
            async with (
                beside(_fold_when_due(writer, recorder, agenda), name="store-folding"),
                relinker.running(),
                finder.running(),
                upkeep(packer, outbox, backfill, (audit.trim,)),
            ):
                yield

        if folding:
            await stack.enter_async_context(keeping_up())

        def take_house(house: House) -> None:
            recorder.numbers, called_back.retry = house.numbers, house.retry
            requests.promises = tickets.promises = house.promises
            audit.keep = timedelta(days=house.audit_days)

        yield Store(
            journal=Journal(writer, reader, clock),
            runs=Runs(reader),
            calls=calls,
            notes=CallNotes(writer, reader, clock),
            context=CallContext(reader, calls, region),
            cards=DeskCards(reader, region),
            wrap_ups=WrapUps(writer, reader, clock),
            crm=SqlCrm(reader),
            customers=Customers(writer, reader),
            finder=finder,
            merges=Merges(writer, reader, clock),
            stories=Stories(reader),
            phone_book=PhoneBook(writer, reader, clock),
            free_texts=FreeTexts(reader),
            users=Users(writer, reader),
            sessions=Sessions(writer, reader),
            tokens=Tokens(writer, reader, clock),
            audit=audit,
            agents=Agents(writer, reader),
            relinker=relinker,
            backfill=backfill,
            views=Views(writer, reader),
            recordings=Recordings(writer, reader),
            messages=Messages(writer, reader),
            moments=MomentBook(writer, reader, clock),
            reports=Reports(reader, zone, clock),
            steps=Steps(reader),
            gaps=GapBook(writer, reader),
            ledger=Ledger(reader),
            outbox=outbox,
            packer=packer,
            rebuilder=Rebuilder(place, writer, reader, recorder, region=region, numbers=numbers),
            erasure=Erasure(writer, reader, recorder, region=region, scrub=isinstance(place, Path), clock=clock),
            requests=requests,
            desk=RequestDesk(writer, reader, clock, zone),
            tickets=tickets,
            complaints=ComplaintList(reader, clock),
            promises=PromiseBook(reader, clock),
            dials=Dials(writer, reader, clock),
            callbacks=Callbacks(writer, reader, clock, region),
            contracts=Contracts(writer, reader, clock, region),
            tries=Tries(writer, reader),
            waits=Waits(reader, region),
            size=Size(place, reader, backfill.reached),
            writer=writer,
            take_house=take_house,
            keeping_up=keeping_up,
            bring_up=bring_up,
        )


async def _migrate(database: Database, place: StorePlace) -> None:
    try:
        applied = await database.migrate()
    except BridgeError:
        raise
    except Exception as error:
        raise StoreError(f"{place}: the store cannot be opened: {error}") from error
    if applied:
        log.info("store_migrated", place=str(place), applied=applied)


async def _fold_when_due(writer: Writer, recorder: Recorder, agenda: Agenda) -> None:
    while True:
        await agenda.wait()
        try:
            if agenda.stale:
                await writer.submit(recorder.recall)
            else:
                await writer.submit(lambda transaction: recorder.fold(transaction, agenda.due()), hurried=False)
        except StoreError:  # the dirty marks are still there
            log.exception("dirty_calls_not_folded")
            await asyncio.sleep(_PAUSE_S)
