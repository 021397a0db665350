"""The ports of the desk in memory: for tests, and to show the page without a store."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from pbx_bridge.health import Clock, utc_now
from pbx_bridge.store.call_notes import clean_note
from pbx_bridge.store.desk_cards import Asked, CardFacts
from pbx_bridge.store.wrap_ups import NewWrapUp, Stand, WrapUp, Written, note_id_of
from pbx_bridge.web.desk.ports import DeskParts


class MemoryCards:
    """What is known, by number; `asked`: what was asked so far."""

    def __init__(self) -> None:
        self.known: dict[str, CardFacts] = {}
        self.asked: list[Asked] = []

    async def facts(self, asked: Asked) -> CardFacts:
        """As ports.Cards tells."""
        self.asked.append(asked)
        told = self.known.get(asked.number)
        if told is None:
            return CardFacts(parties=(), calls=(), steps=(), notes=(), number=asked.number)
        parties = [one for one in told.parties if asked.chosen in ("", one.customer.code)]
        return replace(told, parties=parties, number=asked.number)


class MemoryWrapUps:
    """Wrap-ups that are gone with the process. `missed`: of calls that no desk was there for."""

    def __init__(self, clock: Clock = utc_now) -> None:
        self._clock = clock
        self.missed: list[NewWrapUp] = []
        self.kept: dict[tuple[str, str], WrapUp] = {}

    async def begin(self, new: NewWrapUp) -> WrapUp:
        """As ports.WrapUps tells."""
        key = (new.call_id, new.user)
        there = self.kept.get(key)
        if there is not None:
            stand = Stand.OPEN if there.stand is Stand.LATER else there.stand
            self.kept[key] = replace(there, ended_at=None, stand=stand)
        else:
            told = {name: getattr(new, name) for name in NewWrapUp.__slots__}
            self.kept[key] = WrapUp(**told, customer_code="", note_id=note_id_of(*key))
        return self.kept[key]

    async def catch_up(self, user: str, extension: str) -> int:
        """As ports.WrapUps tells."""
        own = [one for one in self.missed if (one.user, one.extension) == (user, extension)]
        for one in own:
            self.missed.remove(one)
            await self.begin(one)
            await self.left(one.call_id, user)
        return len(own)

    async def to_do(self, user: str) -> Sequence[WrapUp]:
        """As ports.WrapUps tells."""
        waits = [one for one in self.kept.values() if one.user == user and one.stand is not Stand.DONE]
        return sorted(waits, key=lambda one: one.began_at, reverse=True)

    async def of_call(self, call_id: str) -> Sequence[WrapUp]:
        """As ports.WrapUps tells."""
        return [one for one in self.kept.values() if one.call_id == call_id]

    async def of_calls(self, call_ids: Sequence[str]) -> Mapping[str, Sequence[WrapUp]]:
        """As ports.WrapUps tells."""
        return {call_id: told for call_id in call_ids if (told := await self.of_call(call_id))}

    async def write(self, call_id: str, user: str, note: str, turn: int) -> Written | None:
        """As ports.WrapUps tells."""
        there, text = self.kept.get((call_id, user)), clean_note(note)
        if there is None:
            return None
        if text == there.note or turn != there.turn:
            return Written(kept=text == there.note, now=there)
        written = self.kept[call_id, user] = replace(there, note=text, turn=turn + 1)
        return Written(kept=True, now=written)

    async def left(self, call_id: str, user: str) -> WrapUp | None:
        """As ports.WrapUps tells."""
        now = self._clock()
        return self._change(call_id, user, lambda one: replace(one, ended_at=one.ended_at or now))

    async def choose(self, call_id: str, user: str, customer_code: str) -> WrapUp | None:
        """As ports.WrapUps tells."""
        return self._change(call_id, user, lambda one: replace(one, customer_code=customer_code))

    async def tell(self, call_id: str, user: str, *, reason: str, next_step: str, stand: Stand) -> WrapUp | None:
        """As ports.WrapUps tells."""
        done_at = self._clock() if stand is Stand.DONE else None
        return self._change(
            call_id,
            user,
            lambda one: replace(one, reason=reason, next_step=next_step, stand=stand, done_at=done_at),
        )

    def _change(self, call_id: str, user: str, change: Callable[[WrapUp], WrapUp]) -> WrapUp | None:
        there = self.kept.get((call_id, user))
        if there is not None:
            there = self.kept[call_id, user] = change(there)
        return there


def memory_desk(clock: Clock = utc_now) -> DeskParts:
    """All of it, of nothing."""
    return DeskParts(cards=MemoryCards(), wrap_ups=MemoryWrapUps(clock))
