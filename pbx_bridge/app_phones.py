"""The composition of telephony from the pages: who places calls, who hands them on, by which rules."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass
from datetime import timedelta
from functools import partial

from pbx_bridge.ami.actions import Actions
from pbx_bridge.ami.link import AmiLink
from pbx_bridge.ari_handlers.dial_rules import DialRules
from pbx_bridge.ari_handlers.dialler import Dialler, Live, Take
from pbx_bridge.ari_handlers.originate import Originator
from pbx_bridge.ari_handlers.requests import Ari
from pbx_bridge.ari_handlers.telephone import House, Telephone
from pbx_bridge.calls.call import Call
from pbx_bridge.config import Settings
from pbx_bridge.pbx.version import keys_received
from pbx_bridge.store import Store
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
