"""Is the line to Interactive Brokers fit for a run? One finding a line, each with its remedy."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from decimal import Decimal
from enum import StrEnum

from bot.clock import Clock
from bot.paper import Adapter, build_adapter
from bot.settings import Settings
from bot.world import load_calendar, load_macro
from brokers.ib import translate
from brokers.ib.inbox import RequestFailed
from brokers.ib.messages import ErrorSeen
from brokers.ib.paper_lock import masked, require_paper_settings
from brokers.ib.shown import DELAYED_KINDS, LineShown
from market.errors import BrokerUnavailable
from market.instruments import OptionContract, Right, TradingClass
from market.orders import Leg, Order, OrderIntent
from market.sessions import SessionCalendar, exchange_zone

MOST_SKEW = timedelta(seconds=2)
LEAST_CALENDAR = timedelta(days=60)
A_WEEK = timedelta(days=7)
BUSY_FROM_BEFORE_OPEN, BUSY_UNTIL_AFTER_CLOSE = timedelta(minutes=15), timedelta(minutes=45)
OTHER_CLIENT = 1000


class State(StrEnum):
    """What a finding means for a run."""

    GOOD = "good"
    NOTE = "note"
    BAD = "bad"


@dataclass(frozen=True, slots=True)
class Finding:
    """One check: its name, what was found, and what to do."""

    name: str
    state: State
    text: str
    remedy: str


def good(name: str, text: str, remedy: str = "nothing to do") -> Finding:
    """Return a finding that needs nothing."""
    return Finding(name, State.GOOD, text, remedy)


async def examine(settings: Settings, clock: Clock, *, is_shadow: bool) -> list[Finding]:
    """Return all findings.

    Raises:
        NotPaper: the settings or the log-in break the paper lock.
        BrokerUnavailable: nothing listens, or nobody answers.
    """
    require_paper_settings(settings.ib.account, settings.ib.port)
    # A number of its own: a daemon that runs meanwhile keeps its own, to which its orders belong.
    ours = settings.ib.model_copy(update={"client_id": settings.ib.client_id + OTHER_CLIENT})
    settings = settings.model_copy(update={"ib": ours})
    async with _connected(settings, clock, may_be_delayed=is_shadow) as adapter:
        now = clock.now()
        account = masked(settings.ib.account)
        findings = [
            good("port", f"a Gateway answers on {settings.ib.host}:{settings.ib.port}"),
            good("account", f"the log-in manages the paper account {account} alone"),
            _skew(adapter),
            await _read_only(adapter, now),
            *[finding async for finding in _data(adapter, now, is_shadow=is_shadow)],
        ]
        findings += _strangers(adapter)
    calendar = load_calendar()
    return [
        *findings,
        _restart(settings, calendar, now),
        _calendar(calendar, now),
        *_events(settings, now),
    ]


@asynccontextmanager
async def _connected(
    settings: Settings, clock: Clock, *, may_be_delayed: bool
) -> AsyncIterator[Adapter]:
    adapter = build_adapter(settings, clock, may_be_delayed=may_be_delayed)
    try:
        await adapter.broker.connect()
        yield adapter
    finally:
        await adapter.broker.close()


def _skew(adapter: Adapter) -> Finding:
    skew = adapter.broker.line.server_skew
    text = f"this machine's clock is {abs(skew.total_seconds()):.0f} s off the Gateway's"
    if abs(skew) <= MOST_SKEW:
        return good("clock", text)
    return Finding("clock", State.BAD, text, "synchronise the clock, for instance with chrony")


async def _sample_call(adapter: Adapter, now: datetime) -> OptionContract | None:
    """Return a VIX call of the next monthly expiry that TWS lists, with its id in the cache."""
    for expiry in adapter.monthlies(now)[1:]:
        listing = await adapter.broker.finder.listing(TradingClass.VIX, expiry)
        calls = sorted(
            (c for c in listing.con_ids if c.right is Right.CALL and c.strike >= 20),
            key=lambda c: c.strike,
        )
        if calls:
            return calls[0]
    return None


async def _read_only(adapter: Adapter, now: datetime) -> Finding:
    """Ask what an order would do to the margin: refused where the API is read-only."""
    name = "orders"
    remedy = "in the Gateway: Configure, Settings, API: switch Read-Only API off; no order was sent"
    call = await _sample_call(adapter, now)
    if call is None:
        return Finding(name, State.BAD, "no VIX call is listed to ask about", "see the data lines")
    until = now + timedelta(minutes=1)
    intent = OrderIntent("doctor", "what_if", "doctor", (Leg(call, 1),), 1, Decimal("-0.05"), until)
    order = Order("doctor-what-if", now.date(), intent)
    wire = adapter.broker.line.wire
    ids = await adapter.broker.finder.con_ids([call])
    contract = translate.order_contract(wire.api, intent, ids)
    account = adapter.account
    sent = translate.limit_order(wire.api, order, intent.limit_credit, account=account)
    try:
        answer = await wire.what_if(contract, sent)
    except RequestFailed as error:
        return Finding(name, State.BAD, f"a what-if was refused: {error}", remedy)
    except BrokerUnavailable as error:
        return Finding(name, State.BAD, f"a what-if was not answered: {error}", remedy)
    margin = answer.init_margin_after_usd
    return good(name, f"orders are taken (a what-if answers with a margin of {margin} USD)")


async def _data(adapter: Adapter, now: datetime, *, is_shadow: bool) -> AsyncIterator[Finding]:
    wire = adapter.broker.line.wire
    wire.choose_data_type(4 if is_shadow else 2)
    indices = {name: translate.index_contract(wire.api, name) for name in ("SPX", "VIX")}
    shown = await adapter.feed.board.look(wire, indices, lambda line: line.has_level)
    for name, line in shown.items():
        value = line.get("last") or line.get("close")
        yield _seen(f"data {name}", "the Cboe index feed", line, value, is_shadow=is_shadow)
    for title, feed, contract in (
        ("data OPRA", "OPRA, for SPX options", await _sample_put(adapter, now)),
        ("data VIX options", "OPRA, for VIX options", await _sample_call(adapter, now)),
    ):
        ids = {} if contract is None else await adapter.broker.finder.con_ids([contract])
        wanted = {c: translate.option_by_id(wire.api, n) for c, n in ids.items()}
        lines = await adapter.feed.board.look(wire, wanted, lambda line: line.is_whole)
        line = lines.get(contract, LineShown()) if contract is not None else LineShown()
        yield _seen(title, feed, line, line.get("ask"), is_shadow=is_shadow)


async def _sample_put(adapter: Adapter, now: datetime) -> OptionContract | None:
    """Return an SPXW put of the next listed expiry."""
    day = now.astimezone(exchange_zone()).date()
    for expiry in adapter.calendar.between(day, day + timedelta(days=7)):
        listing = await adapter.broker.finder.listing(TradingClass.SPXW, expiry)
        puts = sorted((c for c in listing.con_ids if c.right is Right.PUT), key=lambda c: c.strike)
        if puts:
            return puts[len(puts) // 2]
    return None


def _seen(
    name: str, feed: str, line: LineShown, value: float | None, *, is_shadow: bool
) -> Finding:
    remedy = f"subscribe the live user to {feed}, share it with the paper user, restart the Gateway"
    if line.refusal is not None:
        return Finding(name, State.BAD, _words(line.refusal), remedy)
    if value is None:
        text = "no quote is shown now"
        return Finding(name, State.NOTE, text, f"look again in trading hours; else {remedy}")
    if line.kind in DELAYED_KINDS:
        state = State.NOTE if is_shadow else State.BAD
        return Finding(name, state, f"{line.kind} quotes ({value:g})", remedy)
    return good(name, f"{line.kind} quotes ({value:g})")


def _words(seen: ErrorSeen) -> str:
    return f"{seen.text.rstrip('.')} (code {seen.code})"


def _strangers(adapter: Adapter) -> Iterator[Finding]:
    for sentence in adapter.broker.strangers():
        remedy = (
            "if it belongs to a run, `alvh reconcile --out DIR` explains; else close it by hand"
        )
        yield Finding("account's book", State.NOTE, sentence, remedy)


def _restart(settings: Settings, calendar: SessionCalendar, now: datetime) -> Finding:
    """Hold the Gateway's daily restart against the hours in which the bot works."""
    text = settings.ib.restart_et
    at = time.fromisoformat(text)
    today = now.astimezone(exchange_zone()).date()
    # It restarts every day: the hours are those of the longest session to come, not of a half day.
    until = min(today + A_WEEK, calendar.last)
    sessions = [calendar.session(day) for day in calendar.between(today, until)]
    begins = [session.open_at - BUSY_FROM_BEFORE_OPEN for session in sessions]
    ends = [session.cash_close_at + BUSY_UNTIL_AFTER_CLOSE for session in sessions]
    first = min(begin.astimezone(exchange_zone()).time() for begin in begins)
    last = max(end.astimezone(exchange_zone()).time() for end in ends)
    remedy = "set Auto restart in the Gateway to 23:50 New York time, and ib.restart_et likewise"
    words = f"restart at {text} New York time, work from {first:%H:%M} to {last:%H:%M}"
    if first <= at <= last:
        return Finding("restart", State.BAD, words, remedy)
    return good("restart", words, "keep it so in the Gateway's Lock and Exit page")


def _calendar(calendar: SessionCalendar, now: datetime) -> Finding:
    today = now.astimezone(exchange_zone()).date()
    text = f"sessions are known to {calendar.last}"
    if calendar.last - today >= LEAST_CALENDAR:
        return good("calendar", text)
    return Finding("calendar", State.BAD, text, "install a newer version of this program")


def _events(settings: Settings, now: datetime) -> Iterator[Finding]:
    macro = load_macro(settings)
    today = now.astimezone(exchange_zone()).date()
    warnings = macro.warnings(today)
    for sentence in warnings:
        text, _, told = sentence.rstrip(".").partition(": ")
        yield Finding("events", State.NOTE, text, told or "renew the release dates")
    if not warnings:
        ends = min(macro.coverage().values())
        yield good("events", f"release dates are known to {ends}")
