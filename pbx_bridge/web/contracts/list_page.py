"""`/contracts` and `/contracts/renewals`: which stand and which end soon, with what was used; and as CSV."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime
from typing import Any
from urllib.parse import urlencode

from aiohttp import web

from pbx_bridge.store.contracts import ContractLine
from pbx_bridge.store.contracts_use import Use
from pbx_bridge.values.hostile import clean
from pbx_bridge.web import keys, pages
from pbx_bridge.web.contracts import asked
from pbx_bridge.web.contracts.asked import OUTCOMES, STATES, Asked
from pbx_bridge.web.contracts.ports import PARTS
from pbx_bridge.web.contracts.rows import Candidate, Row, candidate_of, row_of, span, term_of, word
from pbx_bridge.web.customers import seen
from pbx_bridge.web.export import Cell, Rows, send_csv
from pbx_bridge.web.permits import Permission, needs
from pbx_bridge.web.viewer import Viewer

PAGE, RENEWALS = 50, 20
_AT_ONCE = 100
_COLUMNS = (
    "code", "customer", "tier", "number", "starts", "ends", "level", "state", "outcome", "calls", "inbound",
    "answered", "talk", "wait", "tickets", "complaints", "respond", "repair", "surveys", "satisfied", "scale",
    "step", "due",
)  # fmt: skip


@needs(Permission.SEE_CUSTOMERS)
async def show(request: web.Request) -> web.Response:
    """GET /contracts."""
    this = asked.read(request.query)
    lines = await _lines(request, this, PAGE)
    rows = [_row(request, line) for line in await _seen(request, lines[:PAGE])]
    context = await _context(request, this, lines, PAGE)
    return pages.page(request, "contracts/list.html", {**context, "rows": rows})


@needs(Permission.SEE_CUSTOMERS)
async def renewals(request: web.Request) -> web.Response:
    """GET /contracts/renewals."""
    this = asked.read(request.query, renewals=True)
    lines = await _lines(request, this, RENEWALS)
    candidates = [await _candidate(request, line) for line in await _seen(request, lines[:RENEWALS])]
    context = await _context(request, this, lines, RENEWALS)
    return pages.page(request, "contracts/renewals.html", {**context, "candidates": candidates})


@needs(Permission.EXPORT)
async def as_csv(request: web.Request) -> web.StreamResponse:
    """GET /contracts/export.csv: `of=renewals` or the list, as it is filtered, with what was used."""
    this = asked.read(request.query, renewals=request.query.get("of") == "renewals")
    who = pages.viewer(request)
    detail = f"csv {'renewals ' if this.renewals else ''}{urlencode(this.query)}".strip()
    await request.app[keys.AUDIT].note(request[keys.USER], "exported", "contracts", detail, request.remote or "")
    name = f"{'renewals' if this.renewals else 'contracts'}-{who.show.local(who.now):%Y%m%d-%H%M}"
    return await send_csv(request, name, [who.t(f"contract.csv.{one}") for one in _COLUMNS], _rows(request, this))


def today_of(request: web.Request) -> date:
    """The day in the pages' zone."""
    now: datetime = request.app[keys.CLOCK]()
    return now.astimezone(request.app[keys.ZONE]).date()


async def use_of(request: web.Request, line: ContractLine) -> Use:
    """What its customer used in its term. Raises StoreError."""
    return await request.app[PARTS].book.use(line.contract.customer_code, *term_of(line, request.app[keys.ZONE]))


async def _lines(request: web.Request, this: Asked, limit: int) -> Sequence[ContractLine]:
    parts = request.app[PARTS]
    return await parts.book.list(this.sought(today_of(request), parts.months, limit + 1))


async def _seen(request: web.Request, lines: Sequence[ContractLine]) -> Sequence[ContractLine]:
    """Those of customers whom whoever asks may see; a page of an agent who sees only some may be shorter."""
    if not seen.only_own(request):
        return lines
    return [line for line in lines if await seen.may_see(request, line.contract.customer_code)]


def _row(request: web.Request, line: ContractLine) -> Row:
    return row_of(line, pages.viewer(request), today_of(request), request.app[PARTS].months)


async def _candidate(request: web.Request, line: ContractLine) -> Candidate:
    book, contract = request.app[PARTS].book, line.contract
    return candidate_of(
        _row(request, line),
        await use_of(request, line),
        await book.contacts(contract.customer_code),
        await book.entries(contract.customer_code, contract.number),
    )


async def _context(request: web.Request, this: Asked, lines: Sequence[ContractLine], limit: int) -> Mapping[str, Any]:
    path, who = request.path, pages.viewer(request)
    of = {"of": "renewals"} if this.renewals else {}
    return {
        "this": this,
        "tabs": tabs(who, "renewals" if this.renewals else this.state),
        "states": STATES,
        "outcomes": OUTCOMES,
        "levels": await request.app[PARTS].book.levels(),
        "more": _address(path, {**this.query, "after": lines[limit - 1].place}) if len(lines) > limit else "",
        "first": _address(path, this.query) if this.after else "",
        "csv": _address("/contracts/export.csv", {**of, **this.query}),
        "months": request.app[PARTS].months,
        "span": span,
        "word": word,
    }


def tabs(who: Viewer, here: str) -> list[tuple[str, str, bool]]:
    """The lists as neighbouring pages: address, text, whether it is the one that is shown."""
    told = [("/contracts/renewals", who.t("contract.renewals"), here == "renewals")]
    return told + [(f"/contracts?state={state}", who.t(f"contract.state_{state}"), here == state) for state in STATES]


async def _rows(request: web.Request, this: Asked) -> Rows:
    parts, who, after = request.app[PARTS], pages.viewer(request), ""
    sought = this.sought(today_of(request), parts.months, _AT_ONCE)
    while True:
        lines = await parts.book.list(replace(sought, after=after))
        if lines:
            yield [_cells(await _candidate(request, line), who) for line in lines]
        if len(lines) < _AT_ONCE:
            return
        after = lines[-1].place


def _cells(one: Candidate, who: Viewer) -> Sequence[Cell]:
    """In the order of the columns: days as people type them, spans in the unit that the head tells."""
    line, use, step = one.row.line, one.use, one.step
    contract = line.contract
    return (
        clean(contract.customer_code, 40),
        one.row.name,
        who.private(line.tier, 40),
        clean(contract.number, 60),
        who.show.typed_day(contract.starts_on),
        who.show.typed_day(contract.ends_on),
        who.private(contract.level, 60),
        who.t(f"contract.state_{one.row.state}"),
        who.t(f"contract.outcome_{one.row.outcome}"),
        use.calls,
        use.inbound,
        use.answered,
        round(use.talk_us / 60_000_000),
        "" if use.wait_us is None else round(use.wait_us / 1_000_000),
        use.tickets,
        use.complaints,
        "" if use.respond_us is None else round(use.respond_us / 3_600_000_000, 1),
        "" if use.repair_us is None else round(use.repair_us / 3_600_000_000, 1),
        use.surveys,
        "" if use.satisfied is None else round(use.satisfied, 2),
        use.scale if use.surveys else "",
        who.private(step.text, 200) if step else "",
        who.show.typed_day(who.show.local(step.due).date()) if step and step.due else "",
    )


def _address(path: str, query: Mapping[str, str]) -> str:
    return f"{path}?{urlencode(query)}" if query else path


ROUTES = [
    web.get("/contracts", show),
    web.get("/contracts/renewals", renewals),
    web.get("/contracts/export.csv", as_csv),
]
