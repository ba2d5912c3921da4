"""Hedge gain over condor loss for jumps of 10 and 20 VIX points, session by session (R-28)."""

from dataclasses import dataclass, field
from datetime import date

import numpy as np

from market.schedule import MomentName
from strategies.alvh import profile_of
from strategies.base import CondorPosition, View
from strategies.convexity import FIRST_SHOCK, condor_loss_usd
from strategies.hedge_orders import NAME
from strategies.params import MethodParams

SHOCKS = (10, 20)
UNKNOWN: tuple[float | None, float | None] = (None, None)
# Strikes that no level of SPX reaches stand for a side that was shifted away alone.
NO_PUT_SIDE, NO_CALL_SIDE = (0.0, -1.0), (1e9, 1e9 + 1.0)


@dataclass
class Convexity:
    """Watches the views of the hedge's reviews; needs parameters to know anything."""

    params: MethodParams | None = None
    known: dict[date, tuple[float | None, float | None]] = field(default_factory=dict)

    def see(self, strategy: str, view: View) -> None:
        """Take in one view: coverage is known where condors are open and would lose."""
        is_review = view.context.moment.name is MomentName.HEDGE_REVIEW
        if self.params is None or strategy != NAME or not is_review:
            return
        open_ones = [each for each in view.positions.condors if each.expiry > view.session]
        profile = profile_of(view, self.params) if open_ones else None
        if profile is None:
            return
        losses = sum(_losses(each, view, self.params) for each in open_ones)
        gains = np.array([profile.payoff_usd[shock - FIRST_SHOCK] for shock in SHOCKS])
        ten, twenty = (
            float(gain / loss) if loss > 0 else None
            for gain, loss in zip(gains.tolist(), np.atleast_1d(losses).tolist(), strict=True)
        )
        self.known[view.session] = (ten, twenty)

    def of(self, session: date) -> tuple[float | None, float | None]:
        """Return the coverage of a jump by 10 and by 20 points after a session."""
        return self.known.get(session, UNKNOWN)


def _losses(condor: CondorPosition, view: View, params: MethodParams) -> np.ndarray:
    puts, calls = NO_PUT_SIDE, NO_CALL_SIDE
    if condor.short_put is not None and condor.long_put is not None:
        puts = float(condor.short_put.strike), float(condor.long_put.strike)
    if condor.short_call is not None and condor.long_call is not None:
        calls = float(condor.short_call.strike), float(condor.long_call.strike)
    return condor_loss_usd(
        view.snapshot.levels.spx,
        np.array(SHOCKS, dtype=np.float64),
        put_strikes=puts,
        call_strikes=calls,
        credit_points=float(condor.credit),
        condors=condor.quantity,
        vix_points_per_percent=params.alvh.vix_points_per_percent,
    )
