"""The routes: pages, JSON, the stream, metrics, and the two orders a person may give."""

import json
from collections.abc import Awaitable, Callable, Mapping
from functools import cache
from importlib.resources import files
from typing import Any

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import FileResponse, PlainTextResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from bot.events import DecisionMade
from bot.journal.codec import decode
from bot.masking import masked
from bot.web.desk import Desk
from bot.web.guard import Guard, refusal_to_change
from bot.web.metrics import exposition
from bot.web.options import Access
from bot.web.stream import stream_of
from bot.web.views.calendar import calendar_page
from bot.web.views.condor import condor_page
from bot.web.views.decisions import Query, decision_detail, decisions_page, words_of
from bot.web.views.health import health_page, healthz
from bot.web.views.hedge import hedge_page
from bot.web.views.orders import order_detail, orders_page
from bot.web.views.plain import Json
from bot.web.views.reports import is_shown, reports_page
from bot.web.watching import overview_of
from market.errors import AlvhError

PAGES: Mapping[str, str] = {
    "overview": "Overview",
    "condor": "Condor",
    "hedge": "Hedge",
    "decisions": "Decisions",
    "orders": "Orders",
    "calendar": "Calendar",
    "reports": "Studies and reports",
    "health": "Health",
}
MOST_ROWS = 500
MOST_BODY = 4096
CONFIRMATIONS = {"halt": "HALT", "resume": "RESUME"}
NO_STORE = {"cache-control": "no-store"}
Answer = Callable[[Desk, Request], Awaitable[Response]]


def build_app(desk: Desk, access: Access) -> Guard:
    """Return the application of one run behind its guard."""

    def route(path: str, answer: Answer, method: str = "GET") -> Route:
        async def endpoint(request: Request) -> Response:
            return await answer(desk, request)

        return Route(path, endpoint, methods=[method])

    async def order(desk: Desk, request: Request) -> Response:
        return await _order(desk, access, request)

    routes = [
        *(route("/" if page == "overview" else f"/{page}", _page) for page in PAGES),
        route("/healthz", _healthz),
        route("/metrics", _metrics),
        route("/api/stream", _stream),
        route("/api/overview", _overview),
        route("/api/condor", _condor),
        route("/api/hedge", _hedge),
        route("/api/decisions", _decisions),
        route("/api/decisions/{seq:int}", _decision),
        route("/api/orders", _orders),
        route("/api/orders/{order_id}", _one_order),
        route("/api/calendar", _calendar),
        route("/api/reports", _reports),
        route("/api/health", _health),
        route("/api/{order}", order, "POST"),
        route("/reports/files/{path:path}", _report_file),
        Mount("/static", StaticFiles(packages=[("bot.web", "static")])),
    ]
    return Guard(Starlette(routes=routes), access)


def as_json(value: Json, status: int = 200) -> Response:
    """Return a JSON answer without account numbers, which nobody may keep."""
    text = masked(json.dumps(value, ensure_ascii=False, separators=(",", ":")))
    return Response(text, status, NO_STORE, "application/json")


def refused(status: int, sentence: str) -> Response:
    """Return a refusal as JSON."""
    return as_json({"error": sentence}, status)


@cache
def _shell() -> str:
    return (files("bot.web") / "static" / "index.html").read_text(encoding="utf-8")


async def _page(_desk: Desk, request: Request) -> Response:
    page = request.url.path.strip("/") or "overview"
    html = _shell().replace("{{page}}", page).replace("{{title}}", PAGES[page])
    html = html.replace(f'data-nav="{page}"', f'data-nav="{page}" aria-current="page"')
    return Response(html, 200, NO_STORE, "text/html")


async def _healthz(desk: Desk, _request: Request) -> Response:
    pulse = await desk.monitor.pulse(desk.feed.streams)
    return as_json(healthz(desk.facts, pulse), 200 if pulse.is_well else 503)


async def _metrics(desk: Desk, _request: Request) -> Response:
    pulse = await desk.monitor.pulse(desk.feed.streams)
    body, kind = exposition(desk.facts, await desk.scene(), pulse)
    return Response(body, 200, NO_STORE, kind)


async def _stream(desk: Desk, request: Request) -> Response:
    return stream_of(desk, request)


async def _overview(desk: Desk, _request: Request) -> Response:
    return as_json(await overview_of(desk))


async def _condor(desk: Desk, _request: Request) -> Response:
    return as_json(condor_page(desk.facts, await desk.scene()))


async def _hedge(desk: Desk, _request: Request) -> Response:
    return as_json(hedge_page(desk.facts, await desk.scene()))


async def _calendar(desk: Desk, _request: Request) -> Response:
    return as_json(calendar_page(desk.facts, await desk.scene()))


async def _health(desk: Desk, _request: Request) -> Response:
    pulse = await desk.monitor.pulse(desk.feed.streams)
    return as_json(health_page(desk.facts, await desk.scene(), pulse))


async def _reports(desk: Desk, _request: Request) -> Response:
    known = desk.facts.seq
    return as_json({"seq": known} | await run_in_threadpool(reports_page, desk.reports))


async def _report_file(desk: Desk, request: Request) -> Response:
    path = desk.reports / request.path_params["path"]
    if not is_shown(path, desk.reports):
        return PlainTextResponse("There is no such report.\n", 404)
    kind = "text/plain; charset=utf-8" if path.suffix == ".md" else None
    return FileResponse(path, media_type=kind)


async def _decisions(desk: Desk, request: Request) -> Response:
    asked = request.query_params
    before, limit = asked.get("before", ""), asked.get("limit", "50")
    if not all(text.isdecimal() for text in (before or "0", limit)):
        return refused(400, "before and limit are whole numbers.")
    query = Query(
        words_of(asked.get("q", "")),
        asked.get("strategy", ""),
        asked.get("session", ""),
        int(before) if before else None,
        min(int(limit), MOST_ROWS),
    )
    return as_json(decisions_page(desk.facts, query))


async def _decision(desk: Desk, request: Request) -> Response:
    seq = request.path_params["seq"]

    def read() -> object:
        return [decode(row.kind, row.payload) for row in desk.journal.rows(seq - 1, 1)]

    found: Any = await run_in_threadpool(read)
    if not found or not isinstance(found[0], DecisionMade):
        return refused(404, f"Event {seq} is no decision.")
    return as_json(decision_detail(seq, found[0]))


async def _orders(desk: Desk, request: Request) -> Response:
    limit = request.query_params.get("limit", "50")
    if not limit.isdecimal():
        return refused(400, "limit is a whole number.")
    before = request.query_params.get("before")
    return as_json(orders_page(desk.facts, before, min(int(limit), MOST_ROWS)))


async def _one_order(desk: Desk, request: Request) -> Response:
    found = order_detail(desk.facts, request.path_params["order_id"])
    return refused(404, "The journal knows no such order.") if found is None else as_json(found)


async def _order(desk: Desk, access: Access, request: Request) -> Response:
    """Halt or resume: with the token, from a page of ours, after the word was typed."""
    name = request.path_params["order"]
    if name not in CONFIRMATIONS:
        return refused(404, "There is no such order; POST to /api/halt or /api/resume.")
    refusal = refusal_to_change(request.headers, access)
    if refusal is not None:
        return refused(*refusal)
    asked = _body(await request.body())
    if asked is None or asked.get("confirm") != CONFIRMATIONS[name]:
        word = CONFIRMATIONS[name]
        return refused(400, f'Confirm by sending {{"confirm": "{word}"}}.')
    if desk.controls is None:
        return refused(503, "This run takes no orders.")
    reason = str(asked.get("reason") or "asked for on the dashboard")[:200]
    act = desk.controls.halt if name == "halt" else desk.controls.resume
    try:
        return as_json({"sentence": await act(reason), "seq": desk.facts.seq})
    except AlvhError as error:
        return refused(409, str(error))


def _body(raw: bytes) -> dict[str, Any] | None:
    """Return a small JSON object, None when it is none."""
    if len(raw) > MOST_BODY:
        return None
    try:
        value = json.loads(raw)
    except ValueError:
        return None
    return value if isinstance(value, dict) else None
