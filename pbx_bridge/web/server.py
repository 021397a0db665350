"""Serves the site on an address for as long as a context lasts; another site may take its place meanwhile."""

from __future__ import annotations

import asyncio
import errno
import socket
import ssl
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager

from aiohttp import web

from pbx_bridge.errors import PortTaken, SettingsError

_SHUTDOWN_S = 2.0  # streams end at once; this is for a browser that takes no data
_FIRST_S = 1.0  # whoever has come to the site before, and has asked nothing yet, is answered by it
_PATIENCE_S = 60.0  # for what is under way while another site follows
_BACKLOG = 128


class Showing:
    """What an address shows: one site after another, with no moment in which nobody answers.

    A site that is followed by another ends its streams, which browsers ask for anew, and answers what it was asked.
    """

    def __init__(self, sockets: Sequence[socket.socket], host: str) -> None:
        self.sockets, self._host = sockets, host
        self._runner: web.AppRunner | None = None
        self._copies: list[socket.socket] = []
        self._leaving: set[asyncio.Task[None]] = set()

    @property
    def address(self) -> str:
        """`host:port`, as it stands in a URL."""
        port = self.sockets[0].getsockname()[1]
        return f"{f'[{self._host}]' if ':' in self._host else self._host}:{port}"

    async def show(self, site: web.Application, tls: ssl.SSLContext | None = None) -> None:
        """Answer with this site from now on, over TLS or plainly."""
        # No access log: addresses carry the numbers people search for.
        runner = web.AppRunner(site, access_log=None, shutdown_timeout=_SHUTDOWN_S)
        await runner.setup()
        copies = [one.dup() for one in self.sockets]  # a site that ends closes what it listened on
        try:
            for one in copies:
                await web.SockSite(runner, one, ssl_context=tls, backlog=_BACKLOG).start()
        except BaseException:
            await runner.cleanup()
            raise
        for one in self._copies:  # the site before takes nobody in any more
            asyncio.get_running_loop().remove_reader(one)
        before, self._runner, self._copies = self._runner, runner, copies
        if before is not None:
            leaving = asyncio.create_task(_leave(before), name="site-before")
            self._leaving.add(leaving)
            leaving.add_done_callback(self._leaving.discard)

    async def end(self) -> None:
        """Nobody answers any more. To be told so again is nothing new."""
        for one in self.sockets:
            one.close()
        await asyncio.sleep(0)  # one that has not begun to leave could not be told to hurry
        for leaving in tuple(self._leaving):
            leaving.cancel()
        runner, self._runner = self._runner, None
        if runner is not None:
            await runner.cleanup()
        await asyncio.gather(*self._leaving, return_exceptions=True)


@asynccontextmanager
async def listening(host: str, port: int, there: Sequence[socket.socket] = ()) -> AsyncIterator[Showing]:
    """Listen until the context ends; see `serve`. `there`: sockets that listen on that address already."""
    async with AsyncExitStack() as stack:
        sockets = [stack.enter_context(one) for one in there or await _sockets(host, port)]
        showing = Showing(sockets, host)
        stack.push_async_callback(showing.end)
        yield showing


@asynccontextmanager
async def serve(site: web.Application, host: str, port: int) -> AsyncIterator[str]:
    """Serve until the context ends; gives the address, `http://host:port`.

    Args:
        site: of `make_site`.
        host: where to listen.
        port: where to listen; 0 picks a free one.

    Raises:
        PortTaken: another program listens there.
        SettingsError: the address cannot be listened on.
    """
    async with listening(host, port) as showing:
        await showing.show(site)
        yield f"http://{showing.address}"


async def _leave(runner: web.AppRunner) -> None:
    """End a site that another has followed: its streams soon, an export when it is finished."""
    try:
        await asyncio.sleep(_FIRST_S)
        for site in runner.sites:
            await site.stop()
        if runner.server is not None:
            runner.server.pre_shutdown()
            await runner.shutdown()
            await runner.server.shutdown(_PATIENCE_S)
    finally:
        await runner.cleanup()


async def _sockets(host: str, port: int) -> list[socket.socket]:
    """One for each address that the name stands for."""
    made: list[socket.socket] = []
    try:
        loop = asyncio.get_running_loop()
        found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        for family, address in dict.fromkeys((one[0], one[4]) for one in found):
            made.append(socket.create_server(address[:2], family=family, backlog=_BACKLOG))
    except OSError as error:
        for one in made:
            one.close()
        raise _refused(error, f"{host}:{port}") from error
    return made


def _refused(error: OSError, where: str) -> Exception:
    if error.errno == errno.EADDRINUSE:
        return PortTaken(f"{where} is taken by another program: the pages need it (web.port)")
    return SettingsError(f"the pages cannot listen on {where}: {error.strerror or error}")
