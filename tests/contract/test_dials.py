"""Calls that were asked for, on both engines: each is sent once or never."""

from __future__ import annotations

import asyncio

from store_facts import NODE, quick_store

from pbx_bridge.store.address import StorePlace
from pbx_bridge.store.dials import AskedDial, DialState, NewDial


def wish(key: str = "k", number: str = "09121234567", extension: str = "101", **more: str) -> NewDial:
    return NewDial(**{"node": NODE, "extension": extension, "number": number, "user": "neda", "key": key, **more})


async def test_the_same_key_is_the_same_call(place: StorePlace) -> None:
    async with quick_store(place) as store:
        first = await store.dials.ask(wish(about="customer:C1"))
        again = await store.dials.ask(wish(number="02188776655"))
        assert (first.fresh, again.fresh) == (True, False)
        assert again.dial == first.dial
        assert first.dial.channel == f"{NODE}-c2c-{first.dial.id}"
        assert await store.dials.end(first.dial.id, "busy")
        assert (await store.dials.ask(wish())).dial.reason == "busy", "nor is it made again when it is over"
        assert (await store.dials.ask(wish("other"))).fresh
        assert (await store.dials.asked("omid", "k")) is None, "a key is its user's"


async def test_a_phone_has_one_open_call(place: StorePlace) -> None:
    async with quick_store(place) as store:
        came = await asyncio.gather(*(store.dials.ask(wish(f"k{n}", f"0912123450{n}")) for n in range(8)))
        assert sum(one.fresh for one in came) == 1
        assert len({one.dial.id for one in came}) == 1
        assert (await store.dials.ask(wish("b", extension="102"))).fresh, "another phone's is another"
        assert len(await store.dials.open(NODE)) == 2
        assert len(await store.dials.open(NODE, "101")) == 1
        assert await store.dials.open("elsewhere") == []


async def test_one_of_many_sends_it(place: StorePlace) -> None:
    async with quick_store(place) as store:
        asked: AskedDial = await store.dials.ask(wish())
        told = await asyncio.gather(*(store.dials.sent(asked.dial.id) for _ in range(8)))
        assert sorted(told) == [False] * 7 + [True]
        dial = await store.dials.get(asked.dial.id)
        assert dial is not None
        assert dial.state is DialState.SENT
        assert dial.sent_at is not None


async def test_it_ends_once_and_is_never_sent_afterwards(place: StorePlace) -> None:
    async with quick_store(place) as store:
        dial = (await store.dials.ask(wish(about="callback:7"))).dial
        assert await store.dials.end(dial.id, "never_sent")
        assert not await store.dials.end(dial.id, "answered", "c1")
        assert not await store.dials.sent(dial.id)
        (kept,) = await store.dials.about("callback:7")
        assert (kept.state, kept.reason, kept.call_id) == (DialState.OVER, "never_sent", "")
        assert await store.dials.about("") == []


async def test_it_stands_after_a_restart(place: StorePlace) -> None:
    async with quick_store(place) as store:
        dial = (await store.dials.ask(wish(about="contract:C1:9/2"))).dial
        await store.dials.sent(dial.id)
    async with quick_store(place) as store:
        (found,) = await store.dials.open(NODE)
        assert (found.id, found.state, found.about) == (dial.id, DialState.SENT, "contract:C1:9/2")
