"""The parameters of the layered VIX-call hedge (R-19 … R-28)."""

from enum import StrEnum
from typing import Self

from pydantic import Field, model_validator

from strategies.section import Section


class HedgeSizing(StrEnum):
    """How contracts per layer are found (R-20)."""

    CONTRACTS = "contracts"
    PREMIUM_WEIGHTS = "premium_weights"


class BudgetMode(StrEnum):
    """Whether the hedge budget stops purchases or only warns (R-24)."""

    HARD = "hard"
    WARN = "warn"


class AlvhParams(Section):
    """The layered VIX-call hedge: counts, tenors, deltas, rolls, budget (R-19 … R-25)."""

    enabled: bool = Field(True, description="Run the hedge at all.")
    contracts_near: int = Field(4, ge=1, le=20, description="Near calls per unit.")
    contracts_mid: int = Field(4, ge=1, le=20, description="Mid calls per unit.")
    contracts_long: int = Field(2, ge=1, le=20, description="Long calls per unit.")
    condors_per_unit: int = Field(10, ge=1, description="One unit hedges this many condors.")
    tenor_near_days: int = Field(30, ge=7, description="Target tenor of the near layer.")
    tenor_mid_days: int = Field(110, ge=14, description="Target tenor of the mid layer.")
    tenor_long_days: int = Field(220, ge=21, description="Target tenor of the long layer.")
    tolerance_near_days: int = Field(10, ge=0, description="Accepted miss of the near tenor.")
    tolerance_mid_days: int = Field(20, ge=0, description="Accepted miss of the mid tenor.")
    tolerance_long_days: int = Field(35, ge=0, description="Accepted miss of the long tenor.")
    weekly_series: bool = Field(
        True,
        description="Take weekly VIX series too; without them the near tenor needs a tolerance of"
        " 26 days.",
    )
    delta_near: float = Field(0.45, gt=0, lt=1, description="Target delta of the near layer.")
    delta_mid: float = Field(0.30, gt=0, lt=1, description="Target delta of the mid layer.")
    delta_long: float = Field(0.20, gt=0, lt=1, description="Target delta of the long layer.")
    roll_near_dte: int = Field(21, ge=1, description="Roll the near layer at this DTE.")
    roll_mid_dte: int = Field(80, ge=1, description="Roll the mid layer at this DTE.")
    roll_long_dte: int = Field(160, ge=1, description="Roll the long layer at this DTE.")
    roll_despite_release_dte: int = Field(
        10, ge=0, description="From this DTE a roll no longer waits for a release to pass."
    )
    budget_min_frac: float = Field(
        0.04, ge=0, le=1, description="Hedge premium below this share of condor notional is thin."
    )
    budget_max_frac: float = Field(
        0.08, ge=0, le=1, description="Purchases may not lift paid premium above this share."
    )
    fallback_delta_step: float = Field(
        0.05, gt=0, le=0.5, description="Delta step down when the budget binds."
    )
    fallback_delta_min: float = Field(0.15, gt=0, lt=1, description="Least fall-back delta.")
    open_max_vix: float = Field(20.0, gt=0, description="No discretionary purchase above this VIX.")
    refresh_below_vix: float = Field(15.0, gt=0, description="Drift repair allowed below this VIX.")
    refresh_delta_low: float = Field(
        0.5, ge=0, le=1, description="Re-strike when delta falls below this share of its target."
    )
    refresh_delta_high: float = Field(
        1.6, ge=1, description="Re-strike when delta rises above this multiple of its target."
    )
    max_spread_frac: float = Field(0.15, gt=0, description="Widest quote accepted, share of mid.")
    max_spread_points: float = Field(0.15, gt=0, description="Widest quote accepted, points.")
    min_units_frac: float = Field(
        0.8, ge=0, le=1, description="No condor while units held are below this share of required."
    )
    plan_nlv_change_frac: float = Field(
        0.15, gt=0, description="Re-plan the hedge when NLV moved this much since the last plan."
    )
    event_enabled: bool = Field(True, description="Re-check the hedge around releases (R-25).")
    event_roll_sessions: int = Field(
        5, ge=0, description="Before an event the near layer must outlive it by these sessions."
    )
    event_fall_frac: float = Field(
        0.10, gt=0, description="VIX fall over an event that makes a re-strike cheap."
    )
    event_rise_frac: float = Field(
        0.20, gt=0, description="VIX rise over an event that calls for harvesting (R-23)."
    )
    cost_alert_frac: float = Field(
        0.02, gt=0, description="Trailing yearly hedge cost as a share of NLV that alerts."
    )
    cost_block_frac: float = Field(
        0.05, gt=0, description="Trailing yearly hedge cost that blocks discretionary buying."
    )
    budget_mode: BudgetMode = Field(
        BudgetMode.HARD, description="hard: the budget stops purchases; warn: it only says so."
    )
    raise_when_cheap: bool = Field(
        False, description="Aim for delta 0.50 while premium is thin and VIX < refresh_below_vix."
    )
    sizing: HedgeSizing = Field(
        HedgeSizing.CONTRACTS, description="contracts, or premium_weights of 40/40/20."
    )
    weight_near: float = Field(0.4, ge=0, le=1, description="Premium share of the near layer.")
    weight_mid: float = Field(0.4, ge=0, le=1, description="Premium share of the mid layer.")
    weight_long: float = Field(0.2, ge=0, le=1, description="Premium share of the long layer.")
    fractional_units: bool = Field(
        False, description="Small accounts: parts of a unit, by largest remainders."
    )
    recycle_enabled: bool = Field(True, description="Recycle gains of the near layer (R-23).")
    recycle_gain_multiple: float = Field(
        2.5, gt=1, description="Mark over cost of the near layer that calls for harvesting."
    )
    recycle_min_vix: float = Field(16.0, gt=0, description="VIX above which gains are harvested.")
    recycle_sell_frac: float = Field(0.5, gt=0, le=1, description="Share of the layer sold.")
    recycle_reinvest_frac: float = Field(
        0.6, ge=0, le=1, description="Share of the realised gain spent on longer calls."
    )
    recycle_mid_share: float = Field(2 / 3, ge=0, le=1, description="Of that, for the mid layer.")
    recycle_every_sessions: int = Field(5, ge=1, description="Sessions between harvests.")
    recycle_cap_multiple: int = Field(
        2, ge=1, description="No layer above this multiple of its base contracts."
    )
    refill_peak_frac: float = Field(
        0.8, gt=0, le=1, description="Refill when VIX falls below this share of its peak."
    )
    tilt_enabled: bool = Field(True, description="MACD tilt of the near layer (R-26).")
    tilt_max_vix: float = Field(20.0, gt=0, description="No tilt at or above this VIX.")
    tilt_sessions: int = Field(10, ge=1, description="A tilt ends after these sessions.")
    macd_fast: int = Field(12, ge=2, description="Fast mean of MACD, sessions.")
    macd_slow: int = Field(26, ge=3, description="Slow mean of MACD, sessions.")
    macd_signal: int = Field(9, ge=2, description="Signal mean of MACD, sessions.")
    futures_kappa: float = Field(
        4.0, gt=0, description="Mean reversion of VIX futures in the convexity profile (R-28)."
    )
    min_steepening_ratio: float = Field(
        1.3, ge=1, description="Re-strike when the profile steepens less than this (R-28)."
    )
    vix_points_per_percent: float = Field(
        3.2, gt=0, description="VIX points per 1 % of SPX in the coverage of losses (R-28)."
    )

    @model_validator(mode="after")
    def _ladder_is_ordered(self) -> Self:
        if not self.tenor_near_days < self.tenor_mid_days < self.tenor_long_days:
            raise ValueError("tenor_near_days < tenor_mid_days < tenor_long_days must hold")
        for name in ("near", "mid", "long"):
            if getattr(self, f"roll_{name}_dte") >= getattr(self, f"tenor_{name}_days"):
                raise ValueError(f"roll_{name}_dte must be smaller than tenor_{name}_days")
        if self.budget_min_frac > self.budget_max_frac:
            raise ValueError("budget_min_frac must not exceed budget_max_frac")
        return self
