"""A second ARI application that hears every channel of an Asterisk: what is played, as Asterisk tells it.

Not by `subscribeAll=true`: that takes in every device's state as well. On Asterisk 22.10 an application with it that
closes its websocket while a device's state is being told to it stops all of ARI for good. The thread that closes
holds its session's lock and waits for the subscription's last message (stasis_app_unregister, in it
res_stasis_device_state and stasis_unsubscribe_and_join), and the thread that brings the message waits for that lock:
seen in backtraces.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Protocol

import aiohttp


class _Secrets(Protocol):
    @property
    def ari(self) -> str: ...
    @property
    def ari_monitor(self) -> str: ...


@asynccontextmanager
async def every_channel(
    host: str, port: int, app: str, secrets: _Secrets
) -> AsyncIterator[aiohttp.ClientWebSocketResponse]:
    """The websocket of an application of that name. Raises aiohttp.ClientError, OSError, TimeoutError."""
    base, query = f"http://{host}:{port}/ari", {"app": app, "subscribeAll": "false"}
    listens = {"Authorization": aiohttp.encode_basic_auth("pbx_mon", secrets.ari_monitor)}
    # Who only listens may not subscribe.
    subscribes = {"Authorization": aiohttp.encode_basic_auth("pbx_bridge", secrets.ari)}
    async with (
        aiohttp.ClientSession() as web,
        web.ws_connect(f"{base}/events", params=query, headers=listens, max_msg_size=0) as socket,
    ):
        which = {"eventSource": "channel:"}  # without an id: all there are and will be
        async with web.post(f"{base}/applications/{app}/subscription", params=which, headers=subscribes) as answer:
            answer.raise_for_status()
        yield socket
