"""Limits that are met under load only: of ARI's sockets, of HTTP, of SIP."""

from __future__ import annotations

from pbx_bridge.doctor.conf import Section
from pbx_bridge.doctor.finding import Severity, check
from pbx_bridge.doctor.gathered import Gathered

_WRITE_MS = (500, 5000)
_SESSIONS = 200
_KEEP_MS = 45_000  # the daemon gives a kept connection up after 30 s: Asterisk must not be sooner


@check(
    "ari-write-timeout",
    Severity.FAULT,
    why="With the default of 100 ms a busy moment cuts the daemon off; with many seconds a frozen one stays.",
    mend="Set websocket_write_timeout = 1000 in [general] of ari.conf.",
)
def ari_write_timeout(g: Gathered) -> str:
    limit = _number(g.conf("ari.conf").one("general"), "websocket_write_timeout", 100)
    return "" if _WRITE_MS[0] <= limit <= _WRITE_MS[1] else f"websocket_write_timeout is {limit} ms"


@check(
    "http-sessions-few",
    Severity.FAULT,
    why="Beyond this number of connections ARI refuses the next request, and with it a call.",
    mend="Set sessionlimit = 300 in [general] of http.conf.",
)
def http_sessions_few(g: Gathered) -> str:
    limit = _number(g.conf("http.conf").one("general"), "sessionlimit", 100)
    return "" if limit >= _SESSIONS else f"sessionlimit is {limit}"


@check(
    "http-keep-alive-short",
    Severity.FAULT,
    why="Asterisk closes a connection just as the daemon asks on it, and the request is lost.",
    mend="Set session_keep_alive = 60000 in [general] of http.conf.",
)
def http_keep_alive_short(g: Gathered) -> str:
    limit = _number(g.conf("http.conf").one("general"), "session_keep_alive", 15_000)
    return "" if limit >= _KEEP_MS else f"session_keep_alive is {limit} ms"


@check(
    "overload-trigger",
    Severity.DANGER,
    why="By default one slow reader of ARI or AMI makes Asterisk ignore every new call.",
    mend="Set taskprocessor_overload_trigger = pjsip_only in the section of type global of pjsip.conf.",
)
def overload_trigger(g: Gathered) -> str:
    sections = g.conf("pjsip.conf").of_type("global")
    given = [section.get("taskprocessor_overload_trigger") for section in sections]
    trigger = next((value for value in given if value), "global")
    return "" if trigger == "pjsip_only" else f"taskprocessor_overload_trigger is {trigger}"


def _number(section: Section, key: str, default: int) -> int:
    text = section.get(key)
    return int(text) if text.isdecimal() else default
