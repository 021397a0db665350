"""The composition of telephony from the pages: who places calls, who hands them on, by which rules."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection
from datetime import timedelta
from functools import partial
from zoneinfo import ZoneInfo

from pbx_bridge.ami.actions import Actions
from pbx_bridge.ami.link import AmiLink
from pbx_bridge.ari_handlers.dial_rules import DialRules
from pbx_bridge.ari_handlers.dialler import Dialler, Live
from pbx_bridge.ari_handlers.originate import Originator
from pbx_bridge.ari_handlers.requests import Ari
from pbx_bridge.ari_handlers.telephone import House, Telephone
from pbx_bridge.calls.call import Call
from pbx_bridge.config import Settings
from pbx_bridge.ivr.opening.hours import OfficeHours, Week
from pbx_bridge.pbx.plan import AGENTS, MAILBOX, QUEUES
from pbx_bridge.store import Store


def dial_rules(settings: Settings) -> DialRules:
    """What agents may call from the pages, and when."""
    told = settings.desk
    week = Week.parse(told.dial_hours) if told.dial_hours else None
    return DialRules.parse(
        told.dial_allow,
        told.dial_deny,
        hours=None if week is None else OfficeHours(week=week, zone=ZoneInfo(settings.zone)),
        internal=frozenset(AGENTS) if settings.ari.url is None else frozenset(),
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


def phones_of(settings: Settings, store: Store, ari: Ari, ami: AmiLink) -> tuple[Dialler, Telephone]:
    """Who places calls, and who hands them on."""
    node, rules, live = settings.pbx.systemname, dial_rules(settings), Live(channels=ami.channels, agents=ami.agents)
    known = known_phones(store, ami)
    dialler = Dialler(
        node=node,
        book=store.dials,
        originator=Originator(ari, node=node, keep=store.journal.add, agents=(), region=settings.region),
        ari=ari,
        live=live,
        found=call_of_channel(store, node),
        agents=known,
        rules=rules,
        take=partial(store.callbacks.take_for, lasts=timedelta(minutes=settings.callbacks.lock_minutes)),
    )
    # Of a PBX that is not ours we know neither queues nor mailboxes: its calls go to colleagues and numbers.
    house = House(queues=QUEUES, mailbox=MAILBOX) if settings.ari.url is None else House()
    telephone = Telephone(actions=Actions(ami.send), ari=ari, live=live, house=house, agents=known, rules=rules)
    return dialler, telephone
