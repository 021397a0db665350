"""Target `ami`: spoilt messages through a real socket into the connection, the events and the live tables.

What is asked: the connection stays, the good event behind the spoilt ones arrives, and it does not matter in how
many pieces the bytes came.
"""

from __future__ import annotations

import asyncio
import itertools
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from fuzz.mutate import Stock
from fuzz.target import Defect, Found, Target
from pbx_bridge.ami.agents import AgentTable
from pbx_bridge.ami.channels import ChannelTable
from pbx_bridge.ami.connection import AmiConnection
from pbx_bridge.ami.events import decode
from pbx_bridge.ami.live_facts import LiveFacts
from pbx_bridge.calls.fact_text import decode as decode_fact
from pbx_bridge.calls.facts import RawFact

_SEEDS = Path(__file__).parent / "seeds" / "ami.txt"
_MADE = (
    "Response: Success\nActionID: x\nMessage: will follow\n\n",
    "Event: QueueMember\nActionID: x\nQueue: support\nName: 101\nLocation: PJSIP/101\nStatus: 1\nPaused: 0\n"
    "CallsTaken: 3\nLastCall: 1795293626\nLastPause: 0\nWrapuptime: 10\n\nEvent: QueueStatusComplete\n\n",
    "Event: CoreShowChannel\nChannel: PJSIP/101-00000001\nUniqueid: pbx1-1.1\nLinkedid: pbx1-1.0\n"
    "Duration: 01:02:03\nBridgeId: b\nChannelState: 5\n\nEvent: CoreShowChannelsComplete\n\n",
    "Event: Hold\nTimestamp: 1795293626.278838\nUniqueid: pbx1-1.1\nLinkedid: pbx1-1.0\n\n"
    "Event: ParkedCall\nTimestamp: 1795293626.278838\nParkeeUniqueid: pbx1-1.1\nParkingSpace: 701\n\n",
    "Event: QueueMemberPause\nQueue: support\nInterface: PJSIP/101\nPaused: 1\nPausedReason: lunch\n\n"
    "Event: QueueMemberRemoved\nQueue: support\nInterface: PJSIP/101\n\n",
    "Event: QueueEntry\nQueue: support\nPosition: 1\nUniqueid: pbx1-1.0\nPriority: 5\nWait: 12\n\n",
    "Event: Reload\nModule: All\nStatus: 0\n\n",
)
# Shutdown is left out: it ends the connection, as it should.
_WORDS = (
    "Event", "Response", "ActionID", "CommandID", "Queue", "Uniqueid", "Linkedid", "BridgeUniqueid", "Interface",
    "Status", "Paused", "LastPause", "Timestamp", "Duration", "Position", "Hangup", "BridgeEnter", "BridgeLeave",
    "DialBegin", "Newchannel", "Event: Hangup", "\r\nEvent: Hold", "\r\n\r\n", "Response: Follows\r\n", ": ",
    "99:99:99", "1795293626.278838", "Asterisk Call Manager/9.0.0\r\n", "Result: %41", "--END COMMAND--",
)  # fmt: skip
_END = b"\r\n\r\n"
_PATIENCE_S = 5.0


@dataclass(slots=True)
class AmiSession:
    """A logged-in connection, the far end of it, and the tables that its events fill."""

    connection: AmiConnection
    writer: asyncio.StreamWriter
    node: str = "pbx1"
    facts: list[RawFact] = field(default_factory=list)

    async def play(self, number: int, data: bytes) -> None:
        """Send it whole and in pieces; both times the same must come."""
        self.writer.write(data + _mark(f"{number}w"))
        whole = await self._until(f"{number}w")
        chance, told = random.Random(number), data + _mark(f"{number}p")
        for start, end in _pieces(chance, len(told)):
            self.writer.write(told[start:end])
            await asyncio.sleep(0)
        if (pieces := await self._until(f"{number}p")) != whole:
            raise Defect(f"whole it was {len(whole)} events, in pieces {len(pieces)}, or others")
        self._take(whole)

    async def _until(self, mark: str) -> list[dict[str, str]]:
        told: list[dict[str, str]] = []
        try:
            async with asyncio.timeout(_PATIENCE_S):
                while (event := await self.connection.event()) is not None:
                    if event.get("mark") == mark:
                        return told
                    told.append(event)
        except TimeoutError:
            raise Defect("the good event behind did not come") from None
        raise Defect("the connection was lost")

    def _take(self, told: list[dict[str, str]]) -> None:
        agents, channels = AgentTable(), ChannelTable()
        agents.expect_snapshot()
        channels.expect_snapshot()
        live = LiveFacts(self.node, self._kept)
        for fields in told:
            event = decode(fields)
            if event is not None:
                agents.apply(event)
                channels.apply(event)
                live.heard(event)
        agents.agents(), agents.waiting(), channels.groups()
        for fact in self.facts:
            decode_fact(fact)
        self.facts.clear()

    def _kept(self, facts: object) -> asyncio.Future[None]:
        assert isinstance(facts, list)
        self.facts += facts
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        done.set_result(None)
        return done

    async def settle(self) -> list[Found]:
        """Nothing waits."""
        return []


def _mark(mark: str) -> bytes:
    return f"\r\n\r\nEvent: UserEvent\r\nMark: {mark}\r\n\r\n".encode()


def _pieces(chance: random.Random, size: int) -> list[tuple[int, int]]:
    cuts = sorted({0, size, *(chance.randrange(size) for _ in range(4))})
    return list(itertools.pairwise(cuts))


@asynccontextmanager
async def _session(_: Path) -> AsyncIterator[AmiSession]:
    writers: asyncio.Queue[asyncio.StreamWriter] = asyncio.Queue()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"Asterisk Call Manager/9.0.0\r\n")
        told = (await reader.readuntil(_END)).decode()
        number = told.partition("ActionID: ")[2].partition("\r\n")[0]
        writer.write(f"Response: Success\r\nActionID: {number}\r\n\r\n".encode())
        writers.put_nowait(writer)
        with suppress(asyncio.CancelledError):  # asyncio would tell of it
            await reader.read()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        host, port = server.sockets[0].getsockname()
        connection = await AmiConnection.open(host, port, "u", "s")
        writer = await writers.get()
        try:
            yield AmiSession(connection, writer)
        finally:
            connection.close()
            writer.close()


def _stock() -> Stock:
    text = _SEEDS.read_text(encoding="utf-8").strip() + "\n\n"
    events = [f"{event}\n\n" for event in text.split("\n\n") if event]
    few = ["".join(events[at : at + 3]) for at in range(0, len(events), 3)]
    seeds = [seed.replace("\n", "\r\n").encode() for seed in (*events, *few, *_MADE * 4)]
    return Stock(seeds=seeds, words=[word.encode() for word in _WORDS], cut=b"\r\n")


AMI = Target(name="ami", stock=cache(_stock), session=_session)
