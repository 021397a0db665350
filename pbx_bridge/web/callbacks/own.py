"""Whose callbacks somebody sees: a lead everybody's; an agent their own, and nobody's of the queues they answer."""

from __future__ import annotations

from aiohttp import web

from pbx_bridge.store.callbacks import CallbackLine, Whose
from pbx_bridge.web import keys
from pbx_bridge.web.callbacks.ports import PARTS
from pbx_bridge.web.permits import own_only

ADDRESS = "/callbacks/{id:[0-9a-f]{16}}"
WHO = ("mine", "queues", "all")


def choices(request: web.Request) -> tuple[str, ...]:
    """What whoever asks may choose from."""
    return WHO if own_only(request[keys.USER]) is None else WHO[:2]


def chosen(request: web.Request) -> str:
    """What they chose; as much as they may unless they did."""
    told, may = request.query.get("who", ""), choices(request)
    return told if told in may else may[-1]


def whose(request: web.Request, who: str) -> Whose:
    """Those of a choice."""
    account = request[keys.USER]
    if who == "all":
        return Whose(everybody=True)
    if who == "mine":
        return Whose(owner=account.name)
    queues = request.app[PARTS].queues_of(account.extension) if account.extension else None
    return Whose(owner=account.name, pool=True, queues=queues)


async def find(request: web.Request) -> CallbackLine:
    """The callback of the address. Raises HTTPNotFound: none, or not theirs to see; StoreError."""
    line = await request.app[PARTS].book.get(request.match_info["id"])
    if line is None or not whose(request, choices(request)[-1]).sees(line):
        raise web.HTTPNotFound
    return line
