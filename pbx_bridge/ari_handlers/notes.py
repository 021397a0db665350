"""What is written down of a caller's run: its steps, put together and handed to the journal with the checkpoint."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

import structlog

from pbx_bridge.calls.fact_text import step_fact
from pbx_bridge.calls.facts import RawFact
from pbx_bridge.health import Clock
from pbx_bridge.ivr.run import Run, WriteStep

log = structlog.get_logger()

Keep = Callable[[Sequence[RawFact], Run], asyncio.Future[None]]

_DURABLE_WITHIN = 0.5  # seconds the caller waits for the store before going on without it


class Notes:
    """One caller's steps on their way to the journal.

    Args:
        keep: begins to write steps and the run's checkpoint, in the order it is called; done when they are on disk.
    """

    def __init__(self, keep: Keep, clock: Clock) -> None:
        self._keep, self._clock = keep, clock
        self._unsaved: list[WriteStep] = []
        self._saved: asyncio.Future[None] | None = None

    def add(self, steps: Sequence[WriteStep]) -> None:
        """Steps for the next `save`."""
        self._unsaved += steps

    def save(self, run: Run) -> None:
        """Begin to write the steps so far and the run as it stands; `settle` waits for it."""
        if not self._unsaved:
            return
        facts = [self._fact(run, step) for step in self._unsaved]
        self._unsaved = []
        self._saved = self._keep(facts, run)
        self._saved.add_done_callback(lambda saved: _kept(run.channel, saved))

    async def settle(self, run: Run) -> None:
        """Wait until the steps so far are on disk; a store that is away must not keep the caller.

        Steps go to the store's queue before the effects they explain are awaited, and are on disk within its commit
        window; only before the caller leaves our hands is that waited for, as nobody would hear it anyway.
        """
        self.save(run)
        if self._saved is not None and not self._saved.done():
            await asyncio.wait({self._saved}, timeout=_DURABLE_WITHIN)

    def _fact(self, run: Run, step: WriteStep) -> RawFact:
        return step_fact(
            node=run.node,
            channel=run.channel,
            sequence=step.sequence,
            at=self._clock(),
            kind=step.kind,
            flow_node=step.flow_node,
            data=step.data,
        )


def _kept(channel: str, saved: asyncio.Future[None]) -> None:
    error = None if saved.cancelled() else saved.exception()
    if error is not None:
        log.error("steps_not_kept", channel=channel, reason=str(error))
