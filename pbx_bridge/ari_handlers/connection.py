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
from typing import Any, Final

import aiohttp
import msgspec
import stamina
import structlog

from pbx_bridge.ari_handlers import wire
from pbx_bridge.errors import AriConflict, AriGone, AriRefused, AriUnavailable, AsteriskError
from pbx_bridge.health import Health, LinkState

log = structlog.get_logger()

REQUEST_TIMEOUT: Final = 5.0  # seconds; ARI answers quick requests within milliseconds
HEARTBEAT: Final = 15.0  # seconds between PINGs of ours; Asterisk sends none
_WS_MAX_REQUEST: Final = 60_000  # Asterisk refuses frames over 65,535 bytes
_FIRST_WITH_WS_REST: Final = (22, 4)

Handler = Callable[[wire.Event], None]


class AriLink:
    """ARI of one PBX. `run()` keeps it connected; requests raise AriUnavailable while it is not.

    Args:
        url: `http://host:port/ari`.
        on_event: called in order, in the reader task, for every event; must not block.
        on_open: called at each connect, before the first event.
        on_connect: awaited after each connect, while events flow already.

    `replaced` is set when another client took the application's name; `run()` then returns: two clients that both
    came back would take it from each other for ever.
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
    ) -> None:
        self._url, self._app = url.rstrip("/"), app
        self._auth = {"Authorization": aiohttp.encode_basic_auth(user, password)}
        self._health = health
        self._on_event, self._on_open, self._on_connect = on_event, on_open, on_connect
        self._session: aiohttp.ClientSession | None = None
        self._socket: aiohttp.ClientWebSocketResponse | None = None
        self._answers: dict[str, asyncio.Future[wire.RESTResponse]] = {}
        self._numbers = itertools.count(1)
        self._ws_rest = False
        self._was_connected = False
        self.unknown_events = 0
        self.replaced = asyncio.Event()

    @asynccontextmanager
    async def open(self) -> AsyncIterator[AriLink]:
        """The HTTP pool, for the link's lifetime."""
        # Asterisk closes a kept connection after 60 s (http.conf); ours must give up on it before.
        connector = aiohttp.TCPConnector(limit=32, keepalive_timeout=30)
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
                wait_max=5.0,
                wait_jitter=0.2,
            ):
                with attempt:
                    await self._connect_and_listen()
        self._health.report("ari", LinkState.DOWN, f"another client took the application {self._app!r}: standing by")

    def _worth_another_try(self, error: Exception) -> bool:
        return isinstance(error, AriUnavailable) or (isinstance(error, AriRefused) and self._was_connected)

    async def _connect_and_listen(self) -> None:
        try:
            async with self._connected() as socket:
                await self._listen(socket)
        except aiohttp.WSServerHandshakeError as error:
            self._refused(error)
            raise AriUnavailable(f"ARI answered {error.status} to the websocket") from error
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            self._down(str(error) or type(error).__name__)
            raise AriUnavailable(f"ARI at {self._url}: {error}") from error

    @asynccontextmanager
    async def _connected(self) -> AsyncIterator[aiohttp.ClientWebSocketResponse]:
        if self._session is None:
            raise AriUnavailable("ARI is not open")
        params = {"app": self._app, "subscribeAll": "false"}
        async with self._session.ws_connect(
            f"{self._url}/events", params=params, heartbeat=HEARTBEAT, max_msg_size=4 * 1024 * 1024, timeout=_CLOSE
        ) as socket:
            self._socket = socket
            self._on_open()
            try:
                yield socket
            finally:
                self._socket = None
                self._fail_answers()
                if not socket.closed:
                    await socket.close()

    async def _listen(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        greeting = asyncio.create_task(self._greet(), name="ari-greeting")
        try:
            async for message in socket:
                if message.type in (aiohttp.WSMsgType.TEXT, aiohttp.WSMsgType.BINARY):
                    self._received(message.data)
                    if self.replaced.is_set():
                        return
            self._down("Asterisk closed the connection")
            if not (greeting.done() and greeting.result()):
                raise AriUnavailable("the ARI connection ended before it was of use")
        finally:
            greeting.cancel()
            await asyncio.gather(greeting, return_exceptions=True)

    async def _greet(self) -> bool:
        """What every new connection begins with; a failure here ends the connection."""
        try:
            info = wire.decode_info(await self.http("GET", "asterisk/info"))
            self._ws_rest = _version(info.system.version) >= _FIRST_WITH_WS_REST
            allowed = [{"type": name} for name in (*wire.EVENTS, "RESTResponse")]
            await self.http("PUT", f"applications/{self._app}/eventFilter", {"allowed": allowed})
            await self._on_connect()
        except AsteriskError as error:
            log.warning("ari_greeting_failed", reason=str(error))
            if self._socket is not None:
                await self._socket.close()
            return False
        self._was_connected = True
        self._health.report("ari", LinkState.UP, f"Asterisk {info.system.version}")
        log.info("ari_connected", version=info.system.version)
        return True

    def _received(self, data: str | bytes) -> None:
        try:
            event = wire.decode_event(data)
        except msgspec.DecodeError:
            self.unknown_events += 1
            return
        if isinstance(event, wire.RESTResponse):
            waiting = self._answers.pop(event.request_id, None)
            if waiting is not None and not waiting.done():
                waiting.set_result(event)
        elif isinstance(event, wire.ApplicationReplaced):
            self.replaced.set()
        else:
            self._on_event(event)

    def _down(self, reason: str) -> None:
        self._health.report("ari", LinkState.DOWN, reason)

    def _refused(self, error: aiohttp.WSServerHandshakeError) -> None:
        if error.status in (401, 403):
            self._down("Asterisk refused our user or password")
            raise AriRefused(f"ARI at {self._url} refused our user or password (HTTP {error.status})") from error
        self._down(f"Asterisk answered {error.status}")

    def _fail_answers(self) -> None:
        for waiting in self._answers.values():
            if not waiting.done():
                waiting.set_exception(AriUnavailable("the ARI websocket was closed"))
        self._answers.clear()

    # --- requests ---

    async def request(self, method: str, path: str, body: Any = None) -> bytes:
        """A request that never waits for a playback: over the websocket where that is possible.

        Raises AriGone, AriConflict, AriUnavailable, AriRefused or AsteriskError by the answer's status.
        """
        payload = wire.encode_json(body) if body is not None else b""
        if not self._ws_rest or len(payload) > _WS_MAX_REQUEST:
            return await self.http(method, path, body)
        answer = await self._over_socket(method, path, payload)
        _raise_for(answer.code, method, path, answer.body)
        return answer.body.encode()

    async def _over_socket(self, method: str, path: str, payload: bytes) -> wire.RESTResponse:
        socket = self._socket
        if socket is None:
            raise AriUnavailable("ARI is not connected")
        number = str(next(self._numbers))
        waiting: asyncio.Future[wire.RESTResponse] = asyncio.get_running_loop().create_future()
        self._answers[number] = waiting
        kind = "application/json" if payload else ""
        frame = wire.encode_request(wire.RESTRequest(number, method, path, kind, payload.decode()))
        try:
            async with asyncio.timeout(REQUEST_TIMEOUT):
                await socket.send_frame(frame, aiohttp.WSMsgType.TEXT)
                return await waiting
        except TimeoutError:
            raise AriUnavailable(f"no answer to {method} {path} within {REQUEST_TIMEOUT:g} s") from None
        except (aiohttp.ClientError, OSError) as error:
            raise AriUnavailable(f"{method} {path}: {error}") from error
        finally:
            self._answers.pop(number, None)

    async def http(self, method: str, path: str, body: Any = None, timeout: float = 30.0) -> bytes:
        """A request over the HTTP pool: the lane for those that may wait for a playback."""
        if self._session is None:
            raise AriUnavailable("ARI is not open")
        limit = aiohttp.ClientTimeout(total=timeout)
        payload = wire.encode_json(body) if body is not None else None
        headers = {"Content-Type": "application/json"} if payload else None
        try:
            async with self._session.request(
                method, f"{self._url}/{path}", data=payload, headers=headers, timeout=limit
            ) as answer:
                text = await answer.read()
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            raise AriUnavailable(f"{method} {path}: {str(error) or type(error).__name__}") from error
        _raise_for(answer.status, method, path, text.decode(errors="replace"))
        return text


_CLOSE = aiohttp.ClientWSTimeout(ws_close=2.0)


def _version(text: str) -> tuple[int, ...]:
    digits = text.split("-")[0].split("~")[0].split(".")
    return tuple(int(part) for part in digits if part.isdigit())


def _raise_for(status: int, method: str, path: str, text: str) -> None:
    if status < 300:
        return
    said = f"{method} {path}: {status} {text[:200]}"
    match status:
        case 401 | 403:
            raise AriRefused(said)
        case 404:
            raise AriGone(said)
        case 409 | 412:
            raise AriConflict(said)
        case 503:
            raise AriUnavailable(said)
        case _:
            raise AsteriskError(said)
