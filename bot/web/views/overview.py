"""The overview: where the clock stands, what is held and worth, and today's decision."""

from collections.abc import Sequence

from bot.book import Book
from bot.equity import value_book
from bot.events import EquityMarked
from bot.held import HEDGE
from bot.web.facts import DecisionLine, Facts, News
from bot.web.scene import Scene, hours_at
from bot.web.views.plain import Json, figure, instant, usd
from market.quotes import MarketSnapshot
from market.schedule import Moment

MOMENTS_SHOWN = 5
NEWS_SHOWN = 30
POINTS_DRAWN = 1200


def overview(facts: Facts, scene: Scene) -> Json:
    """Return the object of `/api/overview`."""
    return {
        "seq": facts.seq,
        "now": instant(scene.now),
        "run": run(facts),
        "session": _session(scene),
        "next": [moment_object(each) for each in scene.almanac.upcoming(scene.now, MOMENTS_SHOWN)],
        "market": market(facts, scene),
        "halt": halt(facts),
        "equity": _equity(facts),
        "live": _live(facts, scene),
        "curve": _curve(facts.equity),
        "decision": _latest(facts, "condor"),
        "hedge_decision": _latest(facts, "alvh"),
        "holdings": _holdings(facts),
        "news": [news_object(each) for each in reversed(_newest(facts.news))],
        "warnings": _warnings(facts, scene),
    }


def run(facts: Facts) -> Json | None:
    """Return which run this is; every simulated one says so."""
    started = facts.started
    if started is None:
        return None
    return {
        "profile": started.profile,
        "version": started.version,
        "seed": started.seed,
        "started_at": instant(started.at),
        "config_hash": started.config_hash,
        "start_nlv_usd": usd(started.start_nlv_usd),
        "is_simulated": started.is_simulated,
    }


def _session(scene: Scene) -> Json:
    session = scene.almanac.calendar.session(scene.session)
    return {
        "date": session.date.isoformat(),
        "hours": hours_at(scene.almanac, scene.now),
        "is_half_day": session.is_half_day,
        "open_at": instant(session.open_at),
        "cash_close_at": instant(session.cash_close_at),
    }


def moment_object(moment: Moment) -> Json:
    """Return a moment of the schedule."""
    return {
        "name": moment.name,
        "at": instant(moment.at),
        "session": moment.session.isoformat(),
        "event": None if moment.event is None else moment.event.kind,
    }


def market(facts: Facts, scene: Scene) -> Json | None:
    """Return the index levels of now, else those last recorded; `is_live` tells which, `quotes` of
    what kind they are."""
    if scene.seen is not None:
        levels, is_live, kind = scene.seen.snapshot.levels, True, scene.seen.kind
    elif facts.market is not None:
        levels, is_live, kind = facts.market.levels, False, "recorded"
    else:
        return None
    return {
        "at": instant(levels.at),
        "spx": figure(levels.spx, 2),
        "vix": figure(levels.vix, 2),
        "vix9d": figure(levels.vix9d, 2),
        "vix3m": figure(levels.vix3m, 2),
        "is_live": is_live,
        "quotes": kind,
        "age_s": figure(max((scene.now - levels.at).total_seconds(), 0.0), 1),
    }


def halt(facts: Facts) -> Json | None:
    """Return the halt in force, None when trading is on."""
    halted = None if facts.book is None else facts.book.halt
    if halted is None:
        return None
    until = None if halted.until is None else halted.until.isoformat()
    return {
        "at": instant(halted.at),
        "code": halted.code,
        "sentence": halted.sentence,
        "until": until,
    }


def _equity(facts: Facts) -> Json | None:
    """Return the equity of the last session's end, as recorded."""
    if not facts.equity:
        return None
    last = facts.equity[-1]
    peak = max(mark.nlv_usd for mark in facts.equity)
    return {
        "session": last.session.isoformat(),
        "nlv_usd": usd(last.nlv_usd),
        "unhedged_nlv_usd": usd(last.unhedged_nlv_usd),
        "hedge_pnl_usd": usd(last.hedge_pnl_usd),
        "cash_usd": usd(last.cash_usd),
        "fees_usd": usd(last.fees_usd),
        "open_max_loss_usd": usd(last.open_max_loss_usd),
        "drawdown_frac": figure(1 - last.nlv_usd / peak, 4) if peak > 0 else None,
    }


def _live(facts: Facts, scene: Scene) -> Json | None:
    """Return what the account is worth on the market of now."""
    book, snapshot = facts.book, scene.snapshot
    if book is None or snapshot is None:
        return None
    valuation = value_book(book, snapshot)
    nlv = book.ledger.cash_usd + valuation.total_usd
    hedge_pnl = book.ledger.purse(HEDGE).cash_usd + valuation.value_usd[HEDGE]
    return {
        "nlv_usd": usd(nlv),
        "unhedged_nlv_usd": usd(nlv - hedge_pnl),
        "hedge_pnl_usd": usd(hedge_pnl),
        "day_usd": usd(nlv - book.last_nlv_usd),
        "unquoted": _unquoted(book, snapshot),
    }


def _unquoted(book: Book, snapshot: MarketSnapshot) -> int:
    """Return how many series held have no good quote, so that an older mark stands for them."""
    quotes = [snapshot.quotes.get(each) for each in book.ledger.positions()]
    return sum(quote is None or quote.mid is None for quote in quotes)


def _curve(marks: Sequence[EquityMarked]) -> Json:
    """Return equity with and without the hedge by session, thinned where there are very many."""
    step = -(-len(marks) // POINTS_DRAWN) or 1
    shown = [*marks[:-1:step], *marks[-1:]]
    return {
        "sessions": [mark.session.isoformat() for mark in shown],
        "nlv_usd": [usd(mark.nlv_usd) for mark in shown],
        "unhedged_nlv_usd": [usd(mark.unhedged_nlv_usd) for mark in shown],
        "vix": [figure(mark.vix, 2) for mark in shown],
    }


def _latest(facts: Facts, strategy: str) -> Json | None:
    for line in reversed(facts.decisions):
        if line.strategy == strategy:
            return decision_line(line)
    return None


def decision_line(line: DecisionLine) -> Json:
    """Return a decision as a list shows it."""
    return {
        "seq": line.seq,
        "session": line.session.isoformat(),
        "at": instant(line.at),
        "strategy": line.strategy,
        "moment": line.moment,
        "action": line.action,
        "reason": line.reason,
        "sentence": line.sentence,
    }


def _holdings(facts: Facts) -> Json:
    book = facts.book
    if book is None:
        return {"condors": [], "layers": [], "working_orders": 0, "open_max_loss_usd": 0.0}
    positions = book.positions()
    return {
        "condors": [
            {
                "campaign": condor.campaign,
                "quantity": condor.quantity,
                "expiry": condor.expiry.isoformat(),
                "credit_points": figure(condor.credit, 4),
                "max_loss_usd": usd(condor.max_loss_usd),
            }
            for condor in positions.condors
        ],
        "layers": [
            {
                "layer": held.layer,
                "kind": held.kind,
                "contracts": held.contracts,
                "contract": held.contract.symbol,
            }
            for held in positions.layers
        ],
        "working_orders": len(book.working()),
        "open_max_loss_usd": usd(book.open_max_loss_usd()),
    }


def _newest(news: Sequence[News]) -> list[News]:
    return list(news)[-NEWS_SHOWN:]


def news_object(news: News) -> Json:
    """Return one line of the log; the stream sends the same object."""
    return {
        "seq": news.seq,
        "at": instant(news.at),
        "kind": news.kind,
        "level": news.level,
        "sentence": news.sentence,
    }


def _warnings(facts: Facts, scene: Scene) -> list[str]:
    """Return what asks for a person: broken books, missed moments of today, dates that run out."""
    found = [] if facts.fault is None else [f"The journal contradicts itself: {facts.fault}."]
    today = [missed for missed in facts.missed if missed.session == scene.session]
    found += [f"Missed {each.name.replace('_', ' ')}: {each.reason}." for each in today]
    return found + list(scene.almanac.macro.warnings(scene.now.date()))
