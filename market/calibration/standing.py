"""The levels at which a real chain was quoted, where SPX stood elsewhere than the history says.

A chain of the night shows quotes of an index that has moved since its close, and within a session
without bars the history only guesses where SPX stood; the parity forward tells it. VIX and its
family are moved along as far as they usually are, so that a forward down by 3 % is not priced with
the vol of the evening before. Closing quotes are left alone: VIX closes with the options, a quarter
of an hour after SPX, and has seen that move itself.
"""

import dataclasses
import math

from market.calibration.chains import Snapshot
from market.family import VolState
from market.model import ModelMarket
from market.paths import VIX_ELASTICITY, VIX_WANDER_ELASTICITY
from market.sessions import SessionCalendar, exchange_zone
from market.surface_params import SurfaceParams

_MOST_LOG_MOVE = 1.0  # of VIX; the worst night since 1990 moved it by 0.5


def levels_of(
    market: ModelMarket, calendar: SessionCalendar, snapshot: Snapshot
) -> VolState | None:
    """Return the levels at which SPX chains were quoted, or None for those of the history.

    Raises:
        MarketDataError: the instant lies outside history, or VIX is not known yet.
    """
    if snapshot.underlying != "SPX" or not snapshot.chains:
        return None
    elasticity = _vix_elasticity(calendar, snapshot)
    if elasticity is None:
        return None
    near = min(snapshot.chains, key=lambda chain: chain.years)
    own = market.forward((near.trading_class, near.expiry), near.at)
    move = elasticity * math.log(near.forward / own)
    bounded = min(max(move, -_MOST_LOG_MOVE), _MOST_LOG_MOVE)
    return moved(market.vol_state(near.at), bounded, market.params)


def _vix_elasticity(calendar: SessionCalendar, snapshot: Snapshot) -> float | None:
    """Return how far VIX moves per move of SPX since the history knew it, None at a close."""
    day = snapshot.at.astimezone(exchange_zone()).date()
    if not calendar.is_session(day):
        return VIX_ELASTICITY
    session = calendar.session(day)
    if session.open_at <= snapshot.at < session.cash_close_at:
        return VIX_WANDER_ELASTICITY
    is_closing = session.cash_close_at <= snapshot.at <= session.option_close_at
    return None if is_closing else VIX_ELASTICITY


def moved(vol: VolState, vix_log_move: float, params: SurfaceParams) -> VolState:
    """Return levels once VIX has moved by `vix_log_move` and its family after it.

    A recorded VIX1D moves as an inferred one would.
    """
    family, term = params.family, params.spx_term
    of_9d = family.vix9d.daily_elasticity
    of_1d = of_9d + term.one_session_power * (of_9d - 1.0) + term.vix_change_power
    eve = vol.eve
    return dataclasses.replace(
        vol,
        vix=vol.vix * math.exp(vix_log_move),
        vix9d=vol.vix9d * math.exp(of_9d * vix_log_move),
        vix3m=vol.vix3m * math.exp(family.vix3m.daily_elasticity * vix_log_move),
        vix6m=vol.vix6m * math.exp(family.vix6m.daily_elasticity * vix_log_move),
        vvix=vol.vvix * math.exp(family.vvix.daily_elasticity * vix_log_move),
        vix1d=None if vol.vix1d is None else vol.vix1d * math.exp(of_1d * vix_log_move),
        eve=None
        if eve is None
        else dataclasses.replace(eve, vix_change_log=eve.vix_change_log + vix_log_move),
    )
