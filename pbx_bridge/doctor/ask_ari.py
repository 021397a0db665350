"""What ARI tells, by a few GETs. Nothing is subscribed to and nothing changed."""

from __future__ import annotations

from datetime import datetime
from typing import TypeVar

import aiohttp
import msgspec

from pbx_bridge.doctor.finding import Trouble, Unseen
from pbx_bridge.doctor.gathered import App, AriTold
from pbx_bridge.doctor.place import Place

T = TypeVar("T")

_LIMIT_S = 5.0
_ALL = ("__AST_CHANNEL_ALL_TOPIC", "__AST_BRIDGE_ALL_TOPIC", "__AST_ENDPOINT_ALL_TOPIC")


class _Config(msgspec.Struct):
    name: str = ""


class _System(msgspec.Struct):
    version: str = ""


class _Status(msgspec.Struct):
    startup_time: datetime | None = None


class _Info(msgspec.Struct):
    config: _Config = msgspec.field(default_factory=_Config)
    system: _System = msgspec.field(default_factory=_System)
    status: _Status = msgspec.field(default_factory=_Status)


class _App(msgspec.Struct):
    name: str
    channel_ids: list[str] = []
    bridge_ids: list[str] = []
    endpoint_ids: list[str] = []


class _Endpoint(msgspec.Struct):
    technology: str
    resource: str
    state: str = "unknown"


class _Channel(msgspec.Struct):
    creationtime: datetime | None = None


class _Module(msgspec.Struct):
    name: str
    status: str = ""


class _Refused(Exception):
    pass


async def ask_ari(place: Place) -> tuple[AriTold | Unseen, frozenset[str] | Unseen]:
    """What it told, and which modules are loaded."""
    if place.ari_secret is None:
        unseen = Unseen("there is no password for ARI in HOME/secrets/ari")
        return unseen, unseen
    auth = {"Authorization": aiohttp.encode_basic_auth(place.ours.ari_user, place.ari_secret)}
    timeout = aiohttp.ClientTimeout(total=_LIMIT_S)
    trust = place.ari_trust
    connector = aiohttp.TCPConnector(ssl=trust.for_http() if trust is not None else True)
    async with aiohttp.ClientSession(headers=auth, timeout=timeout, connector=connector) as session:
        try:
            return await _told(session, place.ari_url.rstrip("/")), await _modules(session, place.ari_url.rstrip("/"))
        except _Refused as error:
            unseen = Unseen(f"ARI at {place.ari_url} refused user {place.ours.ari_user} ({error})", Trouble.REFUSED)
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            reason = trust.reason(error) if trust is not None else str(error) or "no answer"
            unseen = Unseen(f"no ARI at {place.ari_url}: {reason}", Trouble.DOWN)
        except (ValueError, RecursionError) as error:
            unseen = Unseen(f"what answers at {place.ari_url} is no ARI: {error}", Trouble.DOWN)
        return unseen, unseen


async def _told(session: aiohttp.ClientSession, url: str) -> AriTold:
    info = await _get(session, f"{url}/asterisk/info", _Info)
    apps = await _get(session, f"{url}/applications", list[_App])
    endpoints = await _get(session, f"{url}/endpoints", list[_Endpoint])
    channels = await _get(session, f"{url}/channels", list[_Channel])
    return AriTold(
        version=info.system.version,
        systemname=info.config.name,
        local_start=info.status.startup_time,
        apps=tuple(App(name=app.name, hears_all=_hears_all(app)) for app in apps),
        endpoints={f"{one.technology}/{one.resource}": one.state for one in endpoints},
        oldest_call=min((one.creationtime for one in channels if one.creationtime), default=None),
    )


async def _modules(session: aiohttp.ClientSession, url: str) -> frozenset[str] | Unseen:
    try:
        modules = await _get(session, f"{url}/asterisk/modules", list[_Module])
    except _Refused:
        return Unseen("http.conf keeps the list of modules from ARI, as it should, and no console can be asked")
    return frozenset(one.name.removesuffix(".so") for one in modules if one.status in ("Running", ""))


async def _get(session: aiohttp.ClientSession, url: str, kind: type[T]) -> T:
    async with session.get(url) as answer:
        if answer.status in (401, 403):
            raise _Refused(f"HTTP {answer.status}")
        answer.raise_for_status()
        told: T = msgspec.json.decode(await answer.read(), type=kind)
        return told


def _hears_all(app: _App) -> bool:
    return any(name in _ALL for name in (*app.channel_ids, *app.bridge_ids, *app.endpoint_ids))
