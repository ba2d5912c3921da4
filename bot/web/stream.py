"""The stream of server-sent events: every committed record by its number, and a tick a second."""

import json
from collections.abc import AsyncIterator

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response, StreamingResponse

from bot.masking import masked
from bot.web.desk import Desk
from bot.web.facts import News
from bot.web.views.overview import halt, market, moment_object, news_object
from bot.web.views.plain import Json, instant

TICK_EVERY_S = 1.0
MOST_STREAMS = 50


def stream_of(desk: Desk, request: Request) -> Response:
    """Return the endless answer; `Last-Event-ID` or `after` names the last event known."""
    if desk.feed.streams >= MOST_STREAMS:
        return PlainTextResponse("Too many pages are open; close some.\n", 503)
    asked = request.headers.get("last-event-id") or request.query_params.get("after")
    if asked is not None and not asked.isdecimal():
        return PlainTextResponse("after is the number of an event.\n", 400)
    after = desk.facts.seq if asked is None else int(asked)
    headers = {"cache-control": "no-store", "x-accel-buffering": "no"}
    return StreamingResponse(_lines(desk, after), 200, headers, "text/event-stream")


async def _lines(desk: Desk, after: int) -> AsyncIterator[str]:
    yield "retry: 1000\n\n"
    yield _tick_text(await _tick(desk))
    async for news in desk.feed.follow(after, TICK_EVERY_S):
        yield _tick_text(await _tick(desk)) if news is None else _event_text(news)


def _event_text(news: News) -> str:
    text = masked(json.dumps(news_object(news), ensure_ascii=False))
    return f"id: {news.seq}\nevent: news\ndata: {text}\n\n"


def _tick_text(tick: Json) -> str:
    return f"event: tick\ndata: {masked(json.dumps(tick, ensure_ascii=False))}\n\n"


async def _tick(desk: Desk) -> Json:
    """Return what changes without an event: the hour, the market, the next moment."""
    scene, facts = await desk.scene(), desk.facts
    upcoming = scene.almanac.upcoming(scene.now, 1)
    return {
        "seq": facts.seq,
        "now": instant(scene.now),
        "market": market(facts, scene),
        "next": moment_object(upcoming[0]) if upcoming else None,
        "halt": halt(facts),
    }
