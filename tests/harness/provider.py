"""A telephone company's SIP server on an address of this machine: it wants a registration, and takes no calls.

async with Provider("127.0.0.2", user="02191001234", password="…") as provider:
    await provider.registered()
"""

from __future__ import annotations

import asyncio
import hashlib
import re
import secrets
from types import TracebackType
from typing import Self

from pbx_bridge.pbx.phone import message
from pbx_bridge.pbx.phone.dialog import response_to
from pbx_bridge.pbx.phone.message import Request, Response

_PAIR = re.compile(r'(\w+)="?([^",]+)"?')


class Provider(asyncio.DatagramProtocol):
    """Challenges each REGISTER, and answers 503 to each INVITE.

    Attributes:
        contact: the address it was told to send calls to; empty until then.
        asked: every INVITE that came.
    """

    def __init__(self, host: str, *, user: str, password: str) -> None:
        self.host, self._user, self._password = host, user, password
        self.port, self.contact = 0, ""
        self.asked: asyncio.Queue[Request] = asyncio.Queue()
        self._nonce = secrets.token_hex(8)
        self._done = asyncio.Event()
        self._socket: asyncio.DatagramTransport | None = None

    async def __aenter__(self) -> Self:
        loop = asyncio.get_running_loop()
        self._socket, _ = await loop.create_datagram_endpoint(lambda: self, local_addr=(self.host, 0))
        self.port = int(self._socket.get_extra_info("sockname")[1])
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._socket is not None:
            self._socket.close()

    async def registered(self, timeout_s: float = 10.0) -> None:
        """Wait until somebody who knows the password has registered."""
        async with asyncio.timeout(timeout_s):
            await self._done.wait()

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        """Answer a request."""
        request = message.parse(data)
        if isinstance(request, Request) and request.method != "ACK" and self._socket is not None:
            self._socket.sendto(message.build(self._answer(request)), addr)

    def _answer(self, request: Request) -> Response:
        match request.method:
            case "REGISTER" if self._knows_us(message.header(request, "authorization")):
                self.contact = message.header(request, "contact")
                self._done.set()
                return response_to(request, 200, "OK", extra=(("Contact", self.contact), ("Expires", "600")))
            case "REGISTER":
                told = f'Digest realm="lab", nonce="{self._nonce}", algorithm=MD5'
                return response_to(request, 401, "Unauthorized", extra=(("WWW-Authenticate", told),))
            case "INVITE":
                self.asked.put_nowait(request)
                return response_to(request, 503, "Service Unavailable")
            case _:
                return response_to(request, 200, "OK")

    def _knows_us(self, value: str) -> bool:
        told = dict(_PAIR.findall(value))
        secret = _md5(f"{self._user}:lab:{self._password}")
        asked = _md5(f"REGISTER:{told.get('uri', '')}")
        wanted = _md5(f"{secret}:{self._nonce}:{asked}")
        return told.get("username") == self._user and told.get("response") == wanted


def _md5(text: str) -> str:
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()
