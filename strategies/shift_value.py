"""What the ways of an open condor are worth, and what forbids a shift (R-17, R-30, R-33).

One model values them all: dollars of the whole position from now to its end, the payoff as a mean
over SPX's own past returns.
"""

from dataclasses import dataclass
from decimal import Decimal

from strategies import time_shift
from strategies.base import CondorPosition, Transition, View
from strategies.capital import SESSIONS_OF_YEAR, view_wacc_frac
from strategies.params import MethodParams
from strategies.sizing import MULTIPLIER, fees_estimate_usd
from strategies.time_shift import SESSION_HOURS
from strategies.volatility import ExpectedRange

_RETURNS_NEEDED = 60


@dataclass(frozen=True, slots=True)
class Scene:
    """What one scan of one condor looks at."""

    view: View
    position: CondorPosition
    expected: ExpectedRange
    spx: float
    slippage: float
    hours_left: float

    @property
    def edr_points(self) -> float:
        """Return the expected daily range in points."""
        return self.expected.points(self.spx)

    @property
    def usd_per_point(self) -> float:
        """Return dollars per point of the whole position."""
        return float(MULTIPLIER * self.position.quantity)


@dataclass(frozen=True, slots=True)
class ShiftValues:
    """Values what may be done with a condor; holds parameters only."""

    params: MethodParams

    def expire(self, scene: Scene) -> Transition:
        """Return what holding to expiry is worth."""
        left = max(scene.hours_left, 0.0) / SESSION_HOURS
        sessions = left + scene.view.context.calendar.index(scene.position.expiry)
        sessions -= scene.view.context.calendar.index(scene.view.session)
        value = self._payoff(scene, scene.position, max(sessions, 1e-6)) * scene.usd_per_point
        return Transition("expire", True, round(value, 2), "hold to expiry")

    def _payoff(self, scene: Scene, position: CondorPosition, sessions: float) -> float:
        strikes = (position.long_put, position.short_put, position.short_call, position.long_call)
        points = tuple(None if each is None else float(each.strike) for each in strikes)
        long_put, short_put, short_call, long_call = points
        returns = scene.view.spx_returns
        if len(returns) < _RETURNS_NEEDED:
            return 0.0
        return time_shift.expected_payoff(
            scene.spx, (long_put, short_put, short_call, long_call), returns, sessions
        )

    def valued(self, scene: Scene, debit: float, credit: float, new: CondorPosition) -> Transition:
        """Return what buying back for `debit` and selling `new` for `credit` is worth."""
        fees = 2 * float(fees_estimate_usd(self.params.costs)) / MULTIPLIER
        payoff = self._payoff(scene, new, self._sessions_to(scene, new))
        value = (credit - debit - fees + payoff) * scene.usd_per_point
        detail = f"to {new.expiry}: {credit:.2f} − {debit:.2f}, then {payoff:.2f} expected"
        return Transition("shift_forward", True, round(value, 2), detail)

    def _sessions_to(self, scene: Scene, new: CondorPosition) -> float:
        calendar = scene.view.context.calendar
        whole = calendar.index(new.expiry) - calendar.index(scene.view.session)
        return whole + max(scene.hours_left, 0.0) / SESSION_HOURS

    def refusal(
        self,
        scene: Scene,
        moved: CondorPosition,
        debit: float,
        credit: float,
        new: CondorPosition,
    ) -> tuple[str, str] | None:
        """Return why a feasible shift is not done: the cap on open risk, or a poor expected IRR."""
        capital, old = scene.view.capital, scene.position
        # A side that stays can still lose its whole width: only a whole condor frees risk.
        freed = old.max_loss_usd if moved is old else Decimal(0)
        after = capital.open_max_loss_usd - freed + new.max_loss_usd
        cap = Decimal(str(self.params.size.aggregate_frac)) * capital.nlv_usd
        if after > cap:
            return "SHIFT_CAP", f"the new one would put ${after:,.0f} at risk, above the cap"
        if not self.params.shift.irr_gate_enabled:
            return None
        payoff = self._payoff(scene, new, self._sessions_to(scene, new))
        gained = float(old.credit) - debit + credit + payoff
        risk = float(new.max_loss_usd) / scene.usd_per_point
        fees = 3 * float(fees_estimate_usd(self.params.costs)) / MULTIPLIER
        share = (gained - fees) / risk
        expected = share * SESSIONS_OF_YEAR / max(self._sessions_to(scene, new), 1.0)
        wacc = self._wacc(scene)
        if expected < wacc:
            return "SHIFT_IRR", (
                f"the whole campaign is expected to make {share:+.1%} of what it risks, "
                f"less than the cost of capital of {wacc:.0%} a year"
            )
        return None

    def _wacc(self, scene: Scene) -> float:
        """Return the account's WACC, or the hurdle alone while the bill is unknown (R-30)."""
        known = view_wacc_frac(scene.view, self.params.capital)
        return self.params.capital.hurdle_frac if known is None else known
