"""Facts made up by hand, where no capture has the case."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

from captured import NODE

from pbx_bridge.calls.call import Call
from pbx_bridge.calls.facts import CelRow, Fact, QueueEvent
from pbx_bridge.calls.fold import fold

T0 = datetime(2026, 11, 21, 20, 0, 0, 250000, tzinfo=UTC)


def folded(facts: Iterable[Fact], boots: Iterable[datetime] = ()) -> Call:
    call = fold(facts, tuple(boots))
    assert call is not None
    return call


def root_of(facts: Iterable[Fact]) -> CelRow:
    return min((fact for fact in facts if isinstance(fact, CelRow)), key=lambda row: row.at)


def cel(
    at_s: float, event: str, channel: str = "PJSIP/trunk-00000000", *, linked: str = "", app: str = "", **more: Any
) -> CelRow:
    """A made-up row; a channel's uniqueid is its name."""
    defaults = {name: "" for name in ("user_type", "name", "num", "ani", "rdnis", "dnid", "account", "peer")}
    return CelRow(
        node=NODE,
        file="cel:made",
        offset=int(at_s * 1e6),
        at=T0 + timedelta(seconds=at_s),
        event=event,
        channel_name=channel,
        uniqueid=channel,
        linkedid=linked or channel,
        app=app,
        app_data=more.pop("app_data", ""),
        user_field="",
        **(defaults | {"exten": "1000", "context": "from-trunk" if "trunk" in channel else "from-agents"} | more),
    )


def ending(at_s: float, channel: str = "PJSIP/trunk-00000000", *, cause: int = 16, by: str = "") -> list[CelRow]:
    extra = {"hangupcause": cause, "hangupsource": by}
    return [cel(at_s, "HANGUP", channel, extra=extra), cel(at_s + 0.000001, "CHAN_END", channel)]


def queue_event(at: int, event: str, agent: str = "NONE", queue: str = "support", *args: str) -> QueueEvent:
    """One queue_log line; `at` in seconds after T0's whole second, as queue_log cuts fractions."""
    second = T0.replace(microsecond=0) + timedelta(seconds=at)
    root = "PJSIP/trunk-00000000"
    offset = at * 100 + len(event)
    return QueueEvent(
        node=NODE, file="queue:made", offset=offset, at=second, uniqueid=root, queue=queue, agent=agent,
        event=event, args=args,
    )  # fmt: skip


def in_queue(until_s: float, *, by: str = "") -> list[Fact]:
    """Menu for a second, queue from there, and the end."""
    return [
        cel(0, "CHAN_START"),
        cel(0.1, "APP_START", app="Stasis", app_data="pbx_bridge,in,1000"),
        cel(1, "APP_END", app="Stasis", app_data="pbx_bridge,in,1000"),
        cel(1.001, "APP_START", app="Queue", app_data="support,cC,,,60"),
        cel(until_s, "APP_END", app="Queue", app_data="support,cC,,,60"),
        *ending(until_s + (0 if by else 3), by=by),
    ]
