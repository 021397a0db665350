"""The typed keys under which the application and a request keep things."""

from __future__ import annotations

import asyncio
from zoneinfo import ZoneInfo

from aiohttp import web

from pbx_bridge.health import Clock, Health, Meter, Tally
from pbx_bridge.web import limit, live, permits, ports

HEALTH = web.AppKey("health", Health)
CALLS = web.AppKey("calls", ports.Calls)
SHORTFALLS = web.AppKey("shortfalls", ports.Shortfalls)
DESK = web.AppKey("desk", ports.Desk)
AGENTS = web.AppKey("agents", ports.Agents)
RECORDINGS = web.AppKey("recordings", ports.Recordings)
FLOW = web.AppKey("flow", ports.Drawing)
USERS = web.AppKey("users", ports.Users)
ZONE = web.AppKey("zone", ZoneInfo)
REGION = web.AppKey("region", str)
CLOCK: web.AppKey[Clock] = web.AppKey("clock")
LIVE = web.AppKey("live", live.LiveCalls)
METERS: web.AppKey[tuple[Meter | Tally, ...]] = web.AppKey("meters")
STOPPING = web.AppKey("stopping", asyncio.Event)
LIMITER = web.AppKey("limiter", limit.Limiter)

USER: web.RequestKey[permits.Account] = web.RequestKey("user")
