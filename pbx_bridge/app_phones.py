"""The composition of telephony from the pages: who places calls, who hands them on, by which rules."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from zoneinfo import ZoneInfo

from pbx_bridge.ami.actions import Actions
from pbx_bridge.ami.link import AmiLink
from pbx_bridge.ari_handlers import wire
from pbx_bridge.ari_handlers.connection import AriLink
from pbx_bridge.ari_handlers.dial_rules import DialRules
from pbx_bridge.ari_handlers.dialler import Dialler, Live, Take
from pbx_bridge.ari_handlers.originate import Asked, Originator
from pbx_bridge.ari_handlers.requests import Ari
from pbx_bridge.ari_handlers.telephone import House, Telephone
from pbx_bridge.calls.call import Call
from pbx_bridge.config import Settings
from pbx_bridge.health import Health
from pbx_bridge.pbx.secrets import SecretStore
from pbx_bridge.pbx.version import keys_received, rest_over_websocket
from pbx_bridge.store import Store
from pbx_bridge.store.commands import Place
from pbx_bridge.values.number_rules import NumberRules


def dial_rules(settings: Settings) -> DialRules:
    """What agents may call from the pages, and when. Raises SettingsError."""
    told = settings.desk
    return DialRules.parse(
        told.dial_allow,
        told.dial_deny,
        hours=settings.dial_hours(),
        internal=frozenset(settings.pbx.extensions) if settings.ari.url is None else frozenset(),
        region=settings.region,
    )


def call_of_channel(store: Store, node: str) -> Callable[[str], Awaitable[Call | None]]:
    """What finds the call on record to which a channel belongs."""

    async def found(channel: str) -> Call | None:
        (entry,) = await store.ledger.entries(node, [[channel]])
        return entry.calls[0] if entry.calls else None

    return found


def known_phones(store: Store, ami: AmiLink) -> Callable[[], Awaitable[Collection[str]]]:
    """What tells which extensions are of ours: agents' that are known by name, by an account, or in a queue."""

    async def known() -> Collection[str]:
        members = (one.phone.removeprefix("PJSIP/") for one in ami.agents.agents())
        accounts = (account.extension for account in await store.users.list())
        return {number for number in (*await store.agents.names(), *accounts, *members) if number.isdigit()}

    return known


@dataclass(frozen=True, slots=True, kw_only=True)
class PhoneRules:
    """What settings say of telephony from the pages, and may say anew. `take`: see Dialler."""

    dial: DialRules
    numbers: NumberRules
    take: Take


@dataclass(frozen=True, slots=True, kw_only=True)
class Phones:
    """Who places calls, and who hands them on. `ready`: makes the rules of settings; raises SettingsError."""

    dialler: Dialler
    telephone: Telephone
    originator: Originator
    ready: Callable[[Settings], PhoneRules]

    def take(self, rules: PhoneRules) -> None:
        """Go by these from now on."""
        self.dialler.rules = self.telephone.rules = rules.dial
        self.originator.numbers = self.telephone.numbers = rules.numbers
        self.dialler.take = rules.take


def _phone_rules(store: Store, settings: Settings) -> PhoneRules:
    lasts = timedelta(minutes=settings.callbacks.lock_minutes)
    return PhoneRules(
        dial=dial_rules(settings),
        numbers=settings.number_rules(),
        take=partial(store.callbacks.take_for, lasts=lasts),
    )


def phones_of(settings: Settings, store: Store, ari: Ari, ami: AmiLink) -> Phones:
    """Who places calls, and who hands them on. Raises SettingsError."""
    node, rules = settings.pbx.systemname, _phone_rules(store, settings)
    live = Live(channels=ami.channels, agents=ami.agents)
    known = known_phones(store, ami)
    originator = Originator(
        ari, node=node, keep=store.journal.add, agents=(), region=settings.region, numbers=rules.numbers
    )
    dialler = Dialler(
        node=node,
        book=store.dials,
        originator=originator,
        ari=ari,
        live=live,
        found=call_of_channel(store, node),
        agents=known,
        rules=rules.dial,
        take=rules.take,
    )
    # Of a PBX that is not ours we know neither queues nor mailboxes: its calls go to colleagues and numbers.
    pbx = settings.pbx
    house = House(queues=pbx.queue_names, mailbox=pbx.mailbox) if settings.ari.url is None else House()
    actions = Actions(ami.send, keys_received)
    telephone = Telephone(
        actions=actions, ari=ari, live=live, house=house, agents=known, rules=rules.dial, numbers=rules.numbers
    )
    ready = partial(_phone_rules, store)
    return Phones(dialler=dialler, telephone=telephone, originator=originator, ready=ready)


async def place_call(settings: Settings, agent: str, number: str, ring_s: int) -> Asked:
    """Ring an agent's phone, then the number, beside a daemon that may run. Raises BridgeError."""
    health = Health()
    link = link_of(settings, health, on_event=lambda _: None, on_open=lambda: None, on_connect=_nothing)
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


def link_of(
    settings: Settings,
    health: Health,
    *,
    on_event: Callable[[wire.Event], None],
    on_open: Callable[[], None],
    on_connect: Callable[[], Awaitable[None]],
) -> AriLink:
    """The link to ARI that the settings tell; see AriLink. Raises SettingsError."""
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
