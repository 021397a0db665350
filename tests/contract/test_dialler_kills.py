"""The daemon dies at every point between a click and the end of the call: nothing is ever sent twice.

The store is real, on both engines; only Asterisk is a toy, which can be made to fail at a wanted point.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from store_facts import NODE, quick_store
from toy_dialler import Died, Toy, daemon

from pbx_bridge.ami.events import BridgeEntered, ChannelGone, ChannelSeen, Presence
from pbx_bridge.ari_handlers import dialler as module
from pbx_bridge.ari_handlers.dial_rules import Refusal
from pbx_bridge.ari_handlers.dialler import Wish
from pbx_bridge.ari_handlers.progress import Phase
from pbx_bridge.errors import AriUnavailable, AsteriskError
from pbx_bridge.health import utc_now
from pbx_bridge.store.address import StorePlace
from pbx_bridge.store.dials import DialState

POINTS = ("ask:before", "ask:after", "sent:before", "sent:after", "place:before", "place:after", "get:before")
WISH = Wish(user="neda", extension="101", number="0912 123 4567", key="k1", about="customer:C1")


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """No ten seconds for a record that never comes."""
    monkeypatch.setattr(module, "_LOOK_S", 0.02)
    monkeypatch.setattr(module, "_GONE", module._GONE / 100)
    monkeypatch.setattr(module, "_COMES", module._COMES / 100)


@pytest.mark.parametrize("point", POINTS)
async def test_killed_anywhere_nothing_is_sent_twice(place: StorePlace, point: str) -> None:
    toy = Toy(dies=point)
    async with quick_store(place) as store:
        async with daemon(store, toy) as first:
            with pytest.raises(Died):
                await first.dialler.ask(WISH)
        assert toy.dies == "", "it came that far"
        before = list(toy.sent)
        async with daemon(store, toy) as second:
            (open_ones, known) = await store.dials.open(NODE), await store.dials.asked("neda", "k1")
            if known is not None and known.state is DialState.ASKED:
                known = await second.phase(known.id, Phase.OVER)
                assert known.reason == "never_sent"
            again = await second.dialler.ask(WISH)
            if point == "ask:before":
                assert not open_ones
                assert len(toy.sent) == 1, "nothing was written down: the same form asks for the first time"
            else:
                assert not isinstance(again, Refusal)
                assert not again.fresh
                assert toy.sent == before, "whoever clicks again gets to see what became of it"
            assert len(toy.sent) <= 1


async def test_what_was_sent_is_followed_by_the_next_daemon(place: StorePlace) -> None:
    toy = Toy(dies="place:after")
    async with quick_store(place) as store:
        async with daemon(store, toy) as first:
            with pytest.raises(Died):
                await first.dialler.ask(WISH)
        async with daemon(store, toy) as second:
            (dial,) = await store.dials.open(NODE)
            await second.phase(dial.id, Phase.RINGS)
            other = ChannelSeen(
                channel="2", linkedid=dial.channel, name="PJSIP/trunk-2", number="", number_name="", exten="", at=None
            )
            second.live.channels.apply(other)
            second.dialler.touch()
            await second.phase(dial.id, Phase.DIALS)
            for channel in (dial.channel, "2"):
                second.live.channels.apply(
                    BridgeEntered(channel=channel, linkedid=dial.channel, bridge="b", at=utc_now())
                )
            second.dialler.touch()
            await second.phase(dial.id, Phase.TALKS)
            toy.living.clear()
            for channel in (dial.channel, "2"):
                second.live.channels.apply(ChannelGone(channel=channel))
            second.dialler.touch()
            assert (await second.phase(dial.id, Phase.OVER)).reason == "unknown", "no record ever came"
    assert len(toy.sent) == 1


async def test_sent_and_never_made(place: StorePlace) -> None:
    toy = Toy(dies="place:before")
    async with quick_store(place) as store:
        async with daemon(store, toy) as first:
            with pytest.raises(Died):
                await first.dialler.ask(WISH)
        async with daemon(store, toy) as second:
            (dial,) = await store.dials.open(NODE)
            assert (await second.phase(dial.id, Phase.OVER)).reason == "not_made"
    assert toy.sent == []


@pytest.mark.parametrize(
    ("error", "reason"),
    [(AsteriskError("POST channels: 500 Allocation failed"), "phone_away"), (AsteriskError("500 no"), "pbx")],
)
async def test_what_asterisk_refuses_is_over_at_once(place: StorePlace, error: AsteriskError, reason: str) -> None:
    toy = Toy(fail=error)
    async with quick_store(place) as store, daemon(store, toy) as one:
        came = await one.dialler.ask(WISH)
        assert not isinstance(came, Refusal)
        assert (came.dial.state, came.dial.reason) == (DialState.OVER, reason)


async def test_an_answer_that_is_lost_is_not_asked_for_again(place: StorePlace) -> None:
    toy = Toy(fail=AriUnavailable("cut"))
    async with quick_store(place) as store, daemon(store, toy) as one:
        came = await one.dialler.ask(WISH)
        assert not isinstance(came, Refusal)
        one.seen()
        await one.phase(came.dial.id, Phase.RINGS)
        again = await one.dialler.ask(Wish(user="neda", extension="101", number="09121234567", key="another tab"))
        assert not isinstance(again, Refusal)
        assert again.dial.id == came.dial.id, "the same number again is that call"
        assert await one.dialler.ask(Wish(user="neda", extension="101", number="102", key="k3")) is Refusal.OPEN
    assert len(toy.sent) == 1


@pytest.mark.parametrize(
    ("changes", "refusal"),
    [
        ({"number": "0901 234 5678"}, Refusal.PATTERN),
        ({"number": "0912\r\nX: 1"}, Refusal.NUMBER),
        ({"number": "0912&102"}, Refusal.NUMBER),
        ({"number": "101"}, Refusal.OWN),
        ({"extension": ""}, Refusal.NO_PHONE),
        ({"extension": "999"}, Refusal.NO_PHONE),
        ({"extension": "101@trunk"}, Refusal.NO_PHONE),
    ],
)
async def test_what_is_refused_leaves_nothing(place: StorePlace, changes: dict[str, str], refusal: Refusal) -> None:
    toy = Toy()
    told = {"user": "neda", "extension": "101", "number": "09121234567", "key": "k"} | changes
    async with quick_store(place) as store, daemon(store, toy) as one:
        assert await one.dialler.ask(Wish(**told)) is refusal
        assert await store.dials.asked("neda", "k") is None
    assert toy.sent == []


async def test_a_busy_phone_and_one_that_is_away(tmp_path: Path) -> None:
    toy = Toy(living={"x": "PJSIP/101-00000001"})
    async with quick_store(tmp_path / "s.db") as store:
        async with daemon(store, toy) as one:
            assert await one.dialler.ask(WISH) is Refusal.BUSY
        toy.living.clear()
        async with daemon(store, toy, phone=Presence.UNAVAILABLE) as one:
            assert await one.dialler.ask(WISH) is Refusal.AWAY
    assert toy.sent == []
