"""The page of one session: what was decided and why, what filled, what the book was worth."""

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

from bot.events import (
    DecisionMade,
    EntryClosed,
    EquityMarked,
    OrderStopped,
    ShadowsMarked,
    TradingHalted,
    TradingResumed,
)
from bot.report.page import day_words, rendered, usd
from bot.report.recorded import RecordedRun, Shown
from bot.study.model_error import model_error, real_and_modelled
from market.errors import NoSuchSession
from market.orders import OrderCancelled, OrderFilled, OrderRejected, PositionSettled
from market.sessions import exchange_zone


def day_figures(run: RecordedRun, session: date) -> dict[str, Any]:
    """Return all that the page of a session tells, as plain values.

    Raises:
        NoSuchSession: the run did not finish that session.
    """
    ended = run.sessions
    if session not in ended:
        raise NoSuchSession(
            f"the run has not finished {session}; it holds {ended[0]} to {ended[-1]}."
        )
    records = run.by_session[session]
    mark = next(each for each in records if isinstance(each, EquityMarked))
    rows = run.tables.sessions
    at = ended.index(session)
    start = run.tables.start_nlv_usd
    before = (rows[at - 1].nlv_usd, rows[at - 1].condor_nlv_usd) if at else (start, start)
    row = rows[at]
    return {
        "session": session.isoformat(),
        "profile": run.started.profile,
        "version": run.started.version,
        "is_simulated": run.started.is_simulated,
        "real_and_modelled": real_and_modelled(run.started.series),
        "model_error": model_error(),
        "spx": row.spx,
        "vix": row.vix,
        "nlv_usd": row.nlv_usd,
        "day_usd": round(row.nlv_usd - before[0], 2),
        "condor_day_usd": round(row.condor_nlv_usd - before[1], 2),
        "hedge_day_usd": round(row.nlv_usd - before[0] - row.condor_nlv_usd + before[1], 2),
        "open_max_loss_usd": row.open_max_loss_usd,
        "hedge_value_usd": row.hedge_value_usd,
        "theta_condor": row.theta_condor,
        "theta_hedge": row.theta_hedge,
        "layers": [_layer(each) for each in mark.layers],
        "shadows": _shadows(records),
        "story": [told for each in records if (told := _told(each)) is not None],
        "fills": [_fill(each) for each in records if isinstance(each, OrderFilled)],
    }


def _layer(mark: Any) -> dict[str, Any]:
    return {
        "layer": str(mark.layer),
        "contract": mark.contract,
        "position": mark.position,
        "mark_points": mark.mark_points,
        "delta": mark.delta,
        "value_usd": float(mark.value_usd),
        "is_quoted": mark.is_quoted,
    }


def _shadows(records: list[Shown]) -> dict[str, float]:
    marks = [each for each in records if isinstance(each, ShadowsMarked)]
    return {name: float(mark.nlv_usd) for name, mark in marks[-1].books.items()} if marks else {}


def _clock(at: datetime) -> str:
    return f"{at.astimezone(exchange_zone()):%H:%M:%S}"


def _fill(fill: OrderFilled) -> dict[str, Any]:
    mid = fill.mid_credit
    return {
        "at": _clock(fill.at),
        "order": fill.order_id,
        "quantity": fill.quantity,
        "credit_points": float(fill.credit),
        "mid_points": None if mid is None else float(mid),
        "slippage_points": None if mid is None else round(float(mid - fill.credit), 4),
        "fees_usd": float(fill.fees_usd),
    }


def _told(record: Shown) -> dict[str, str] | None:
    """Return one line of the day's story; what other tables show is left out."""
    at = _clock(record.at)
    if isinstance(record, DecisionMade):
        decision = record.decision
        return {
            "at": at,
            "who": f"{decision.strategy}, {decision.moment.replace('_', ' ')}",
            "what": decision.sentence,
        }
    if isinstance(record, OrderStopped | TradingHalted | TradingResumed):
        return {"at": at, "who": "risk", "what": record.sentence}
    if isinstance(record, OrderRejected | OrderCancelled):
        return {"at": at, "who": "venue", "what": f"{record.order_id}: {record.reason}"}
    if isinstance(record, PositionSettled):
        what = (
            f"{record.contract.symbol} settled on {record.settlement_points}: "
            f"{record.position:+d} contracts brought {usd(float(record.cash_usd))}"
        )
        return {"at": at, "who": "settlement", "what": what}
    if isinstance(record, EntryClosed):
        what = f"entry {record.result.value}: {record.reason}, {record.quantity} condors"
        return {"at": at, "who": "entry", "what": what}
    return None


def day_page(figures: Mapping[str, Any]) -> str:
    """Return the page of a session."""
    day = date.fromisoformat(figures["session"])
    return rendered("day.html.j2", title=f"ALVH on {day_words(day)}", it=figures)
