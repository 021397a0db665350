"""A world that answers late, for as long as a test wants: a store and a service of others."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from aiohttp import web

_AGES = """
WITH RECURSIVE ages (i) AS (
  SELECT 1 UNION ALL SELECT i + 1 FROM ages WHERE i < {most}
)
SELECT COUNT(*) AS n FROM ages
"""
_LONG = "1000000000"  # minutes, on any machine; ended with the process that asked


@contextmanager
def slow_store(store: Path, *, customer: str, contract: str) -> Iterator[None]:
    """A store that takes minutes to find one customer and the contract of another, and to write any ticket.

    Until the end of the context; who asked meanwhile goes on asking until it is killed.
    """
    slow = (("customer", "code", customer), ("contract", "customer_code", contract))
    with closing(sqlite3.connect(store, timeout=20, isolation_level=None)) as db:
        db.execute(f"CREATE VIEW ages AS {_AGES.format(most=_LONG)}")
        db.execute("CREATE TRIGGER slow BEFORE INSERT ON ticket BEGIN SELECT n FROM ages; END")
        for table, column, code in slow:
            ages = _AGES.format(most=f"CASE k.{column} WHEN '{code}' THEN {_LONG} ELSE 1 END")
            db.execute(f"ALTER TABLE {table} RENAME TO {table}_kept")
            db.execute(f"CREATE VIEW {table} AS SELECT * FROM {table}_kept k WHERE 0 < ({ages})")  # noqa: S608
        yield
        for table, _, _ in slow:
            db.execute(f"DROP VIEW {table}")
            db.execute(f"ALTER TABLE {table}_kept RENAME TO {table}")
        db.execute("DROP TRIGGER slow")
        db.execute("DROP VIEW ages")


@dataclass(kw_only=True)
class SlowService:
    """Answers nobody until `awake` is set, and from then on at once or after a while.

    Attributes:
        after_s: how long an answer takes then, by path. told: what each request said it was, by path.
    """

    url: str = ""
    after_s: dict[str, float] = field(default_factory=dict)
    awake: asyncio.Event = field(default_factory=asyncio.Event)
    told: list[tuple[str, str]] = field(default_factory=list)

    async def answer(self, request: web.Request) -> web.Response:
        """Late."""
        self.told.append((request.path, request.headers.get("Idempotency-Key", "")))
        await self.awake.wait()
        await asyncio.sleep(self.after_s.get(request.path, 0.0))
        return web.json_response({"amount": 1})


@asynccontextmanager
async def slow_service() -> AsyncIterator[SlowService]:
    """A service on loopback, asleep."""
    service = SlowService()
    app = web.Application()
    app.router.add_route("*", "/{path}", service.answer)
    runner = web.AppRunner(app, shutdown_timeout=1.0)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        host, port = runner.addresses[0][:2]
        service.url = f"http://{host}:{port}"
        yield service
    finally:
        service.awake.set()
        await runner.cleanup()
