"""Checkpoints of flow runs: where each caller stands, so that a restarted daemon goes on at the same flow node."""

from __future__ import annotations

from dataclasses import dataclass

from pbx_bridge.store.database import Database
from pbx_bridge.store.sql import SQL


@dataclass(frozen=True, slots=True, kw_only=True)
class RunState:
    """A run's checkpoint; `body` is the flow runner's own."""

    node: str
    channel: str
    body: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class RunGone:
    """The run is over; its checkpoint goes."""

    node: str
    channel: str


class Runs:
    """The checkpoints. Written by `journal.add`, with the steps they follow from."""

    def __init__(self, reader: Database) -> None:
        self._reader = reader

    async def all(self, node: str) -> list[RunState]:
        """The runs of a node that are not over."""
        rows = await self._reader.rows(SQL["runs"], node=node)
        return [RunState(node=node, channel=channel, body=body) for node, channel, body in rows]
