"""While nobody looks, calls in the menus wake no desk; and who talked with whom is not missed for all that."""

from __future__ import annotations

import asyncio

from agent_desk import Bench
from test_desk_page import tab
from web_visitor import Visitor, visiting

from pbx_bridge.web.board.page import BOARD
from pbx_bridge.web.desk.page import HUB


def woken(visitor: Visitor) -> tuple[bool, bool]:
    """Whether the desks' and the board's hubs have something to look at."""
    app = visitor.client.app
    assert app is not None
    return app[HUB]._touched.is_set(), app[BOARD]._touched.is_set()


async def test_whoever_talked_while_nobody_looked_passed_the_call_on() -> None:
    bench = Bench(extension="102")
    async with visiting(bench.parts) as visitor:
        await visitor.get("/healthz")  # both hubs wait by then
        bench.line.in_menu("1.1", "menu")
        phone = bench.rings(extension="101")
        assert woken(visitor) == (False, False)
        bench.line.talks("1.1", phone)
        assert woken(visitor) == (True, False)
        async with asyncio.timeout(5):
            while woken(visitor)[0]:  # noqa: ASYNC110 - it takes what is there and tells nobody
                await asyncio.sleep(0)
        bench.line.hangs_up(phone)
        bench.line.rings("1.1", "102")
        async with tab(visitor) as seen, asyncio.timeout(5):
            while not any("Passed on by" in piece and "زهرا" in piece for piece in seen.pieces.values()):
                await seen._next()
        assert bench.line.feed.channels.any_together
        bench.line.hangs_up("1.1-102", "1.1")
        assert not bench.line.feed.channels.any_together
