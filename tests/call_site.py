"""The site with one call's page on a real store and real files: for tests of what the page does with them."""

from __future__ import annotations

import wave
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer
from full_tickets import ticket_parts
from store_facts import NODE, SOON, at, begun, cel, ended, revisions, step
from web_visitor import NAME, PASSWORD, TEHRAN, Parts, Visitor

from pbx_bridge.calls.call import Call
from pbx_bridge.calls.fact_text import cel_fact
from pbx_bridge.calls.facts import RawFact, StepKind
from pbx_bridge.calls.promises import Promises
from pbx_bridge.health import Health
from pbx_bridge.spool.messages import MessageKeeper
from pbx_bridge.spool.recording_files import NO_KEYS, RecordingFiles
from pbx_bridge.spool.recordings import RecordingKeeper, Shelf
from pbx_bridge.spool.sound_keys import SoundKeys
from pbx_bridge.spool.sounds import CallSounds
from pbx_bridge.store import CallRow, Role, Store, open_store
from pbx_bridge.store.address import StorePlace
from pbx_bridge.store.writer import Limits
from pbx_bridge.web.admin.memory import MemoryUsers
from pbx_bridge.web.call.ports import CallParts
from pbx_bridge.web.permits import UNMASKED
from pbx_bridge.web.site import SiteParts, make_site
from pbx_bridge.web.tickets.ports import ComplaintRules

AGENT, READER, ADMIN = "agent", "reader", "admin"
SARA = "09121234567"
HOSTILE = "<img src=x onerror=window.struck=1>\u202e=cmd|'/C calc'!A0\x07" + "W" * 300


def sound_file(path: Path, seconds: float = 4.0) -> None:
    """A WAV as Asterisk writes it, with something to be heard."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with wave.open(str(path), "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(8000)
        out.writeframes(b"\x00\x20\x00\xe0" * int(4000 * seconds))


def told_of(channel: str, seconds: float) -> RawFact:
    """The dialplan tells of a recording."""
    row = cel("USER_DEFINED", channel, seconds, extra=f'{{"extra":"recording={NODE}_{channel}.wav"}}')
    body = row.body.replace('""', '"PBXB"', 1)
    return cel_fact(node=NODE, file=row.file, offset=row.offset, body=body)


@dataclass(kw_only=True)
class CallSite:
    """A store, folders, a clock that stands, and people who may sign in."""

    store: Store
    folder: Path
    now: datetime = field(default_factory=lambda: at(3600))
    health: Health = field(default_factory=Health)
    unmasked: frozenset[Role] = UNMASKED
    rules: ComplaintRules = field(default_factory=ComplaintRules)
    keys: SoundKeys = NO_KEYS

    @property
    def recordings(self) -> RecordingFiles:
        """Folders of talks."""
        return RecordingFiles(self.folder / "monitor", self.folder / "kept", self.keys)

    @property
    def messages(self) -> RecordingFiles:
        """Folders of what callers left."""
        return RecordingFiles(self.folder / "recording", self.folder / "messages-kept", self.keys)

    def later(self, **time: float) -> None:
        """Let time go by."""
        self.now += timedelta(**time)

    def site(self) -> web.Application:
        """The site; an agent's phone is 102."""
        users = MemoryUsers(dict.fromkeys((NAME, AGENT, READER, ADMIN), PASSWORD))
        users.roles = {AGENT: Role.AGENT, READER: Role.READ_ONLY, ADMIN: Role.ADMIN}
        users.extensions = {AGENT: "102"}
        store, files = self.store, self.recordings
        sounds = CallSounds(Shelf(store.recordings, files), files, store.messages, self.messages)
        return make_site(
            SiteParts(
                health=self.health,
                calls=store.calls,
                users=users,
                session_key=b"k" * 32,
                zone=TEHRAN,
                clock=lambda: self.now,
                unmasked=self.unmasked,
                agents=store.agents,
                audit=store.audit,
                call=CallParts(
                    sounds=sounds,
                    notes=store.notes,
                    context=store.context,
                    requests=store.requests,
                    customers=store.crm,
                ),
                tickets=ticket_parts(store, sounds, self.rules),
            )
        )

    @asynccontextmanager
    async def visiting(self, name: str = NAME) -> AsyncIterator[Visitor]:
        """Somebody at the site."""
        async with TestClient(TestServer(self.site(), access_log=None)) as client:
            visitor = Visitor(client, Parts())
            assert (await visitor.sign_in(name)).status == 303
            yield visitor

    async def put(self, facts: Sequence[RawFact]) -> Call:
        """A call on record."""
        (row,) = await revisions(self.store, facts, 1)
        assert isinstance(row, CallRow)
        return row.call

    async def recorded(self, channel: str = "1.1", caller: str = SARA, seconds: float = 0.0) -> Call:
        """A call with a recording of four seconds, and a message of three."""
        sound_file(self.folder / "monitor" / f"{NODE}_{channel}.wav")
        message = f"{NODE}_{channel}-01-leave"
        sound_file(self.folder / "recording" / f"{message}.wav", 3.0)
        facts = [
            *begun(channel, seconds, caller),
            told_of(channel, seconds + 2),
            step(channel, 0, seconds + 3, kind=StepKind.STARTED, caller=caller),
            step(channel, 1, seconds + 9, kind=StepKind.RECORDED, name=message, result="kept"),
            *ended(channel, seconds + 30),
        ]
        call = await self.put(facts)
        await self.take_recordings()
        await MessageKeeper(node=NODE, files=self.messages, store=self.store, health=self.health).keep(message)
        return call

    async def take_recordings(self) -> None:
        """What the daemon does each second with the recordings of calls that are over."""
        keeper = RecordingKeeper(
            node=NODE,
            files=self.recordings,
            recordings=self.store.recordings,
            health=self.health,
            clock=lambda: at(7200),
        )
        await keeper.turn()

    async def log(self) -> list[tuple[str, str, str]]:
        """The audit log, oldest first: who, what, about what."""
        from pbx_bridge.store.audit import Sought

        entries = await self.store.audit.page(Sought())
        told = ("heard", "took", "noted", "linked", "unlinked", "opened", "changed")
        return [(one.user, one.what, one.about) for one in reversed(entries) if one.what.startswith(told)]


@asynccontextmanager
async def call_site(place: StorePlace, folder: Path, promises: Promises | None = None) -> AsyncIterator[CallSite]:
    """One, its store open."""
    found: list[CallSite] = []
    clock = lambda: found[0].now if found else at(3600)  # noqa: E731
    limits = Limits(window_s=0.002)
    async with open_store(place, pace=SOON, limits=limits, clock=clock, promises=promises) as store:
        found.append(CallSite(store=store, folder=folder))
        yield found[0]
