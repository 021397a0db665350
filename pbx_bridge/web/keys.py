"""The typed keys under which the application and a request keep things."""

from __future__ import annotations

import asyncio
from zoneinfo import ZoneInfo

from aiohttp import web
from cryptography.fernet import Fernet

from pbx_bridge.health import Clock, Health
from pbx_bridge.store.sessions import Session
from pbx_bridge.store.users import Role
from pbx_bridge.web import limit, live, oidc, permits, ports, sessions, vitals
from pbx_bridge.web.admin import ports as account_ports
from pbx_bridge.web.assets import Assets
from pbx_bridge.web.history import ports as history_ports

ASSETS = web.AppKey("assets", Assets)
HEALTH = web.AppKey("health", Health)
CALLS = web.AppKey("calls", ports.Calls)
SHORTFALLS = web.AppKey("shortfalls", ports.Shortfalls)
DESK = web.AppKey("desk", ports.Desk)
AGENTS = web.AppKey("agents", ports.Agents)
FLOW = web.AppKey("flow", ports.Drawing)
USERS = web.AppKey("users", account_ports.Users)
SIGN_INS = web.AppKey("sign_ins", sessions.SignIns)
TOKENS = web.AppKey("tokens", sessions.TokenCheck)
OIDC: web.AppKey[oidc.Oidc | None] = web.AppKey("oidc")
SEALER = web.AppKey("sealer", Fernet)
PASSWORDS = web.AppKey("passwords", bool)  # whether the settings let people sign in by password
AUDIT = web.AppKey("audit", ports.Audit)
VIEWS = web.AppKey("views", history_ports.Views)
ZONE = web.AppKey("zone", ZoneInfo)
REGION = web.AppKey("region", str)
UNMASKED: web.AppKey[frozenset[Role]] = web.AppKey("unmasked")
CLOCK: web.AppKey[Clock] = web.AppKey("clock")
VITALS: web.AppKey[vitals.Vitals] = web.AppKey("vitals")
LIVE = web.AppKey("live", live.LiveCalls)
STOPPING = web.AppKey("stopping", asyncio.Event)
LIMITER = web.AppKey("limiter", limit.Limiter)

USER: web.RequestKey[permits.Account] = web.RequestKey("user")
SESSION: web.RequestKey[Session] = web.RequestKey("session")  # of a browser
