"""The line from a sender to its receiver: HTTPS with a token; every way in which it fails is one sentence."""

from __future__ import annotations

import io
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

import aiohttp

from pbx_bridge.errors import BridgeError, InputError
from pbx_bridge.spool import delivery as wire
from pbx_bridge.tls import Trust

_CONNECT_S = 5.0
LIMIT_S = 20.0  # for a delivery; on a slower line the next one is smaller


class LineDown(BridgeError):
    """Nothing can be brought now: it is tried again."""


class LineSlow(LineDown):
    """No answer in time."""


class SendLine:
    """The line to one receiver.

    Args:
        url: where it listens, `https://host:port`.
        trust: whom we believe to be it.
        limit_s: seconds for one exchange.

    Raises:
        InputError: the url is another.
        SettingsError: what we trust cannot be read.
    """

    def __init__(self, url: str, token: str, trust: Trust, limit_s: float = LIMIT_S) -> None:
        parts = urlsplit(url)
        if parts.scheme != "https" or not parts.hostname or parts.path.strip("/") or parts.query:
            raise InputError(f"--to: {url!r} is not https://host:port of the daemon's settings receive.*")
        self.url = url.rstrip("/")
        self._token, self._trust, self._limit_s = token, trust, limit_s
        self._ssl = trust.for_http()
        self._session: aiohttp.ClientSession | None = None

    @asynccontextmanager
    async def open(self) -> AsyncIterator[None]:
        """One connection, kept."""
        connector = aiohttp.TCPConnector(ssl=self._ssl, limit=1)
        timeout = aiohttp.ClientTimeout(total=self._limit_s, sock_connect=_CONNECT_S)
        headers = {"Authorization": f"Bearer {self._token}"}
        async with aiohttp.ClientSession(connector=connector, timeout=timeout, headers=headers) as session:
            self._session = session
            try:
                yield
            finally:
                self._session = None

    async def greet(self) -> wire.Welcome:
        """Where to go on. Raises LineDown."""
        answer = await self._exchange("GET", None)
        try:
            return wire.decode_welcome(answer)
        except (ValueError, RecursionError) as error:
            raise LineDown(f"what answers at {self.url} is no receiver of ours: {error}") from error

    async def deliver(self, delivery: wire.Delivery) -> wire.Receipt:
        """Bring it; when this returns, all of it is on the receiver's disk. Raises LineDown, LineSlow."""
        answer = await self._exchange("POST", wire.encode(delivery))
        try:
            return wire.decode_receipt(answer)
        except (ValueError, RecursionError) as error:
            raise LineDown(f"what answers at {self.url} is no receiver of ours: {error}") from error

    async def _exchange(self, method: str, body: bytes | None) -> bytes:
        if self._session is None:
            raise LineDown("the line is not open")
        try:
            async with self._session.request(
                method, f"{self.url}{wire.PATH}", data=_streamed(body), allow_redirects=False
            ) as answer:
                told = await answer.read()
        except TimeoutError as error:
            raise LineSlow(f"no answer from {self.url} within {self._limit_s:g} s") from error
        except (aiohttp.ClientError, OSError) as error:
            raise LineDown(f"{self.url}: {self._trust.reason(error)}") from error
        if answer.status != 200:
            raise LineDown(self._refusal(answer.status, told))
        return told

    def _refusal(self, status: int, told: bytes) -> str:
        if status == 401:
            return f"{self.url} does not know our token: make one there with `pbx-bridge spool token NODE`"
        if status in (400, 409, 503):
            return f"{self.url}: {told.decode('utf-8', 'replace')[:300]}"
        return f"what answers at {self.url} is no receiver of ours: HTTP {status}"


def _streamed(body: bytes | None) -> io.BytesIO | None:
    """In pieces: a megabyte at once would hold the loop up, as aiohttp warns."""
    return None if body is None else io.BytesIO(body)
