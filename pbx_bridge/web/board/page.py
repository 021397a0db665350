"""`/board` and its stream."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

from aiohttp import web
from aiohttp_sse import EventSourceResponse

from pbx_bridge.tasks import beside
from pbx_bridge.web import keys, pages, streams
from pbx_bridge.web.board.hub import Board
from pbx_bridge.web.board.ports import BoardParts, OpenCalls
from pbx_bridge.web.board.record import OnRecord
from pbx_bridge.web.permits import Permission, needs

BOARD = web.AppKey("board", Board)

BEAT_S = 5.0  # how often a silent stream says that it lives; the page believes it for twice as long


def install(app: web.Application, parts: BoardParts, calls: OpenCalls) -> None:
    """Make the board."""
    record = OnRecord(
        calls,
        app[keys.AGENTS],
        parts.tallies,
        targets=parts.targets,
        zone=app[keys.ZONE],
        clock=app[keys.CLOCK],
        touched=lambda: app[BOARD].touch(),
    )
    app[BOARD] = Board(parts, record, app[keys.HEALTH], app[keys.CLOCK])
    app.cleanup_ctx.append(_follow)
    app.on_shutdown.append(_end)


async def _follow(app: web.Application) -> AsyncIterator[None]:
    board = app[BOARD]
    async with beside(board.record.follow(), name="web_board_record"), beside(board.follow(), name="web_board"):
        yield


async def _end(app: web.Application) -> None:
    app[BOARD].close()


@needs(Permission.SEE_BOARD)
async def show(request: web.Request) -> web.Response:
    """GET /board."""
    board, who = request.app[BOARD], pages.viewer(request)
    standing, pieces = board.whole_pieces(who)
    return pages.page(
        request,
        "board/board.html",
        {
            "pieces": pieces,
            "view": standing.view,
            "blind": standing.blind,
            "events": f"/board/events?mark={board.mark}",
            "now_ms": round(who.now.timestamp() * 1000),
        },
    )


@needs(Permission.SEE_BOARD)
async def events(request: web.Request) -> web.StreamResponse:
    """GET /board/events: `change` (pieces by id, and which are gone), `whole` (all there is), `beat` (the time)."""

    async def write(stream: EventSourceResponse) -> None:
        board, who = request.app[BOARD], pages.viewer(request)
        mark = request.headers.get("Last-Event-ID") or request.query.get("mark", "")
        loop = asyncio.get_running_loop()
        end = loop.time() + streams.LIFE_S
        await stream.send("", event="hello", retry=streams.AGAIN_MS)
        async with board.looking(who):
            while stream.is_connected() and not board.closed and loop.time() < end:
                for change in board.since(mark, who):
                    mark = change.mark
                    await stream.send(change.text, event="whole" if change.whole else "change", id=mark)
                await stream.send(_time(request), event="beat")
                await board.wait(mark, BEAT_S)

    return await streams.serve(request, write)


def _time(request: web.Request) -> str:
    return str(round(request.app[keys.CLOCK]().timestamp() * 1000))


ROUTES = [web.get("/board", show), web.get("/board/events", events)]
