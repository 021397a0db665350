"""One daemon hands over to the next: what the two say to each other, over a pair of sockets, and what one leaves.

    the daemon                    its successor
    starts it ──────────────────► reads settings and flows, opens the store, reaches Asterisk: as long as it takes
              ◄── ready ─────────
              ─── offer ────────►
              ◄── accept ──────── from here on it serves, whatever becomes of the other
    leaves its callers as they
    stand in the store
              ─── left ─────────► takes up their runs, connects to ARI
              ◄── serves ────────
    ends

What goes wrong before `accept` changes nothing. Where a successor ends after it and does not serve, the daemon itself
begins anew. The lock of HOME and the listening sockets of the pages are the same ones: at no
moment does a third process come in between, or nobody listen.
"""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AsyncExitStack, contextmanager, suppress
from pathlib import Path

import msgspec
import structlog

from pbx_bridge.errors import BridgeError
from pbx_bridge.systemd import Supervisor, environment_of_another, main_is
from pbx_bridge.tasks import beside
from pbx_bridge.upgrading import Stage, Told, tell

log = structlog.get_logger()

_ANSWER_S = 5.0  # the other is asked nothing that takes time
_LEAVING_S = 15.0  # a store that refuses is tried for five of them
_SILENCE_S = 120.0  # of a successor that gets ready; a backup tells how far it is
_MOST = 65_536
_MOST_FDS = 32

READY, OFFER, ACCEPT, LEFT, SERVES = "ready", "offer", "accept", "left", "serves"
_NEWS, _REFUSED = "news ", "refused "


class Estate(msgspec.Struct, frozen=True, kw_only=True):
    """What goes with the descriptors: whose they were, what was asked, and the address the sockets listen on."""

    pid: int
    wish: str
    host: str
    port: int


class _Line:
    """One end of the pair. What is said comes whole; an empty word is the other's end."""

    def __init__(self, end: socket.socket) -> None:
        end.setblocking(False)
        self._end = end

    def say(self, word: str) -> None:
        """Tell the other, if it is there."""
        with suppress(OSError):
            self._end.send(word.encode()[:_MOST])

    async def hear(self, within_s: float | None) -> str:
        """The other's next word. Raises TimeoutError."""
        async with asyncio.timeout(within_s):
            try:
                return (await asyncio.get_running_loop().sock_recv(self._end, _MOST)).decode(errors="replace")
            except OSError:
                return ""

    def close(self) -> None:
        self._end.close()


class Successor(_Line):
    """The next daemon, as the one that runs sees it."""

    def __init__(self, end: socket.socket, process: subprocess.Popen[bytes], wish: str) -> None:
        super().__init__(end)
        self._process, self.wish = process, wish
        self.left_at = 0.0
        self.trouble = ""  # why it does not serve, where it told

    @property
    def pid(self) -> int:
        return self._process.pid

    @classmethod
    def start(cls, program: Sequence[str], estate: Estate, fds: Sequence[int]) -> Successor:
        """Start it as a child that outlives us. Raises OSError. Blocking."""
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            socket.send_fds(ours, [msgspec.json.encode(estate)], fds)
            told = [*program, "daemon", "--take-over", str(theirs.fileno())]
            environment = environment_of_another(os.environ)
            # No child of the event loop's: those are killed with the loop.
            process = subprocess.Popen(told, pass_fds=(theirs.fileno(),), env=environment)  # noqa: S603
            return cls(ours, process, estate.wish)

    async def ready(self, news: Callable[[str], None]) -> None:
        """Until it could take over. Raises BridgeError: it cannot."""
        while (word := await self._word(_SILENCE_S)) != READY:
            if not word.startswith(_NEWS):
                raise BridgeError(word.removeprefix(_REFUSED) or await self._ending())
            if words := word.removeprefix(_NEWS):
                news(words)

    async def accepts(self) -> None:
        """Offer it everything. Raises BridgeError: it does not take it."""
        self.say(OFFER)
        if await self._word(_ANSWER_S) != ACCEPT:
            raise BridgeError(await self._ending())

    def has_all(self) -> None:
        """Nothing is ours any more: no caller, no lock, no store."""
        self.say(f"{LEFT} {self.left_at}")

    async def serves(self) -> bool:
        """Wait until it does, however long it works at the store; False: it ended instead."""
        supervisor = Supervisor()
        async with AsyncExitStack() as stack:
            if supervisor.watches:
                await stack.enter_async_context(beside(supervisor.run(), name="watchdog"))
            word = await self.hear(None)
        if word == SERVES:
            supervisor.tell(main_is(self.pid))
            return True
        self.trouble = word.removeprefix(_REFUSED) or await self._ending()
        await self.end()
        return False

    async def end(self) -> None:
        """Make sure that it does nothing more."""
        self.close()
        self._process.terminate()
        with suppress(subprocess.TimeoutExpired):
            await asyncio.to_thread(self._process.wait, 2.0)
        self._process.kill()
        await asyncio.to_thread(self._process.wait)

    async def _word(self, within_s: float) -> str:
        try:
            return await self.hear(within_s)
        except TimeoutError as error:
            raise BridgeError(f"the new process said nothing for {within_s:.0f} s") from error

    async def _ending(self) -> str:
        try:
            status = await asyncio.to_thread(self._process.wait, 5.0)
        except subprocess.TimeoutExpired:
            return "the new process said nothing that is understood here"
        told = signal.Signals(-status).name if status < 0 else f"status {status}"
        return f"the new process ended ({told}): look into the daemon's log"


class Predecessor(_Line):
    """The daemon that runs, as its successor sees it. `lock`: of HOME, which both hold. Raises BridgeError."""

    def __init__(self, fd: int) -> None:
        try:
            end = socket.socket(fileno=fd)
            end.set_inheritable(False)
            note, fds, *_ = socket.recv_fds(end, _MOST, _MOST_FDS, socket.MSG_CMSG_CLOEXEC)
            self.estate = msgspec.json.decode(note, type=Estate)
        except (OSError, msgspec.DecodeError) as error:
            raise BridgeError("--take-over is for a daemon that starts its successor: use `upgrade`") from error
        super().__init__(end)
        self.lock, *others = fds
        self._sockets = [socket.socket(fileno=fd) for fd in others]
        self.gone = False

    def watch(self) -> None:
        """End this process when the other one ends before both agreed: whoever keeps that one starts another, which
        must find the lock free.
        """
        asyncio.get_running_loop().add_reader(self._end, self._stirred)

    def _stirred(self) -> None:
        with suppress(BlockingIOError):
            if not self._end.recv(1, socket.MSG_PEEK):
                log.error("predecessor_ended", pid=self.estate.pid)
                os.kill(os.getpid(), signal.SIGTERM)

    def news(self, words: str) -> None:
        """Tell whoever waits for the upgrade what takes so long; without words, that we stir. From any thread."""
        self.say(f"{_NEWS}{words}")

    @contextmanager
    def told(self) -> Iterator[None]:
        """What cannot be is told to it as well, before it ends us."""
        try:
            yield
        except BridgeError as error:
            self.say(f"{_REFUSED}{error}")
            raise

    def sockets(self, host: str, port: int) -> Sequence[socket.socket]:
        """Those that listen on that address already; else none, and what listened elsewhere is given up."""
        found, self._sockets = self._sockets, []
        if (self.estate.host, self.estate.port) == (host, port):
            return found
        for one in found:
            one.close()
        return ()

    async def leaves(self) -> float:
        """Take over: when it has left, on the monotonic clock. Raises BridgeError: it goes on instead.

        Once both agreed, one that does not come to an end is killed: only we are whole then.
        """
        asyncio.get_running_loop().remove_reader(self._end)
        self.say(READY)
        with suppress(TimeoutError):
            if await self.hear(_ANSWER_S) == OFFER:
                self.say(ACCEPT)
                return await self._left()
        raise BridgeError("the daemon that was to hand over has ended, or is frozen")

    async def _left(self) -> float:
        self.gone = True
        agreed = time.monotonic()
        try:
            word, _, at = (await self.hear(_LEAVING_S)).partition(" ")
        except TimeoutError:
            log.warning("predecessor_killed", pid=self.estate.pid, reason=f"it did not leave within {_LEAVING_S:g} s")
            with suppress(OSError):
                os.kill(self.estate.pid, signal.SIGKILL)
            return agreed
        return float(at) if word == LEFT else agreed

    def serving(self, run: Path, alone_s: float) -> None:
        """Tell it and whoever asked that callers are looked after. Blocking."""
        with suppress(OSError):
            tell(run, Told(pid=os.getpid(), stage=Stage.DONE, wish=self.estate.wish, alone_s=alone_s))
        self.say(SERVES)
        self.close()
