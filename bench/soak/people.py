"""Who calls during a soak and what they do, and the two agents who answer some of it."""

from __future__ import annotations

import asyncio
import itertools
import random
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress

from bench.callers import Load, Outcome, calling
from bench.customers import TRACKING_KEYS, Customer
from bench.scenario import AwaitHangUp, HangUp, Keys, Pause, Step
from bench.system import Pbx
from pbx_bridge.errors import PhoneError
from pbx_bridge.pbx.phone import Phone, PhoneCall, Ring

_HABITS: Sequence[Sequence[Step]] = (
    (Pause(200, 4000), HangUp()),
    (Pause(800, 1500), Keys(("1",)), Pause(300, 900), Keys((*TRACKING_KEYS, "#")), Pause(1500, 4000), HangUp()),
    (Pause(800, 1500), Keys(("2",)), Pause(3000, 9000), HangUp()),
    (Pause(800, 1500), Keys(("0",)), AwaitHangUp()),
)
_PATIENCE_S = 25.0
_LAST_S = 60.0  # the last caller is done so long after the last has dialled
_TALK_S = (0.5, 3.0)
_RINGS_S = (0.0, 0.5, 0.0, 1.5)  # before an agent picks up, in turn; then one call is refused


async def place_calls(people: Sequence[Customer], rate: float, sip_port: int) -> Sequence[str]:
    """Each of them calls once; the numbers that were answered, when the last has hung up. Raises CannotMeasure."""
    habits = len(_HABITS)
    loads = [
        Load(
            callers=[person.row for person in people[number::habits]],
            steps=steps,
            rate=rate / habits,
            limit_s=len(people) / rate + _LAST_S,
            patience_s=_PATIENCE_S,
        )
        for number, steps in enumerate(_HABITS)
    ]
    async with AsyncExitStack() as stack:
        tasks = [await stack.enter_async_context(calling(load, sip_port)) for load in loads]
        outcomes: list[Outcome] = list(await asyncio.gather(*tasks))
    return [number for outcome in outcomes for number in outcome.answered]


class Agents:
    """101 and 102: they answer at once or later, or refuse, in turn, and hang up after a while."""

    def __init__(self, pbx: Pbx, phones: Sequence[Phone]) -> None:
        self._pbx, self._phones = pbx, phones
        self.talks = 0

    async def register(self) -> None:
        """Both, also after a restart of Asterisk. Raises PhoneError."""
        for phone, number in zip(self._phones, self._pbx.plan.agents, strict=True):
            await phone.register(f"sip:127.0.0.1:{self._pbx.ports.sip}", self._pbx.secrets.agents[number])

    async def work(self) -> None:
        """Until cancelled."""
        async with asyncio.TaskGroup() as group:
            for phone in self._phones:
                group.create_task(self._attend(phone), name="soak-agent")

    async def _attend(self, phone: Phone) -> None:
        for rings_s in itertools.cycle((*_RINGS_S, None)):
            call = await phone.incoming.get()
            with suppress(PhoneError):
                await self._take(call, rings_s)

    async def _take(self, call: PhoneCall, rings_s: float | None) -> None:
        if rings_s is None:
            call.reject()
            return
        await asyncio.sleep(rings_s)
        call.answer()
        await call.answered(1.0)
        self.talks += 1
        with suppress(PhoneError):
            await call.ended(random.uniform(*_TALK_S))
        await call.hang_up()


@asynccontextmanager
async def agents(pbx: Pbx) -> AsyncIterator[Agents]:
    """The agents at work."""
    async with AsyncExitStack() as stack:
        phones = [
            await stack.enter_async_context(Phone(from_number=number, on_invite=Ring())) for number in pbx.plan.agents
        ]
        made = Agents(pbx, phones)
        await made.register()
        task = asyncio.create_task(made.work(), name="soak-agents")
        try:
            yield made
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
