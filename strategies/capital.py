"""What capital costs and earns: WACC, campaign IRR, expected IRR, quick ratio (R-30, R-31, R-32).

Rates are fractions a year, money is dollars. A flow is dated by session, positive when received.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum
from itertools import pairwise

from market.values import value
from strategies.base import Capital, Layer, LayerPosition, View
from strategies.hedge_params import AlvhParams
from strategies.params import CapitalParams, MethodParams, Mode

SESSIONS_OF_YEAR = 252
DAYS_OF_YEAR = 365.0
ZERO = Decimal(0)
ROLL_SESSIONS = 10
ROLL_COST_FRAC = Decimal("0.10")


@dataclass(frozen=True, slots=True)
class Flow:
    """One dated cash flow of a campaign."""

    on: date
    usd: float


class ReturnKind(StrEnum):
    """How a campaign's return was found."""

    IRR = "irr"
    MIRR = "mirr"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class CampaignReturn:
    """A money-weighted yearly return, how it was found and how often the flows changed sign."""

    rate_frac: float | None
    kind: ReturnKind
    sign_changes: int


def wacc_frac(
    *, bill_frac: float, financed_frac: float, hedge_carry_frac: float, params: CapitalParams
) -> float:
    """Return R-30's cost of capital: own cash at bill + hurdle, the financed share at the broker's
    rate, plus the yearly cost of carrying the hedge (a gain lowers it)."""
    own = 1.0 - financed_frac
    cost_of_own = bill_frac + params.hurdle_frac
    cost_of_margin = bill_frac + params.margin_spread_frac
    return own * cost_of_own + financed_frac * cost_of_margin + hedge_carry_frac


def sign_changes(flows: Sequence[Flow]) -> int:
    """Return how often the flows, in order of date, change their sign; zeros do not count."""
    signs = [flow.usd > 0 for flow in sorted(flows, key=lambda flow: flow.on) if flow.usd]
    return sum(1 for before, after in pairwise(signs) if before != after)


def campaign_return(
    flows: Sequence[Flow], *, finance_frac: float, reinvest_frac: float
) -> CampaignReturn:
    """Return the money-weighted return of dated flows.

    XIRR when the flows change sign once; MIRR (financed at the WACC, reinvested at the bill) when
    more often, since several rates may then solve the equation; none when they never do.
    """
    from pyxirr import xirr  # noqa: PLC0415 - loaded only where returns are wanted

    changes = sign_changes(flows)
    if changes == 0:
        return CampaignReturn(None, ReturnKind.NONE, 0)
    if changes > 1:
        rate = modified_return(flows, finance_frac=finance_frac, reinvest_frac=reinvest_frac)
        return CampaignReturn(rate, ReturnKind.MIRR, changes)
    rate = xirr([(flow.on, flow.usd) for flow in flows], silent=True)
    return CampaignReturn(rate, ReturnKind.IRR, changes)


def modified_return(
    flows: Sequence[Flow], *, finance_frac: float, reinvest_frac: float
) -> float | None:
    """Return MIRR for dated flows: payments discounted to the first date at `finance_frac`,
    receipts carried to the last at `reinvest_frac`, then one compound rate between them."""
    first = min(flow.on for flow in flows)
    last = max(flow.on for flow in flows)
    years = (last - first).days / DAYS_OF_YEAR
    paid = sum(
        -flow.usd * (1.0 + finance_frac) ** (-(flow.on - first).days / DAYS_OF_YEAR)
        for flow in flows
        if flow.usd < 0
    )
    received = sum(
        flow.usd * (1.0 + reinvest_frac) ** ((last - flow.on).days / DAYS_OF_YEAR)
        for flow in flows
        if flow.usd > 0
    )
    if not paid or not received or not years:
        return None
    return float((received / paid) ** (1.0 / years) - 1.0)


def expected_irr_frac(mean_return_frac: float) -> float:
    """Return R-30's ex-ante figure: mean P&L over max loss of one trade, times 252."""
    return mean_return_frac * SESSIONS_OF_YEAR


@value(frozen=True, slots=True)
class QuickRatio:
    """R-31's account-level liquidity: liquid means over what may fall due soon."""

    liquid_usd: Decimal
    due_usd: Decimal

    @property
    def value(self) -> float:
        """Return the ratio, infinite when nothing falls due."""
        return float(self.liquid_usd / self.due_usd) if self.due_usd > 0 else float("inf")


def quick_ratio(
    capital: Capital, *, new_loss_usd: Decimal, roll_debits_usd: Decimal, params: CapitalParams
) -> QuickRatio:
    """Return the quick ratio once a trade with `new_loss_usd` of max loss is on.

    Liquid: cash plus half the mark of long options. Due: max loss of condors that expire within
    five sessions, hedge roll debits of ten, and a reserve of 20 % of open max loss for time shifts.
    """
    open_loss = capital.open_max_loss_usd + new_loss_usd
    reserve = Decimal(str(params.time_shift_reserve_frac)) * open_loss
    half_options = Decimal(str(params.option_liquidity_frac)) * capital.hedge_value_usd
    return QuickRatio(capital.cash_usd + half_options, open_loss + roll_debits_usd + reserve)


def quick_ratio_floor(mode: Mode, params: CapitalParams) -> float:
    """Return the least quick ratio at which a condor may be opened (R-32)."""
    return params.quick_ratio_steward if mode is Mode.STEWARD else params.quick_ratio_promoter


def per_trade_frac(per_trade: float, mode: Mode, *, is_halved: bool) -> float:
    """Return the cap on one trade: a steward halves it after a 5 % fall of NLV until NLV makes a
    new 20-session high, which `is_halved` tells; a promoter keeps it (R-32)."""
    return per_trade / 2.0 if mode is Mode.STEWARD and is_halved else per_trade


def roll_debits_usd(view: View, params: AlvhParams) -> Decimal:
    """Return what hedge rolls due within ten sessions may cost, estimated (R-31): of each layer
    then at its roll DTE the premium paid beyond its present mark, at least 0, and 10 % of it."""
    if not view.positions.layers:
        return ZERO
    until = view.context.calendar.next(view.session, ROLL_SESSIONS)
    roll_dte = {
        Layer.NEAR: params.roll_near_dte,
        Layer.MID: params.roll_mid_dte,
        Layer.LONG: params.roll_long_dte,
    }
    due = [each for each in view.positions.layers if each.dte(until) <= roll_dte[each.layer]]
    return sum((_roll_debit_usd(view, position) for position in due), ZERO)


def _roll_debit_usd(view: View, position: LayerPosition) -> Decimal:
    quote = view.snapshot.quotes.get(position.contract)
    mid = None if quote is None else quote.mid
    # Without a quote the calls are taken to fetch nothing: too dear an estimate blocks, no more.
    points = Decimal(0) if mid is None else Decimal(str(mid))
    mark = points * position.contract.multiplier * position.contracts
    paid = position.paid_premium_usd
    return max(paid - mark, ZERO) + ROLL_COST_FRAC * paid


def quick_ratio_now(view: View, new_loss_usd: Decimal, params: MethodParams) -> QuickRatio:
    """Return the quick ratio of a view's account once a trade with that max loss is on (R-31)."""
    debits = roll_debits_usd(view, params.alvh)
    return quick_ratio(
        view.capital, new_loss_usd=new_loss_usd, roll_debits_usd=debits, params=params.capital
    )


def view_wacc_frac(view: View, params: CapitalParams) -> float | None:
    """Return the WACC of a view's account, None while the bill's rate is unknown (R-30)."""
    capital, bill = view.capital, view.indicators.bill_frac
    if bill is None or capital.nlv_usd <= 0:
        return None
    carry = float(capital.hedge_cost_year_usd / capital.nlv_usd)
    return wacc_frac(
        bill_frac=bill,
        financed_frac=params.financed_frac,
        hedge_carry_frac=carry,
        params=params,
    )


def known_irr_frac(capital: Capital, params: CapitalParams) -> float | None:
    """Return the expected IRR once enough would-be trades have settled, else None (R-30, A8)."""
    state = capital.expected
    if state is None or state.mean_return_frac is None or state.count < params.expected_trades_min:
        return None
    return expected_irr_frac(state.mean_return_frac)
