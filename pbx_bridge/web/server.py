"""Serves the site on an address for as long as a context lasts."""

from __future__ import annotations

import errno
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aiohttp import web

from pbx_bridge.errors import PortTaken, SettingsError

_SHUTDOWN_S = 2.0  # streams end at once; this is for a browser that takes no data


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
    # No access log: addresses carry the numbers people search for.
    runner = web.AppRunner(site, access_log=None, shutdown_timeout=_SHUTDOWN_S)
    await runner.setup()
    try:
        await _listen(runner, host, port)
        bound = runner.addresses[0][1]
        yield f"http://{f'[{host}]' if ':' in host else host}:{bound}"
    finally:
        await runner.cleanup()


async def _listen(runner: web.AppRunner, host: str, port: int) -> None:
    try:
        await web.TCPSite(runner, host, port).start()
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise PortTaken(f"{host}:{port} is taken by another program: the pages need it (web.port)") from error
        reason = error.strerror or str(error)
        raise SettingsError(f"the pages cannot listen on {host}:{port}: {reason}") from error
