"""One agent's desk: what rings, what is in hand, what is still to be told; painted once for all their tabs.

heard ─► take ─► paint: what the phone tells, what is known of it
                 └─► keep up: what was begun or left is written down, what may have changed is read ─► paint
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import date

import structlog

from pbx_bridge.errors import StoreError
from pbx_bridge.health import Clock
from pbx_bridge.store.callbacks import Handed
from pbx_bridge.store.desk_cards import Asked
from pbx_bridge.store.wrap_ups import NewWrapUp, Stand, WrapUp
from pbx_bridge.web.board.troubles import Trouble
from pbx_bridge.web.desk.blocks import Block, CardAbout, of_card
from pbx_bridge.web.desk.facts import PATIENCE_S, Facts, Known, told_by
from pbx_bridge.web.desk.last import LastBook, LastCalls
from pbx_bridge.web.desk.model import Hand, Stage
from pbx_bridge.web.desk.pieces import Item, Kept, Painter, Sight
from pbx_bridge.web.desk.ports import DeskParts
from pbx_bridge.web.desk.screen import Screen
from pbx_bridge.web.viewer import Viewer

_log = structlog.get_logger(__name__)

LOOK_S = 30.0  # what changes elsewhere: a colleague called back, a note was written at the call's page
SOON_S = 0.06  # the writer's own pause: steps that a card lacks are on their way to disk
AGAIN_S = 1.0  # what could not be read is tried again
PACE_S = {Stage.RING: 1.0, Stage.TALK: 5.0, Stage.HOLD: 5.0}  # a colleague's note may come after their transfer
_LACKING = 50  # times that steps are waited for


@dataclass(frozen=True, slots=True, kw_only=True)
class Means:
    """What every desk works with. `today`: in the company's zone."""

    parts: DeskParts
    facts: Facts
    last: LastBook
    blocks: Sequence[Block]
    painter: Painter
    clock: Clock

    def today(self, who: Viewer) -> date:
        """The day at this moment."""
        return who.show.local(self.clock()).date()


class Desk:
    """Of one account in one look. Run `run()` while somebody looks.

    Attributes:
        viewers: open tabs. left_at: since when there is none, by the loop's clock.
        ready: it was painted once.
    """

    def __init__(self, who: Viewer, means: Means) -> None:
        account = who.account
        self.user, self.extension = (account.name, account.extension) if account else ("", "")
        self.who, self._means = who, means
        self.screen = Screen()
        self.viewers, self.left_at = 0, 0.0
        self.ready = asyncio.Event()
        self._stale = asyncio.Event()
        self._stale.set()
        self._hands: tuple[Hand, ...] = ()
        self._live = False
        self._troubles: tuple[Trouble, ...] = ()
        self._names: Mapping[str, str] = {}
        self._wraps: dict[str, WrapUp] = {}
        self._aliases: dict[str, str] = {}
        self._last = LastCalls()
        self._handed: tuple[Handed, ...] = ()
        self._painted: Kept = {}
        self._read_wraps = self._read_last = self._read_handed = True
        self._read_at = 0.0
        self._again_s = LOOK_S
        self._lacking = 0

    @property
    def hands(self) -> Sequence[Hand]:
        """What is at the phone, under the ids that are shown."""
        return self._hands

    def take(
        self, hands: tuple[Hand, ...], names: Mapping[str, str], troubles: tuple[Trouble, ...], *, live: bool
    ) -> None:
        """What is heard now. `live` false: nothing is; what stood before may still be so."""
        if live:
            shown = tuple(self._under_its_id(hand) for hand in hands)
            self._lacking = 0 if shown != self._hands else self._lacking
        else:
            shown = self._hands
        told = (shown, names, troubles, live)
        if told != (self._hands, self._names, self._troubles, self._live):
            self._hands, self._names, self._troubles, self._live = told
            self._stale.set()

    def changed(self, *, wraps: bool = False, last: bool = False, handed: bool = False) -> None:
        """What is not heard changed: what is to be told of calls, the calls on record, what others gave the agent."""
        self._read_wraps, self._read_last = self._read_wraps or wraps, self._read_last or last
        self._read_handed = self._read_handed or handed
        self._stale.set()

    def hand(self, call_id: str) -> Hand | None:
        """A call at the phone, by the id that is shown."""
        return next((one for one in self._hands if one.call_id == call_id), None)

    def wrap(self, call_id: str) -> WrapUp | None:
        """What was told so far of a call in hand, or of one that is still to be told of."""
        return self._wraps.get(call_id)

    async def run(self) -> None:
        """Keep the screen right until cancelled."""
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(self._again_s):
                    await self._stale.wait()
            self._stale.clear()
            self._again_s = LOOK_S
            try:
                await self.refresh()
            except Exception:  # one call that cannot be shown must not end the desk for good
                _log.exception("desk_not_painted", user=self.user)
                self._again_s = AGAIN_S

    async def refresh(self) -> None:
        """Paint; write down what was begun or left; paint again if that changed anything."""
        await self.paint()
        if await self._keep_up():
            await self.paint()
        self.ready.set()

    async def paint(self) -> None:
        """The screen as it is to be now."""
        at_phone = {hand.call_id for hand in self._hands}
        self._again_s = min([self._again_s, *(PACE_S.get(hand.stage, LOOK_S) for hand in self._hands)])
        left = [one for one in self._wraps.values() if one.call_id not in at_phone and (one.ended_at or self._live)]
        # At once: a call whose customer cannot be read must not keep the others waiting.
        items = await asyncio.gather(*map(self._of_hand, self._hands), *map(self._of_wrap, left))
        sight = Sight(
            items=tuple(items), last=self._last, handed=self._handed, troubles=self._troubles, names=self._names
        )
        now = Viewer(
            show=self.who.show, now=self._means.clock(), account=self.who.account, unmasked=self.who.unmasked
        )
        self._painted = self._means.painter.pieces(sight, now, self._painted)
        self.screen.show({name: html for name, (_, html) in self._painted.items()})

    async def in_hand(self, call_id: str) -> WrapUp | None:
        """What was told so far of a call of this agent's, begun now if that is due. Raises StoreError.

        None: it is not at their phone, and there is nothing to be told of it.
        """
        there, hand = self._wraps.get(call_id), self.hand(call_id)
        if there is None and hand is not None and hand.is_in_hand:
            there = await self._means.parts.wrap_ups.begin(self._new(hand))
        return there

    async def _of_hand(self, hand: Hand) -> Item:
        wrap = self._wraps.get(hand.call_id)
        asked = Asked(
            call_id=hand.call_id,
            node=hand.node,
            root=hand.root,
            steps_of=hand.steps_of,
            number=hand.number,
            code=hand.customer_code,
            chosen=wrap.customer_code if wrap else "",
            today=self._means.today(self.who),
        )
        known = await self._known(asked, hand)
        if known.facts is not None:
            self._wait_for_steps(hand, len(known.facts.steps), asked)
        return Item(hand=hand, wrap=wrap, known=known, today=asked.today)

    async def _of_wrap(self, wrap: WrapUp) -> Item:
        asked = Asked(
            call_id=wrap.call_id,
            node=wrap.node,
            root=wrap.channel,
            steps_of=wrap.channel,
            number=wrap.number,
            code="",
            chosen=wrap.customer_code,
            today=self._means.today(self.who),
        )
        known = await self._known(asked, _as_it_was(wrap))
        return Item(hand=None, wrap=wrap, known=known, today=asked.today)

    async def _known(self, asked: Asked, hand: Hand) -> Known:
        known = await self._means.facts.of(asked)
        if known.facts is None:
            self._again_s = min(self._again_s, AGAIN_S if known.failed else SOON_S)
            return known
        codes = tuple(party.customer.code for party in known.facts.parties)
        about = CardAbout(hand=hand, number=known.facts.number, codes=codes, user=self.user)
        try:
            async with asyncio.timeout(PATIENCE_S):
                return replace(known, blocks=await told_by(of_card(self._means.blocks), about))
        except TimeoutError:  # the card does not wait for what others hang on it
            self._again_s = min(self._again_s, AGAIN_S)
            return known

    def _wait_for_steps(self, hand: Hand, read: int, asked: Asked) -> None:
        if hand.steps > read and self._lacking < _LACKING:
            self._lacking += 1
            self._means.facts.forget(asked.call_id)
            self._again_s = SOON_S

    async def _keep_up(self) -> bool:
        """Write and read what is due; whether the screen may be another now. What the store refuses is due again."""
        before = (self._wraps, self._last, self._handed)
        try:
            await self._write_down()
            await self._read()
        except StoreError as error:
            _log.warning("desk_not_kept_up", user=self.user, reason=str(error))
            self._last = replace(self._last, failed=True)
            self._read_wraps = self._read_last = self._read_handed = True
            self._again_s = min(self._again_s, AGAIN_S)
        return before != (self._wraps, self._last, self._handed)

    async def _write_down(self) -> None:
        """Calls that are in hand now, and those that left it."""
        wraps, book = dict(self._wraps), self._means.parts.wrap_ups
        in_hand = [hand for hand in self._hands if hand.is_in_hand]
        for hand in in_hand:
            there = wraps.get(hand.call_id)
            if there is None or there.ended_at is not None:
                begun = await book.begin(self._new(hand))
                self._aliases[hand.call_id] = begun.call_id
                wraps[begun.call_id] = begun
        held = {self._aliases.get(hand.call_id, hand.call_id) for hand in in_hand}
        for call_id, wrap in list(wraps.items()) if self._live else ():
            if wrap.ended_at is None and call_id not in held:
                left = await book.left(call_id, self.user)
                self._read_wraps = self._read_last = True
                if left is not None:
                    wraps[call_id] = left
        self._wraps = wraps

    async def _read(self) -> None:
        now = asyncio.get_running_loop().time()
        late = now - self._read_at >= LOOK_S
        if self._read_last or late:
            self._read_last, self._read_at = False, now
            last = await self._means.last.of(self.extension)
            if last != self._last:  # one of them may be a call that no desk was there for
                await self._means.parts.wrap_ups.catch_up(self.user, self.extension)
                self._read_wraps = True
            self._last = last
        if self._read_handed or late:
            self._read_handed = False
            self._handed = tuple(await self._means.parts.handed.handed(self.user))
        if self._read_wraps or late:
            self._read_wraps = False
            self._wraps = {one.call_id: one for one in await self._means.parts.wrap_ups.to_do(self.user)} | {
                one.call_id: one for one in self._wraps.values() if one.stand is Stand.DONE and self.hand(one.call_id)
            }

    def _new(self, hand: Hand) -> NewWrapUp:
        return NewWrapUp(
            call_id=hand.call_id,
            user=self.user,
            extension=self.extension,
            node=hand.node,
            channel=hand.root,
            number=hand.number,
            name=hand.name,
            began_at=self._means.clock(),
        )

    def _under_its_id(self, hand: Hand) -> Hand:
        shown = self._aliases.get(hand.call_id, hand.call_id)
        return hand if shown == hand.call_id else replace(hand, call_id=shown)


def _as_it_was(wrap: WrapUp) -> Hand:
    """A call that left the agent's hands, for those who hang something on its card."""
    return Hand(
        call_id=wrap.call_id,
        node=wrap.node,
        root=wrap.channel,
        channel="",
        stage=Stage.ENDED,
        since=wrap.ended_at,
        began_at=wrap.began_at,
        number=wrap.number,
        name=wrap.name,
        steps_of=wrap.channel,
        customer_code=wrap.customer_code,
    )
