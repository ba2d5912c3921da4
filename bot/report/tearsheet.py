"""The usual figures of an account, from its value at each session's end.

Conventions as in quantstats and empyrical, so that the figures compare: simple daily returns, 252
sessions a year, no risk-free rate, sample deviation in the Sharpe ratio, root mean square of the
losses (over all days) in Sortino's, 95th percentile over the 5th in the tail ratio. None where a
figure is undefined.
"""

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import date
from typing import Any

import numpy as np

from market.quotes import FloatArray

SESSIONS_OF_YEAR = 252
DIGITS = 8
MOST_DRAWDOWNS = 5


@dataclass(frozen=True, slots=True)
class Drawdown:
    """One fall from a peak: its first session below, its deepest, its last below (None: lasts)."""

    start: date
    deepest: date
    end: date | None
    depth_frac: float
    sessions: int


@dataclass(frozen=True, slots=True)
class Tearsheet:
    """Fractions a year unless the name says otherwise; a drawdown is a positive fraction."""

    sessions: int
    end_usd: float
    total_return_frac: float | None
    cagr_frac: float | None
    volatility_frac: float | None
    sharpe: float | None
    sortino: float | None
    max_drawdown_frac: float
    calmar: float | None
    tail_ratio: float | None
    best_day_frac: float | None
    worst_day_frac: float | None
    drawdowns: tuple[Drawdown, ...]

    def as_dict(self) -> dict[str, Any]:
        """Return plain values, numbers rounded."""
        told = asdict(self)
        told["drawdowns"] = [
            told_one
            | {name: day and day.isoformat() for name, day in _days(told_one).items()}
            | {"depth_frac": round(told_one["depth_frac"], DIGITS)}
            for told_one in told["drawdowns"]
        ]
        return {
            name: round(value, DIGITS) if isinstance(value, float) else value
            for name, value in told.items()
        }


def _days(told: dict[str, Any]) -> dict[str, date | None]:
    return {name: told[name] for name in ("start", "deepest", "end")}


def tearsheet(sessions: Sequence[date], values_usd: Sequence[float], start_usd: float) -> Tearsheet:
    """Return the figures of an account that began at `start_usd`."""
    equity = np.concatenate(([start_usd], np.asarray(values_usd, dtype=np.float64)))
    returns = equity[1:] / equity[:-1] - 1.0
    falls = drawdowns(sessions, equity)
    deepest = falls[0].depth_frac if falls else 0.0
    growth = _cagr(returns)
    return Tearsheet(
        len(returns),
        float(equity[-1]),
        float(equity[-1] / start_usd - 1.0),
        growth,
        _volatility(returns),
        _ratio(returns, _deviation(returns)),
        _ratio(returns, _downside(returns)),
        deepest,
        growth / deepest if growth is not None and deepest > 0 else None,
        _tail_ratio(returns),
        float(returns.max()) if len(returns) else None,
        float(returns.min()) if len(returns) else None,
        tuple(falls[:MOST_DRAWDOWNS]),
    )


def _cagr(returns: FloatArray) -> float | None:
    total = float(np.prod(1.0 + returns))
    if not len(returns) or total <= 0.0:
        return None
    return float(total ** (SESSIONS_OF_YEAR / len(returns)) - 1.0)


def _deviation(returns: FloatArray) -> float:
    return float(returns.std(ddof=1)) if len(returns) > 1 else 0.0


def _volatility(returns: FloatArray) -> float | None:
    return _deviation(returns) * math.sqrt(SESSIONS_OF_YEAR) if len(returns) > 1 else None


def _downside(returns: FloatArray) -> float:
    losses = np.minimum(returns, 0.0)
    return math.sqrt(float((losses**2).mean())) if len(returns) else 0.0


def _ratio(returns: FloatArray, deviation: float) -> float | None:
    if deviation <= 0.0:
        return None
    return float(returns.mean()) / deviation * math.sqrt(SESSIONS_OF_YEAR)


def _tail_ratio(returns: FloatArray) -> float | None:
    if not len(returns):
        return None
    high, low = np.percentile(returns, (95, 5)).tolist()
    return abs(high) / abs(low) if low else None


def drawdowns(sessions: Sequence[date], equity: FloatArray) -> list[Drawdown]:
    """Return every fall from a running peak, deepest first; `equity` starts a day earlier."""
    peaks = np.maximum.accumulate(equity)
    falls = (1.0 - equity / peaks)[1:]
    found: list[Drawdown] = []
    begin: int | None = None
    for row, fall in enumerate(falls.tolist()):
        if fall > 0.0 and begin is None:
            begin = row
        elif fall <= 0.0 and begin is not None:
            found.append(_drawdown(sessions, falls, begin, row))
            begin = None
    if begin is not None:
        found.append(_drawdown(sessions, falls, begin, None))
    return sorted(found, key=lambda each: -each.depth_frac)


def _drawdown(
    sessions: Sequence[date], falls: FloatArray, begin: int, after: int | None
) -> Drawdown:
    end = len(falls) if after is None else after
    deepest = begin + int(np.argmax(falls[begin:end]))
    return Drawdown(
        sessions[begin],
        sessions[deepest],
        None if after is None else sessions[end - 1],
        float(falls[deepest]),
        end - begin,
    )
