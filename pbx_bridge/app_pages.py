"""The composition of the pages: what each set of them reads, and in what words the settings tell it."""

from __future__ import annotations

import base64
import ipaddress
import platform
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from importlib.metadata import version
from zoneinfo import ZoneInfo

from aiohttp import web

from pbx_bridge.app_phones import call_of_channel
from pbx_bridge.ari_handlers.dialler import Dialler
from pbx_bridge.ari_handlers.repertoire import Repertoire
from pbx_bridge.ari_handlers.telephone import Telephone
from pbx_bridge.calls.escalation import Level
from pbx_bridge.config import OidcSection, Settings
from pbx_bridge.config.sound_files import message_files, recording_files
from pbx_bridge.health import Health, Meter, Mishaps, Tally
from pbx_bridge.ivr.drawn import DrawnFlow
from pbx_bridge.pbx import paths as pbx_paths
from pbx_bridge.pbx.secrets import SecretStore
from pbx_bridge.spool.recordings import Shelf
from pbx_bridge.spool.sounds import CallSounds
from pbx_bridge.store import Role, Store
from pbx_bridge.store.callbacks_rules import Weights
from pbx_bridge.web.admin.retention_page import Retention
from pbx_bridge.web.admin.site import AccountParts
from pbx_bridge.web.board.feed import LiveFeed
from pbx_bridge.web.board.places import FlowPlaces
from pbx_bridge.web.board.ports import BoardParts
from pbx_bridge.web.call.ports import CallParts
from pbx_bridge.web.callbacks.ports import CallbackParts
from pbx_bridge.web.contracts.ports import ContractParts
from pbx_bridge.web.customers.ports import CustomerParts
from pbx_bridge.web.desk.ports import DeskParts
from pbx_bridge.web.dial.ports import DialParts
from pbx_bridge.web.metrics.page import MetricsParts
from pbx_bridge.web.oidc import Oidc, OidcSettings
from pbx_bridge.web.reports.pages import ReportParts
from pbx_bridge.web.sessions import Ends
from pbx_bridge.web.site import SiteParts, make_site
from pbx_bridge.web.tickets.ports import ComplaintRules, TicketParts
from pbx_bridge.web.vitals import Measured, flow_uses


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What the pages see of the daemon as it runs. `asterisk`: its version, as it last told."""

    flows: Repertoire
    health: Health
    feed: LiveFeed
    mishaps: Mishaps
    asterisk: Callable[[], str]
    dialler: Dialler
    phones: Telephone


def site_of(settings: Settings, store: Store, seen: Seen, meters: tuple[Meter | Tally, ...] = ()) -> web.Application:
    """The pages, ready to be served. Raises SettingsError."""
    flows, zone = seen.flows, ZoneInfo(settings.zone)
    return make_site(
        SiteParts(
            health=seen.health,
            calls=store.calls,
            users=store.users,
            audit=store.audit,
            views=store.views,
            accounts=_accounts(settings, store),
            unmasked=frozenset(Role(name) for name in settings.web.numbers_for),
            agents=store.agents,
            shortfalls=store.gaps,
            desk=store.desk,
            session_key=base64.urlsafe_b64decode(SecretStore(settings.secrets).session_key),
            zone=zone,
            region=settings.region,
            metrics=MetricsParts(
                meters=(*meters, seen.mishaps.counts),
                readers=tuple(ipaddress.ip_network(told) for told in settings.web.metrics_for),
            ),
            proxies=tuple(ipaddress.ip_network(told) for told in settings.web.proxies),
            call=_call_parts(settings, store),
            board=_board(settings, seen, store),
            agent_desk=DeskParts(
                cards=store.cards,
                wrap_ups=store.wrap_ups,
                handed=store.callbacks,
                reasons=tuple(settings.desk.reasons),
            ),
            vitals=_vitals(settings, seen, store),
            reports=_reports(settings, seen, store),
            customers=_customers(settings, seen, store),
            tickets=_tickets(settings, store),
            dial=_dial(settings, seen, store),
            contracts=_contracts(settings, store),
            callbacks=_callbacks(settings, seen, store),
            drawing=DrawnFlow(
                lambda: {line: (one.flow, one.texts) for line, one in flows.lines.items()}, store.calls, zone
            ),
        )
    )


def _dial(settings: Settings, seen: Seen, store: Store) -> DialParts:
    return DialParts(
        dialler=seen.dialler,
        phones=seen.phones,
        feed=seen.feed,
        found=call_of_channel(store, settings.pbx.systemname),
        add_note=store.notes.add,
        reasons=tuple(settings.desk.pause_reasons),
        call_tokens=frozenset(settings.desk.call_tokens),
        wrap_up_s=settings.pbx.wrap_up_s if settings.ari.url is None else 0,
    )


def _queues_of(seen: Seen, extension: str) -> list[str]:
    """The queues in which an extension answers now."""
    phone = f"PJSIP/{extension}"
    return [one.queue for one in seen.feed.agents.agents() if phone in (one.phone, one.interface)]


def _contracts(settings: Settings, store: Store) -> ContractParts:
    told = settings.contracts
    return ContractParts(
        book=store.contracts,
        dials=store.dials,
        months=told.ending_months,
        reasons=tuple(told.lost_reasons),
    )


def _callbacks(settings: Settings, seen: Seen, store: Store) -> CallbackParts:
    told = settings.callbacks

    def queues_of(extension: str) -> list[str] | None:
        return _queues_of(seen, extension) if seen.feed.agents.fresh else None

    return CallbackParts(
        book=store.callbacks,
        customers=store.crm,
        queues_of=queues_of,
        weights=Weights(tiers=told.tier_points, **told.points),
        lock=timedelta(minutes=told.lock_minutes),
    )


def _customers(settings: Settings, seen: Seen, store: Store) -> CustomerParts:
    return CustomerParts(
        book=store.customers,
        finder=store.finder,
        merges=store.merges,
        stories=store.stories,
        phone_book=store.phone_book,
        contracts=store.crm,
        agents_see_all=settings.customers.agents_see == "all",
        queues_of=partial(_queues_of, seen),
    )


def _reports(settings: Settings, seen: Seen, store: Store) -> ReportParts:
    """What the reports read."""
    places = _places(seen)

    def in_words(flow: str, node: str, language: str) -> str:
        """Counts are kept by the name of a flow, whatever its version: the newest tells what its places are."""
        return places(seen.flows.named(flow).flow.version, node, language)

    return ReportParts(source=store.reports, moments=store.moments, targets=settings.targets(), words=in_words)


def _tickets(settings: Settings, store: Store) -> TicketParts:
    files, told = recording_files(settings), settings.promises.complaints
    levels = [
        Level(to=one.to, after=None if one.after_hours is None else timedelta(hours=one.after_hours))
        for one in told.levels
    ]
    return TicketParts(
        tickets=store.tickets,
        complaints=store.desk,
        complaint_pages=store.complaints,
        kept=store.promises,
        sounds=CallSounds(Shelf(store.recordings, files), files, store.messages, message_files(settings)),
        opening=store.requests,
        customers=store.crm,
        links=store.notes,
        rules=ComplaintRules(
            acknowledge_within=timedelta(hours=told.acknowledge_hours),
            answer_days=told.answer_days,
            reasons=tuple(told.reasons),
            levels=levels,
        ),
    )


def _call_parts(settings: Settings, store: Store) -> CallParts:
    files = recording_files(settings)
    return CallParts(
        sounds=CallSounds(Shelf(store.recordings, files), files, store.messages, message_files(settings)),
        notes=store.notes,
        context=store.context,
        requests=store.requests,
        customers=store.crm,
    )


def _accounts(settings: Settings, store: Store) -> AccountParts:
    pages = settings.web
    kept = Retention(
        recordings=settings.recordings.keep_days,
        messages=settings.messages.keep_days,
        audit=pages.audit_days,
        spool=settings.spool.keep_days,
    )
    return AccountParts(
        sessions=store.sessions,
        tokens=store.tokens,
        ends=Ends(idle=timedelta(hours=pages.idle_hours), absolute=timedelta(hours=pages.session_hours)),
        retention=kept,
        oidc=_oidc(settings, pages.oidc) if pages.oidc else None,
        passwords=pages.passwords,
    )


def _oidc(settings: Settings, told: OidcSection) -> Oidc:
    return Oidc(
        OidcSettings(
            issuer=told.issuer,
            client_id=told.client_id,
            client_secret=settings.oidc_secret(told),
            redirect_uri=told.redirect_uri,
            role_claim=told.role_claim,
            roles={value: Role(name) for value, name in told.roles.items()},
            default_role=Role(told.default_role) if told.default_role else None,
            name_claim=told.name_claim,
        )
    )


def _board(settings: Settings, seen: Seen, store: Store) -> BoardParts:
    ours = settings.ari.url is None  # of a PBX that is not ours we do not know how long its agents wrap up
    return BoardParts(
        feed=seen.feed,
        tallies=store.reports,
        words=_places(seen),
        wrap_up_s=settings.pbx.wrap_up_s if ours else 0,
        targets=settings.targets(),
    )


def _places(seen: Seen) -> FlowPlaces:
    return FlowPlaces(lambda version: (seen.flows.of(version).flow, seen.flows.of(version).texts))


def _vitals(settings: Settings, seen: Seen, store: Store) -> Measured:
    paths = pbx_paths.find_paths(settings.home, settings.asterisk_root)
    cel, queue_log = settings.spool.cel or paths.cel, settings.spool.queue_log or paths.queue_log
    node = settings.pbx.systemname
    return Measured(
        spools={"cel": cel, "queue": queue_log} if node not in settings.receive.nodes else {},
        reaches=lambda: store.ledger.reaches(node),
        store=store.size.measure,
        paths=(settings.home, cel.parent, settings.recordings_path, settings.messages_path),
        told_flows=lambda: flow_uses(
            [(loaded.flow.name, loaded.flow.version) for loaded in seen.flows.lines.values()],
            [(one.run.flow, one.run.version) for one in seen.feed.standings.values()],
        ),
        told_mishaps=seen.mishaps.latest,
        told_versions=lambda: {
            "node": node,
            "pbx_bridge": version("pbx-bridge"),
            "asterisk": seen.asterisk(),
            "python": platform.python_version(),
        },
    )
