"""The convexity profile of the hedge, and how far it is like an AMM's curve (R-28).

H(x) is the hedge's gain when spot VIX jumps by x points at once: futures move by b·x with
b = exp(−κ·T), each implied vol by the factor 1 + 0.015·min(x, 21), and the calls are repriced by
Black-76. The slope S(x) = H(x+1) − H(x) is what one more point of VIX brings; the steepening ratio
is S(20)/S(1). A constant-product pool of depth D sells at the marginal price (D/(D−x))², relative
to x = 0; D is fitted to S(x)/S(0) by least squares over x = 0 … 20.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from math import exp, isfinite

import numpy as np

from market.instruments import Right
from market.pricing import price
from market.quotes import FloatArray
from market.values import value
from strategies.sizing import MULTIPLIER

FIRST_SHOCK, LAST_SHOCK = -5, 40
FIT_LAST = 20
_FITTED_SHOCKS = np.arange(FIT_LAST + 2, dtype=np.float64)
LOG_STEP = 0.04
LOG_DEPTHS = np.arange(-5.0, 14.0, LOG_STEP)
# The bump ends where the slope at x = 20 does: a cap inside that step would show the bump's kink as
# a fall of the ladder's slope, and the method's own check points (1.4–1.5 at 0.50 delta, 1.6–1.7
# for the seed ladder, 2.0 at 0.30) come out only so.
VOL_BUMP_PER_POINT, VOL_BUMP_CAP = 0.015, 21.0
FUTURE_FLOOR_POINTS = 5.0


@value(frozen=True, slots=True)
class CallState:
    """One line of the ladder: contracts, and what its price depends on (points, years, vol)."""

    contracts: int
    forward: float
    strike: float
    iv: float
    years: float
    discount: float = 1.0


@value(frozen=True, slots=True)
class AmmFit:
    """Depth of the constant-product pool nearest to the hedge's slope, and the misfit (rms)."""

    depth: float
    rms: float
    slope: FloatArray


@dataclass(frozen=True)
class ConvexityProfile:
    """The hedge over VIX shocks −5 … +40 points; arrays in dollars, one entry per shock.

    `slope_usd` has one entry less than `payoff_usd`, `curvature_usd` two less. `saturation_usd` is
    the slope to which all shocks lead, rises of vol apart: Σ contracts × 100 × b. Each figure is
    worked out when it is asked for: a decision needs the steepening alone.
    """

    calls: tuple[CallState, ...]
    kappa: float
    vol_bump: float

    @cached_property
    def shocks(self) -> FloatArray:
        """Return the shocks in VIX points."""
        return np.arange(FIRST_SHOCK, LAST_SHOCK + 1, dtype=np.float64)

    @cached_property
    def payoff_usd(self) -> FloatArray:
        """Return H(x)."""
        return _gains(self.calls, self.shocks, self.kappa, self.vol_bump)

    @cached_property
    def slope_usd(self) -> FloatArray:
        """Return S(x), what one more point of VIX brings."""
        return np.diff(self.payoff_usd)

    @cached_property
    def curvature_usd(self) -> FloatArray:
        """Return how S changes from point to point."""
        return np.diff(self.payoff_usd, n=2)

    @cached_property
    def _fitted(self) -> FloatArray:
        """Return S(0) … S(20), which steepening and pool are made of."""
        gains = _gains(self.calls, _FITTED_SHOCKS, self.kappa, self.vol_bump)
        return gains[1:] - gains[:-1]

    @cached_property
    def steepening_ratio(self) -> float | None:
        """Return S(20)/S(1), None where it means nothing."""
        return _ratio(self._fitted[FIT_LAST], self._fitted[1])

    @cached_property
    def saturation_usd(self) -> float:
        """Return what a point of VIX brings in the end, through the futures."""
        return sum(
            call.contracts * MULTIPLIER * futures_beta(call.years, self.kappa)
            for call in self.calls
        )

    @cached_property
    def amm(self) -> AmmFit | None:
        """Return the pool most like the hedge."""
        return fit_amm(self._fitted)

    def at(self, shock: int) -> float:
        """Return the payoff of one shock, dollars."""
        return float(self.payoff_usd[shock - FIRST_SHOCK])


def futures_beta(years: float, kappa: float) -> float:
    """Return how far a future of this maturity moves per point of spot VIX: exp(−κ·T)."""
    return exp(-kappa * years)


def convexity_profile(
    calls: Sequence[CallState], kappa: float, vol_bump: float = VOL_BUMP_PER_POINT
) -> ConvexityProfile | None:
    """Return the profile of a ladder, or None when nothing is held.

    `vol_bump` is the rise of implied vols per point of shock, as a share of themselves.
    """
    lines = tuple(call for call in calls if call.contracts)
    return ConvexityProfile(lines, kappa, vol_bump) if lines else None


def _ratio(last: float, first: float) -> float | None:
    return float(last / first) if first > 0 and isfinite(last) else None


def _gains(
    calls: Sequence[CallState], shocks: FloatArray, kappa: float, vol_bump: float
) -> FloatArray:
    """Return H(x), all calls repriced at once: one row per call, one column per shock."""
    table = np.array(
        [
            (call.contracts, call.forward, call.strike, call.iv, call.years, call.discount)
            for call in calls
        ]
    )
    contracts, forward, strike, iv, years, discount = table.T[:, :, None]
    # A VIX future has never settled below 9; the floor keeps a deep negative shock meaningful.
    moved = np.maximum(forward + np.exp(-kappa * years) * shocks, FUTURE_FLOOR_POINTS)
    # VIX points of shock raise each call's own vol; at x = 0 nothing moves.
    bumped = iv * (1.0 + vol_bump * np.minimum(shocks, VOL_BUMP_CAP))
    value = price(
        forward=moved, strike=strike, years=years, iv=bumped, discount=discount, right=Right.CALL
    )
    unmoved = int(np.flatnonzero(shocks == 0.0)[0])
    gain: FloatArray = MULTIPLIER * (contracts * (value - value[:, [unmoved]])).sum(axis=0)
    return gain


def amm_slope(depth: float, shocks: FloatArray) -> FloatArray:
    """Return the marginal price of a constant-product pool x·y = k, relative to no trade."""
    return (depth / (depth - shocks)) ** 2


@dataclass(frozen=True, slots=True)
class _Pools:
    """Slope curves of pools of many depths, one row each, with the sum of their squares."""

    curves: FloatArray
    squares: FloatArray


@cache
def _pools(shocks: int) -> _Pools:
    x = np.arange(shocks, dtype=np.float64)
    depths = x[-1] + np.exp(LOG_DEPTHS)[:, None]
    curves = (depths / (depths - x)) ** 2
    return _Pools(curves, (curves**2).sum(axis=1))


def fit_amm(slope: FloatArray) -> AmmFit | None:
    """Return the pool whose marginal price is nearest to slope[x]/slope[0], x = 0, 1, …

    The best of a grid of logarithms of the depth beyond the last shock, then the lowest point of
    the parabola through it and its neighbours. None when the hedge has no positive slope to
    compare.
    """
    if not slope[0] > 0:
        return None
    wanted, pools = slope / slope[0], _pools(len(slope))
    misfit = pools.squares - 2.0 * (pools.curves @ wanted)
    best = int(np.argmin(misfit))
    beyond = float(LOG_DEPTHS[best])
    if 0 < best < len(LOG_DEPTHS) - 1:
        before, at, after = misfit[best - 1 : best + 2].tolist()
        beyond += 0.5 * LOG_STEP * (before - after) / (before - 2.0 * at + after)
    depth = len(slope) - 1 + exp(beyond)
    curve = amm_slope(depth, np.arange(len(slope), dtype=np.float64))
    return AmmFit(depth, float(np.sqrt(((wanted - curve) ** 2).mean())), curve)


def coverage(profile: ConvexityProfile, loss_usd: FloatArray) -> tuple[float | None, ...]:
    """Return H(x)/L(x) per shock, None where the condors lose nothing.

    `loss_usd` holds the condors' loss at an SPX move of −x/3.2 %, one entry per shock.
    """
    return tuple(
        float(gain / loss) if loss > 0 else None
        for gain, loss in zip(profile.payoff_usd, loss_usd, strict=True)
    )


def condor_loss_usd(
    spx: float,
    shocks: FloatArray,
    *,
    put_strikes: tuple[float, float],
    call_strikes: tuple[float, float],
    credit_points: float,
    condors: int,
    vix_points_per_percent: float,
) -> FloatArray:
    """Return the condors' loss at expiry per VIX shock, dollars, 0 where they gain.

    `put_strikes` and `call_strikes` are (short, long); SPX moves by −x/3.2 % per shock of x.
    """
    moved = spx * (1.0 - shocks / vix_points_per_percent / 100.0)
    put_width = put_strikes[0] - put_strikes[1]
    call_width = call_strikes[1] - call_strikes[0]
    owed = np.clip(put_strikes[0] - moved, 0.0, put_width)
    owed += np.clip(moved - call_strikes[0], 0.0, call_width)
    return np.maximum(owed - credit_points, 0.0) * MULTIPLIER * condors
