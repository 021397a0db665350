"""Where senders of spools come to: HTTPS, a token for each PBX, nothing else. See delivery.py for what is said."""

from __future__ import annotations

import asyncio
import errno
import hashlib
import secrets
import ssl
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import structlog
from aiohttp import web

from pbx_bridge.errors import BridgeError, PortTaken, SettingsError
from pbx_bridge.spool import delivery as wire
from pbx_bridge.spool.receive import NotNow, OutOfStep, ReceivedNode
from pbx_bridge.tls import OwnCertificate

log = structlog.get_logger()

_LOOK_S = 1.0
_SHUTDOWN_S = 2.0
_FILE = "spool-"  # its token's, in HOME/secrets


def make_token(folder: Path, node: str) -> str:
    """A new token for a PBX; the one before is worth nothing from now on. Only its hash is kept. Raises OSError."""
    token = secrets.token_urlsafe(32)
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    draft = folder / f".{_FILE}{node}.new"
    draft.unlink(missing_ok=True)
    draft.touch(mode=0o600, exist_ok=False)
    draft.write_text(f"{_hash(token)}\n", encoding="ascii")
    draft.replace(folder / f"{_FILE}{node}")
    return token


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode("utf-8", "replace")).hexdigest()


@dataclass(frozen=True, slots=True, kw_only=True)
class Doorway:
    """Where to listen, and with which certificate. `tokens`: the folder that `make_token` wrote to."""

    host: str
    port: int
    certificate: Path
    key: Path
    tokens: Path


class Receiver:
    """Takes what the senders of these nodes bring. Run `run()` as a task; it ends only when cancelled."""

    def __init__(self, doorway: Doorway, nodes: Mapping[str, ReceivedNode]) -> None:
        self._doorway, self._nodes = doorway, nodes
        self._by_hash: dict[str, ReceivedNode] = {}
        self._refused: set[str] = set()
        self.port = doorway.port
        self.listening = asyncio.Event()

    async def run(self) -> None:
        """Listen. Raises PortTaken, SettingsError when that cannot be."""
        door = self._doorway
        shown = await asyncio.to_thread(OwnCertificate, door.certificate, door.key, "receive")
        async with self._listening(shown.context):
            try:
                while True:
                    await self._look(shown)
                    for node in self._nodes.values():
                        node.look()
                    self.listening.set()
                    await asyncio.sleep(_LOOK_S)
            finally:
                for node in self._nodes.values():
                    await node.close()

    @asynccontextmanager
    async def _listening(self, context: ssl.SSLContext) -> AsyncIterator[None]:
        app = web.Application(client_max_size=wire.MOST_BYTES)
        app.add_routes([web.get(wire.PATH, self._greet), web.post(wire.PATH, self._take)])
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=_SHUTDOWN_S)
        await runner.setup()
        try:
            await _listen(runner, self._doorway, context)
            self.port = runner.addresses[0][1]
            yield
        finally:
            await runner.cleanup()

    async def _greet(self, request: web.Request) -> web.Response:
        node = self._node(request)
        try:
            return _answer(await node.welcome())
        except NotNow as error:
            return web.Response(status=503, text=str(error))

    async def _take(self, request: web.Request) -> web.Response:
        node = self._node(request)
        try:
            return _answer(await node.take(wire.decode_delivery(await request.read())))
        except NotNow as error:
            return web.Response(status=503, text=str(error))
        except OutOfStep as error:
            return web.Response(status=409, text=str(error))
        except (ValueError, RecursionError) as error:
            log.warning("delivery_not_understood", node=node.node, reason=str(error))
            return web.Response(status=400, text=f"this is no delivery: {error}")

    def _node(self, request: web.Request) -> ReceivedNode:
        """Whose token it is; asked before anything of the body is read."""
        kind, _, token = request.headers.get("Authorization", "").partition(" ")
        node = self._by_hash.get(_hash(token)) if kind == "Bearer" else None
        if node is None:
            where = request.remote or ""
            if where not in self._refused and len(self._refused) < 1000:  # said once: it may come every second
                self._refused.add(where)
                log.warning("spool_sender_refused", address=where)
            raise web.HTTPUnauthorized(text="no PBX has this token")
        return node

    async def _look(self, shown: OwnCertificate) -> None:
        """Take up tokens and a certificate that are new."""
        try:
            self._by_hash = await asyncio.to_thread(self._tokens)
            if await asyncio.to_thread(shown.look):
                log.info("receive_certificate_loaded")
        except (BridgeError, OSError) as error:
            log.warning("receive_files_not_read", reason=str(error))

    def _tokens(self) -> dict[str, ReceivedNode]:
        found = {}
        for name, node in self._nodes.items():
            path = self._doorway.tokens / f"{_FILE}{name}"
            if path.exists():
                found[path.read_text(encoding="ascii").strip()] = node
        return found


def _answer(told: wire.Welcome | wire.Receipt) -> web.Response:
    return web.Response(body=wire.encode(told), content_type=wire.TYPE)


async def _listen(runner: web.AppRunner, door: Doorway, context: ssl.SSLContext) -> None:
    where = f"{door.host}:{door.port}"
    try:
        await web.TCPSite(runner, door.host, door.port, ssl_context=context).start()
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            told = f"{where} is taken by another program: senders of spools come there (receive.port)"
            raise PortTaken(told) from error
        raise SettingsError(f"receive.host: cannot listen on {where}: {error.strerror or error}") from error
