"""The expected return of the method itself, from trades it would have made (R-30, A8).

Each session's ungated conservative condor is noted at its entry and settled on the close of its
expiry; what is known grows session by session, so no decision sees a trade that is still open. The
samples are kept apart by bucket of VIX: trades of a stormy market do not judge a calm one.
"""

from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from strategies.base import ExpectedState, JsonValue

SHORT_PUT = "would_be_short_put"
SHORT_CALL = "would_be_short_call"
CREDIT = "would_be_credit_points"
WIDTH = "would_be_width_points"
MAX_LOSS = "would_be_max_loss_points"
EXPIRY = "would_be_expiry"


@dataclass(frozen=True, slots=True)
class WouldBeTrade:
    """One condor that could have been sold: strikes, net credit, width and max loss in points.

    The max loss holds the opening fees, so fees are max loss − (width − credit).
    """

    expiry: date
    short_put: float
    short_call: float
    credit_points: float
    width_points: float
    max_loss_points: float

    def __post_init__(self) -> None:
        if not 0 < self.width_points - self.credit_points <= self.max_loss_points:
            raise ValueError(f"a condor cannot lose {self.max_loss_points} points at most")

    def facts(self) -> dict[str, JsonValue]:
        """Return the trade as the facts of a decision."""
        return {
            EXPIRY: self.expiry.isoformat(),
            SHORT_PUT: self.short_put,
            SHORT_CALL: self.short_call,
            CREDIT: self.credit_points,
            WIDTH: self.width_points,
            MAX_LOSS: self.max_loss_points,
        }

    @classmethod
    def from_facts(cls, facts: Mapping[str, JsonValue]) -> "WouldBeTrade | None":
        """Return the trade that a decision recorded, or None when it found none."""
        expiry = facts.get(EXPIRY)
        if expiry is None:
            return None
        names = (SHORT_PUT, SHORT_CALL, CREDIT, WIDTH, MAX_LOSS)
        return cls(date.fromisoformat(str(expiry)), *(float(facts[name] or 0.0) for name in names))

    def return_frac(self, spx_close: float) -> float:
        """Return P&L over max loss when SPX settles at `spx_close` (R-16's pay-off less fees)."""
        breach = max(self.short_put - spx_close, spx_close - self.short_call, 0.0)
        fees = self.max_loss_points - (self.width_points - self.credit_points)
        pnl = self.credit_points - fees - min(breach, self.width_points)
        return pnl / self.max_loss_points


VIX_BUCKETS = (15.0, 20.0, 25.0)


def vix_bucket(vix: float) -> int:
    """Return which bucket of VIX a trade belongs to: below 15, to 20, to 25, above (R-30)."""
    return bisect_right(VIX_BUCKETS, vix)


class ExpectedReturns:
    """Mean return of all settled would-be trades, rebuilt from the records alone."""

    def __init__(self) -> None:
        self._open: list[WouldBeTrade] = []
        self._sum = 0.0
        self._state = ExpectedState()

    @property
    def state(self) -> ExpectedState:
        """Return what is known so far."""
        return self._state

    def note(self, session: date, facts: Mapping[str, JsonValue]) -> None:
        """Remember the would-be trade of an entry decision, if its facts hold one."""
        trade = WouldBeTrade.from_facts(facts)
        if trade is not None and trade.expiry > session:
            self._open.append(trade)

    def settle(self, session: date, spx_close: float) -> None:
        """Settle what expires in `session` on its close, and count the session.

        A trade whose expiry passed without a close is dropped: nobody knows what it paid.
        """
        ended = [trade for trade in self._open if trade.expiry == session]
        self._open = [trade for trade in self._open if trade.expiry > session]
        self._sum += sum(trade.return_frac(spx_close) for trade in ended)
        before, count = self._state, self._state.count + len(ended)
        if not count:
            return
        mean = self._sum / count
        is_negative = mean < 0
        self._state = ExpectedState(
            count,
            mean,
            0 if is_negative else before.sessions_not_negative + 1,
            count if is_negative else before.count_when_negative,
        )
