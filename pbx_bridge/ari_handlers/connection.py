"""The connection to ARI: one websocket for events and quick requests, one HTTP pool for those that may wait.

Two lanes, because Asterisk serves a websocket's requests one at a time and some of them (answer, set variable, add
to a bridge) wait for the channel's running playback: every other call would wait behind them, and the PONGs too
(asterisk-proved.md 1). Events keep flowing meanwhile; nothing is replayed to a client that was away, so whoever uses
this must look around after each connect (`on_connect`).
"""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Final

import aiohttp
import stamina
import structlog

from pbx_bridge.ari_handlers import wire
from pbx_bridge.ari_handlers.socket import Socket, open_socket
from pbx_bridge.errors import AriConflict, AriGone, AriRefused, AriUnavailable, AsteriskError
from pbx_bridge.health import Health, LinkState
from pbx_bridge.tls import Trust

log = structlog.get_logger()

REQUEST_TIMEOUT: Final = 5.0  # seconds; ARI answers quick requests within milliseconds
_LOOK: Final = 1.0  # seconds between two looks for overdue answers
_LONGEST_WAIT: Final = 1.0  # seconds between two tries to connect: a PBX that boots is not burdened by one a second
_REFUSED: Final = 30.0  # seconds after a wrong password, which only a person can put right, and guards count
_GHOST: Final = 60.0  # seconds in which a try that we gave up may still come through
_KNOWN: Final = 10.0  # seconds between two looks whether Asterisk knows our application
_WS_MAX_REQUEST: Final = 60_000  # Asterisk refuses frames over 65,535 bytes

Handler = Callable[[wire.Event], None]
Failed = Callable[[AsteriskError], None]


@dataclass(frozen=True, slots=True)
class _Asked:
    """A request whose answer is awaited, since `at` on the loop's clock."""

    method: str
    path: str
    at: float
    heard: asyncio.Future[None] | Failed

    @property
    def what(self) -> str:
        return f"{self.method} {self.path}"

    def answered(self, error: AsteriskError | None) -> None:
        if not isinstance(self.heard, asyncio.Future):
            if error is not None:
                self.heard(error)
        elif self.heard.done():
            pass  # whoever asked was cancelled
        elif error is None:
            self.heard.set_result(None)
        else:
            self.heard.set_exception(error)


class AriLink:
    """ARI of one PBX. `run()` keeps it connected; requests raise AriUnavailable while it is not.

    Args:
        url: `http://host:port/ari`, or https.
        trust: whom we believe to be there, over https.
        on_event: called in order, in the reader task, for every event; must not block.
        on_open: called at each connect, before the first event.
        on_connect: awaited after each connect, while events flow already.
        takes_requests: whether an Asterisk of that version takes requests over the websocket; else they go over HTTP.

    `replaced` is set when another client took the application's name; `run()` then returns: two clients that both
    came back would take it from each other for ever. A try of ours that was given up, and that a thawing Asterisk or
    a mended line lets through after all, is no other client: for each one such the application is taken back once.
    """

    def __init__(
        self,
        *,
        url: str,
        app: str,
        user: str,
        password: str,
        health: Health,
        on_event: Handler,
        on_open: Callable[[], None],
        on_connect: Callable[[], Awaitable[None]],
        takes_requests: Callable[[str], bool],
        trust: Trust | None = None,
    ) -> None:
        self._url, self._app, self._trust = url.rstrip("/"), app, trust
        self._auth = {"Authorization": aiohttp.encode_basic_auth(user, password)}
        self._health = health
        self._on_event, self._on_open, self._on_connect = on_event, on_open, on_connect
        self._takes_requests = takes_requests
        self._session: aiohttp.ClientSession | None = None
        self._socket: Socket | None = None
        self._asked: dict[str, _Asked] = {}
        self._numbers = itertools.count(1)
        self._loop_time = asyncio.get_running_loop().time
        self._ws_rest = False
        self._was_connected = False
        self._ghosts: list[float] = []  # when we gave up a try that was not answered
        self._why_down = ""
        self.unknown_events = 0
        self.replaced = asyncio.Event()
        self.hands_over = False  # then to be replaced is what is wanted

    @asynccontextmanager
    async def open(self) -> AsyncIterator[AriLink]:
        """The HTTP pool, for the link's lifetime. Raises SettingsError: what we trust cannot be read."""
        # Asterisk closes a kept connection after 60 s (http.conf); ours must give up on it before.
        ssl = self._trust.for_http() if self._trust is not None else True
        connector = aiohttp.TCPConnector(limit=32, keepalive_timeout=30, ssl=ssl)
        timeout = aiohttp.ClientTimeout(total=30)
        async with aiohttp.ClientSession(headers=self._auth, connector=connector, timeout=timeout) as session:
            self._session = session
            try:
                yield self
            finally:
                self._session = None

    async def run(self) -> None:
        """Connect, listen, connect again, for ever. Returns only when another client replaced us.

        Raises AriRefused when our user or password is wrong from the start; later, that is waited out.
        """
        while not self.replaced.is_set():
            async for attempt in stamina.retry_context(
                on=self._worth_another_try,
                attempts=None,
                timeout=None,
                wait_initial=0.1,
                wait_max=_LONGEST_WAIT,
                wait_jitter=0.2,
            ):
                with attempt:
                    await self._connect_and_listen()
        reason = f"another client took the application {self._app!r}: standing by"
        if not self.hands_over:
            log.warning("ari_replaced", reason=reason)
        self._health.report("ari", LinkState.DOWN, reason)

    def _worth_another_try(self, error: Exception) -> bool | float:
        if isinstance(error, AriRefused) and self._was_connected:
            return _REFUSED
        return isinstance(error, AriUnavailable)

    async def _connect_and_listen(self) -> None:
        if self._session is None:
            raise AriUnavailable("ARI is not open")
        url = f"{self._url}/events?app={self._app}&subscribeAll=false"
        try:
            async with open_socket(
                self._session, url, on_open=self._on_open, on_message=self._received, trust=self._trust
            ) as socket:
                await self._listen(socket)
        except AriRefused:
            self._down("Asterisk refused our user or password")
            raise
        except AriUnavailable as error:
            if isinstance(error.__cause__, TimeoutError):
                self._ghosts.append(self._loop_time())
            self._down(str(error))
            raise

    async def _listen(self, socket: Socket) -> None:
        self._socket = socket
        greeting = asyncio.create_task(self._greet(), name="ari-greeting")
        known = asyncio.create_task(self._stay_known(socket), name="ari-known")
        try:
            while not (socket.closed.done() or self.replaced.is_set()):
                await asyncio.wait({socket.closed}, timeout=_LOOK)
                self._give_up_overdue()
            if self.replaced.is_set():
                return
            self._down("Asterisk closed the connection")
            if not (greeting.done() and greeting.result()):
                raise AriUnavailable("the ARI connection ended before it was of use")
        finally:
            self._socket = None
            self._give_up_all()
            greeting.cancel()
            known.cancel()
            await asyncio.gather(greeting, known, return_exceptions=True)

    async def _greet(self) -> bool:
        """What every new connection begins with; a failure here ends the connection."""
        try:
            info = wire.decode_info(await self.http("GET", "asterisk/info"))
            self._ws_rest = self._takes_requests(info.system.version)
            await self._filter_events()
            if not await self._is_known():
                raise AriUnavailable("Asterisk does not know our application")
            await self._on_connect()
        except (AsteriskError, ValueError, RecursionError) as error:  # also an answer that is none of Asterisk's
            log.warning("ari_greeting_failed", reason=str(error))
            if self._socket is not None:
                self._socket.close()
            return False
        self._was_connected, self._why_down = True, ""
        self._health.report("ari", LinkState.UP, f"Asterisk {info.system.version}")
        log.info("ari_connected", version=info.system.version)
        return True

    async def _stay_known(self, socket: Socket) -> None:
        """End a connection on which nothing comes any more.

        A try that was given up takes the application when it comes through late; when it ends then, Asterisk may
        drop the application by its name, and with it ours, without a word (seen on 22.10, thawed after 14 s).
        """
        while True:
            await asyncio.sleep(_LOOK if self._recent_ghosts() else _KNOWN)
            if not await self._is_known():
                log.warning("ari_forgot_us", reason="Asterisk does not know our application: connecting anew")
                socket.close()
                return

    async def _is_known(self) -> bool:
        try:
            await self.http("GET", f"applications/{self._app}", timeout=REQUEST_TIMEOUT)
        except AriGone:
            return False
        except AsteriskError:  # whatever that is, others notice
            return True
        return True

    async def _filter_events(self) -> None:
        allowed = [{"type": name} for name in (*wire.EVENTS, "RESTResponse")]
        try:
            await self.http("PUT", f"applications/{self._app}/eventFilter", {"allowed": allowed})
        except AriGone:  # before 16.3 there is no filter: what we do not take is thrown away here
            log.info("ari_filters_nothing")

    def _received(self, data: bytes) -> None:
        try:
            event = wire.decode_event(data)
        except (ValueError, RecursionError):  # no such JSON, bytes that are no text, or nested beyond all reason
            self.unknown_events += 1
            return
        if isinstance(event, wire.RESTResponse):
            asked = self._asked.pop(event.request_id, None)
            if asked is not None:
                asked.answered(None if event.code < 300 else _error_of(event.code, asked.what, event.body))
        elif isinstance(event, wire.ApplicationReplaced):
            if not self._is_ghost():
                self.replaced.set()
            if self._socket is not None:
                self._socket.close()
        else:
            try:
                self._on_event(event)
            except Exception:  # one event's fault must not cost every caller the connection
                log.exception("ari_event_failed", kind=type(event).__name__)

    def _is_ghost(self) -> bool:
        """Whether a try of ours took the application; each may once."""
        if not self._recent_ghosts():
            return False
        del self._ghosts[0]
        return True

    def _recent_ghosts(self) -> bool:
        now = self._loop_time()
        self._ghosts = [at for at in self._ghosts if now - at < _GHOST]
        return bool(self._ghosts)

    def _down(self, reason: str) -> None:
        if reason != self._why_down:  # each try fails alike while Asterisk is away
            log.warning("ari_down", reason=reason)
        self._why_down = reason
        self._health.report("ari", LinkState.DOWN, reason)

    def _give_up_overdue(self) -> None:
        # One look a second over what is asked, oldest first, instead of a timer for every request.
        now = self._loop_time()
        while self._asked:
            number, asked = next(iter(self._asked.items()))
            if now - asked.at < REQUEST_TIMEOUT:
                return
            del self._asked[number]
            asked.answered(AriUnavailable(f"no answer to {asked.what} within {REQUEST_TIMEOUT:g} s"))

    def _give_up_all(self) -> None:
        asked, self._asked = self._asked, {}
        for request in asked.values():
            request.answered(AriUnavailable(f"{request.what}: the ARI websocket was closed"))

    # --- requests ---

    def tell(self, method: str, path: str, body: Any, failed: Failed) -> bool:
        """Ask over the websocket without waiting; `failed` is called if Asterisk refuses, or does not answer.

        What is told and requested is done in the order it was asked in. False when it must go over HTTP instead.
        Raises AriUnavailable when there is no connection.
        """
        payload = wire.encode_json(body) if body is not None else b""
        if not self._ws_rest or len(payload) > _WS_MAX_REQUEST:
            return False
        self._ask(method, path, payload, failed)
        return True

    async def request(self, method: str, path: str, body: Any = None) -> None:
        """A request that never waits for a playback: over the websocket where that is possible.

        Raises AriGone, AriConflict, AriUnavailable, AriRefused or AsteriskError by the answer's status.
        """
        payload = wire.encode_json(body) if body is not None else b""
        if not self._ws_rest or len(payload) > _WS_MAX_REQUEST:
            await self.http(method, path, body)
            return
        answered: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._ask(method, path, payload, answered)
        await answered

    def _ask(self, method: str, path: str, payload: bytes, heard: asyncio.Future[None] | Failed) -> None:
        if self._socket is None:
            raise AriUnavailable("ARI is not connected")
        number = str(next(self._numbers))
        kind = "application/json" if payload else ""
        frame = wire.encode_request(wire.RESTRequest(number, method, path, kind, payload.decode()))
        self._socket.send(frame)
        self._asked[number] = _Asked(method, path, self._loop_time(), heard)

    async def http(self, method: str, path: str, body: Any = None, timeout: float = 30.0) -> bytes:
        """A request over the HTTP pool: the lane for those that may wait for a playback."""
        if self._session is None:
            raise AriUnavailable("ARI is not open")
        if self.replaced.is_set():  # the callers are another's: over HTTP we could still speak to them
            raise AriUnavailable(f"{method} {path}: another client serves {self._app!r}")
        limit = aiohttp.ClientTimeout(total=timeout)
        payload = wire.encode_json(body) if body is not None else None
        headers = {"Content-Type": "application/json"} if payload else None
        try:
            async with self._session.request(
                method, f"{self._url}/{path}", data=payload, headers=headers, timeout=limit
            ) as answer:
                text = await answer.read()
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            reason = self._trust.reason(error) if self._trust is not None else str(error) or type(error).__name__
            raise AriUnavailable(f"{method} {path}: {reason}") from error
        if answer.status >= 300:
            raise _error_of(answer.status, f"{method} {path}", text.decode(errors="replace"))
        return text


def _error_of(status: int, what: str, text: str) -> AsteriskError:
    said = f"{what}: {status} {text[:200]}"
    match status:
        case 401 | 403:
            return AriRefused(said)
        case 404:
            return AriGone(said)
        case 409 | 412:
            return AriConflict(said)
        case 503:
            return AriUnavailable(said)
        case _:
            return AsteriskError(said)
