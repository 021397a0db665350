"""A flow whose callers leave tickets, complaints and callbacks, for tests."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from pbx_bridge.ivr import flow

NOON = datetime(2026, 11, 22, 8, 30, tzinfo=UTC)  # 12:00 in Tehran, a Sunday
CALLBACK_FIELDS = (
    "kind: callback, prompt: callback_confirm, wrong: menu_wrong, queue: support, promised: promised, other: number,"
    " refused: person, unavailable: person"
)
FILE = """
flow: left
languages: [en, fa]
start: menu
person: person
filler: one_moment
nodes:
  menu:
    kind: menu
    prompt: menu
    keys: {"1": ticket, "2": complaint, "3": callback, "4": later, "5": opening, "6": keyed, "7": who}
    wrong: menu_wrong
    too_many: person
  who: {kind: caller, found: menu, unknown: menu, unavailable: person}
  ticket:
    kind: ticket
    subject: a call broke off
    message: kept.problem
    opened: told
    unknown: person
    unavailable: person
  told: {kind: say, prompt: opened, next: menu}
  complaint:
    kind: complaint
    subject: complaint by telephone
    reason: kept.reason
    message: kept.problem
    opened: complained
    unknown: person
    unavailable: person
  complained: {kind: say, prompt: complained, next: menu}
  callback: {CALLBACK}
  later: {CALLBACK, when: kept.day}
  opening: {CALLBACK, when: opening}
  keyed: {CALLBACK, number: kept.phone, confirm: "*", change: "#"}
  number: {kind: say, prompt: key_number, next: menu}
  promised: {kind: say, prompt: promised, next: menu}
  person: {kind: queue, queue: support, nobody: end, timeout: end}
  end: {kind: hang_up}
""".replace("CALLBACK", CALLBACK_FIELDS)
FLOW = flow.parse(FILE.encode(), Path("left.yaml"))
