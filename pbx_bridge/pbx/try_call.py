"""A call without a phone: placed by our own small one, told line by line as the caller hears it, then its record.

What is heard is read from the store's journal, where the daemon writes each prompt as it begins. The call is found
there by a random name in its caller id.
"""

from __future__ import annotations

import asyncio
import json
import os
import secrets
import signal
import socket
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, assert_never

import msgspec

from pbx_bridge.calls.facts import Step, StepKind
from pbx_bridge.errors import PbxError, PhoneError
from pbx_bridge.health import utc_now
from pbx_bridge.pbx.key_script import KeyScript, Leave, Press, parse_keys
from pbx_bridge.pbx.phone import Phone, PhoneCall
from pbx_bridge.store.address import StorePlace
from pbx_bridge.store.announce import CallRow
from pbx_bridge.store.call_body import call_json
from pbx_bridge.store.watch import StoreView, watch_store
from pbx_bridge.values.hostile import on_terminal

__all__ = ["RunningSystem", "TrialCall", "parse_keys", "record_lines", "try_call", "way_to"]

_LOOPBACK = "127.0.0.1"
_POLL_S = 0.1
_ANSWER_S = 15.0  # longer than the dialplan's dead-man timer: then the queue answers in the daemon's place
_RECORD_S = 15.0

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class TrialCall:
    """What to try.

    Attributes:
        caller: the number to call from. called: the number to dial. keys: groups of keys, see key_script.
        stay_s: seconds on the line after the answer was heard. at_most_s: seconds after which we hang up anyway.
    """

    caller: str
    called: str
    keys: tuple[str, ...]
    stay_s: float = 3.0
    at_most_s: float = 120.0


@dataclass(frozen=True, slots=True, kw_only=True)
class RunningSystem:
    """Where the system under trial is: its SIP address, its store, its daemon's pid file."""

    host: str
    sip_port: int
    node: str
    store: StorePlace
    pid_file: Path
    region: str = "IR"


async def try_call(trial: TrialCall, system: RunningSystem, say: Say) -> CallRow:
    """Place the call, tell what is heard, and return its record.

    Raises:
        PbxError: the system does not run, or the record did not come.
        PhoneError: the call was refused.
    """
    _check_running(system.pid_file)
    name = f"try {secrets.token_hex(4)}"
    async with watch_store(system.store, system.region) as store:
        began = utc_now()
        pbx, here = await way_to(system.host, system.sip_port)
        async with (
            Phone(local_host=here, far_host=pbx, from_number=trial.caller, display_name=name) as phone,
            _interruptible() as interrupted,
        ):
            teller = _Teller(say, began)
            teller.tell(began, f"calling {trial.called} from {trial.caller}")
            call = await phone.dial(f"sip:{trial.called}@{pbx}:{system.sip_port}")
            await _follow(_Caller(call, trial, _Journal(store, system.node, name), teller), interrupted)
        return await _record(store, name, began)


async def way_to(host: str, port: int) -> tuple[str, str]:
    """The PBX's address, and ours as it sees us: on this machine we are an unknown phone on loopback."""
    kind = {"family": socket.AF_INET, "type": socket.SOCK_DGRAM}
    try:
        found = await asyncio.get_running_loop().getaddrinfo(host, port, **kind)
        with socket.socket(**kind) as probe:
            probe.connect(found[0][4])  # asks the kernel for the way; nothing is sent
            there, here = str(found[0][4][0]), str(probe.getsockname()[0])
    except OSError as error:
        raise PbxError(f"no way to the PBX at {host}: {error.strerror or error}") from error
    return there, _LOOPBACK if here == there else here


class _Journal:
    """The steps of the call that carries our name, each given once."""

    def __init__(self, store: StoreView, node: str, name: str) -> None:
        self._store, self._node, self._name = store, node, name
        self._channel, self._next = "", 0

    async def new(self) -> list[Step]:
        """The steps written since the last time."""
        if not self._channel:
            await self._find()
        if not self._channel:
            return []
        steps = await self._store.steps.of(self._node, self._channel, self._next)
        if steps:
            self._next = steps[-1].offset + 1
        return steps

    async def _find(self) -> None:
        for run in await self._store.runs.all(self._node):
            with suppress(msgspec.DecodeError):
                if msgspec.json.decode(run.body, type=_Name).caller_name == self._name:
                    self._channel = run.channel


class _Name(msgspec.Struct):
    caller_name: str


class _Teller:
    """Writes the lines, each with its time since the call began."""

    def __init__(self, say: Say, began: datetime) -> None:
        self._say, self._began = say, began

    def tell(self, at: datetime, words: str) -> None:
        """One line."""
        seconds = max(0.0, (at - self._began).total_seconds())
        self._say(f"{int(seconds // 60):02}:{seconds % 60:04.1f} {words}")

    def step(self, step: Step) -> None:
        """The line of a step, if it is one a caller notices."""
        words = heard(step)
        if words:
            self.tell(step.at, words)


def heard(step: Step) -> str:
    """What a caller notices of a step; empty if nothing."""
    data = step.data
    match step.kind:
        case StepKind.SAID:
            return on_terminal(f"{data.get('language', '')} «{data.get('text', '')}»")
        case StepKind.QUEUE:
            return f"waiting in queue {data.get('queue', '')}"
        case StepKind.QUEUE_RETURN:
            return f"back from queue {data.get('queue', '')}: {data.get('status', '')}"
        case StepKind.HANDED_OVER:
            return f"given to {data.get('what', '')} {data.get('to', '')}"
        case StepKind.HANDED_BACK:
            return f"back from {data.get('what', '')} {data.get('to', '')}: {data.get('status', '')}"
        case StepKind.HOURS:
            return f"the office is {_hours(data)}"
        case StepKind.TICKET_OPENED:
            return f"{data.get('sort', '')} {data.get('tracking_number', '')} is written down"
        case StepKind.CALLBACK_ASKED:
            return f"queue {data.get('queue', '')} is to call {data.get('number', '')}"
        case StepKind.RESUMED:
            return "the daemon came back and goes on"
        case StepKind.TROUBLE:
            return f"trouble: {data.get('reason', '')}"
        case (
            StepKind.STARTED
            | StepKind.CUSTOMER
            | StepKind.LANGUAGE
            | StepKind.HEARD
            | StepKind.KEYS
            | StepKind.LOOKUP
            | StepKind.WEBHOOK
            | StepKind.FILLER
            | StepKind.RECORDED
            | StepKind.SURVEY
            | StepKind.ENDED
        ):
            return ""
        case _ as never:
            assert_never(never)


def _hours(data: Mapping[str, Any]) -> str:
    holiday = data.get("holiday")
    return on_terminal(f"closed: {holiday}" if holiday else str(data.get("result", "")))


class _Caller:
    """The person on the phone: listens, presses keys, leaves."""

    def __init__(self, call: PhoneCall, trial: TrialCall, journal: _Journal, teller: _Teller) -> None:
        self.call, self.teller = call, teller
        self._trial, self._journal = trial, journal
        self._script = KeyScript(trial.keys, stay_s=trial.stay_s)

    async def stay(self) -> None:
        """The whole call, until it is over or it is time to leave."""
        await self.call.answered(_ANSWER_S)
        deadline = utc_now() + timedelta(seconds=self._trial.at_most_s)
        while self.call.ending is None and utc_now() < deadline:
            await self.listen()
            match self._script.due(utc_now()):
                case Press(keys):
                    self.teller.tell(utc_now(), f"{'key' if len(keys) == 1 else 'keys'} {keys}")
                    await self._press(keys)
                case Leave():
                    return
                case None:
                    with suppress(PhoneError):
                        await self.call.ended(_POLL_S)
                case _ as never:
                    assert_never(never)

    async def _press(self, keys: str) -> None:
        try:
            await self.call.press(keys)
        except PhoneError:
            if self.call.ending is None:  # else they hung up meanwhile, which `leave` tells
                raise

    async def listen(self) -> None:
        """Tell what was said since the last time."""
        for step in await self._journal.new():
            self.teller.step(step)
            self._script.take(step)

    async def leave(self) -> None:
        """Hang up, and tell how the call ended."""
        await self.call.hang_up()
        await self.listen()
        ending = self.call.ending
        they = ending is not None and ending.by == "them"
        self.teller.tell(utc_now(), "they hung up" if they else "hung up")
        if self._script.left:
            self.teller.tell(utc_now(), f"not pressed, because nothing asked for it: {','.join(self._script.left)}")


async def _follow(caller: _Caller, interrupted: asyncio.Event) -> None:
    staying = asyncio.create_task(caller.stay(), name="try-call")
    stopping = asyncio.create_task(interrupted.wait(), name="try-call-interrupt")
    try:
        await asyncio.wait((staying, stopping), return_when=asyncio.FIRST_COMPLETED)
    finally:
        stopping.cancel()
        staying.cancel()
        try:
            await staying
        except asyncio.CancelledError:
            pass
        finally:
            await caller.leave()


@asynccontextmanager
async def _interruptible() -> AsyncIterator[asyncio.Event]:
    """Set by Ctrl-C; a second Ctrl-C ends the program at once."""
    event, loop = asyncio.Event(), asyncio.get_running_loop()

    def interrupt() -> None:
        event.set()
        loop.remove_signal_handler(signal.SIGINT)

    loop.add_signal_handler(signal.SIGINT, interrupt)
    try:
        yield event
    finally:
        loop.remove_signal_handler(signal.SIGINT)


async def _record(store: StoreView, name: str, began: datetime) -> CallRow:
    try:
        async with asyncio.timeout(_RECORD_S):
            while (row := await _ended_call(store, name, began)) is None:  # noqa: ASYNC110 - another process writes
                await asyncio.sleep(_POLL_S)
            return row
    except TimeoutError:
        raise PbxError(
            f"the call's record did not come within {_RECORD_S:g} s: is the daemon still running?"
        ) from None


async def _ended_call(store: StoreView, name: str, began: datetime) -> CallRow | None:
    for row in await store.calls.page(start=began - timedelta(seconds=5)):
        if row.call.caller_name == name and row.call.outcome is not None:
            return row
    return None


def _check_running(pid_file: Path) -> None:
    try:
        os.kill(int(pid_file.read_text()), 0)
    except (OSError, ValueError):
        raise PbxError("the system is not running: start it with `make run` (or `pbx-bridge run`)") from None


def record_lines(row: CallRow, *, as_json: bool) -> tuple[str, ...]:
    """The record: one JSON line, or a block for people."""
    told = call_json(row)
    if as_json:
        return (json.dumps(told, ensure_ascii=False),)
    call = row.call
    lasted = (call.ended_at - call.started_at).total_seconds() if call.ended_at else 0.0
    spans = f"ivr {call.ivr_us / 1e6:.1f}, wait {call.wait_us / 1e6:.1f}, talk {call.talk_us / 1e6:.1f}"
    facts = {
        "call": f"{call.call_id}, revision {row.revision}",
        "outcome": f"{told['outcome']}" + (f", ended by the {call.ended_by}" if call.ended_by else ""),
        "numbers": f"{call.caller} → {call.called}",
        "customer": call.customer_code,
        "tracking": ", ".join(call.tracking_numbers),
        "language": call.language,
        "started": told["started_at"],
        "seconds": f"{lasted:.1f} in all: {spans}",
        "steps": str(len(call.steps)),
    }
    return tuple(f"  {name:<9} {value}" for name, value in facts.items() if value)
