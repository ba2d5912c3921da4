"""What chains within a session tell that closing chains cannot.

- How much of a session's variance lies in its trading hours: an expiry of today holds the rest of
  this session, the next one that and a whole session more. The quotient of the two at-the-money
  variances tells the share without any index.
- How much higher the next session is quoted while one is under way than after its close.
"""

import math
from collections.abc import Sequence
from datetime import date

import numpy as np

from market.calibration.chains import Snapshot
from market.calibration.usable import at_money_iv
from market.instruments import TradingClass
from market.model import ModelMarket
from market.quotes import Chain
from market.sessions import SessionCalendar, exchange_zone
from market.surface_params import SpxTerm
from market.surface_term import BusinessTime

_LEAST_PASSED, _MOST_PASSED = 0.05, 0.95  # at the bell and in the last minutes quotes say little


def trading_hours_shares(
    term: SpxTerm, business: BusinessTime, calendar: SessionCalendar, sample: Sequence[Snapshot]
) -> list[float]:
    """Return the share that each snapshot within a session speaks for."""
    found: list[float] = []
    for snapshot in sample:
        day = snapshot.at.astimezone(exchange_zone()).date()
        if snapshot.underlying != "SPX" or not calendar.is_session(day):
            continue
        session = calendar.session(day)
        passed = (snapshot.at - session.open_at) / (session.cash_close_at - session.open_at)
        following = calendar.next(day)
        today, next_one = (_variance(snapshot, expiry) for expiry in (day, following))
        if not _LEAST_PASSED < passed < _MOST_PASSED or today is None or next_one is None:
            continue
        until = calendar.session(following).cash_close_at
        years = (until - session.cash_close_at).total_seconds() / 86400.0 / 365.0
        whole = business.to(until, at=session.cash_close_at, years=years, sessions_left=1.0)
        rest = term.session_left(passed) / term.trading_hours_share
        found.append(today / (next_one - today) * whole / rest)
    return found


def under_way_logs(
    market: ModelMarket, calendar: SessionCalendar, sample: Sequence[Snapshot]
) -> list[float]:
    """Return ln(real / modelled vol) of the next session at the money, a median of each day."""
    by_day: dict[date, list[float]] = {}
    for snapshot in sample:
        day = snapshot.at.astimezone(exchange_zone()).date()
        chain = _pm_chain(snapshot, calendar.next(day))
        real = None if chain is None else at_money_iv(chain)
        if chain is not None and real is not None:
            key, strikes = (chain.trading_class, chain.expiry), np.array([chain.forward])
            model = market.chain_on_forward(key, chain.at, chain.forward, strikes)
            by_day.setdefault(day, []).append(math.log(real / float(model.call_iv[0])))
    return [float(np.median(logs)) for logs in by_day.values()]


def _variance(snapshot: Snapshot, expiry: date) -> float | None:
    chain = _pm_chain(snapshot, expiry)
    iv = None if chain is None else at_money_iv(chain)
    return None if chain is None or iv is None else iv * iv * chain.years


def _pm_chain(snapshot: Snapshot, expiry: date) -> Chain | None:
    for chain in snapshot.chains:
        if chain.expiry == expiry and chain.trading_class is TradingClass.SPXW:
            return chain
    return None
