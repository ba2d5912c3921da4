"""The method's parameters: typed, bounded, one section per idea; presets override the defaults.

Units stand in the names. Sources are rule numbers (R-…) of `docs/method.md`.
"""

from decimal import Decimal
from enum import StrEnum
from typing import Self

from pydantic import BaseModel, ConfigDict, Field, model_validator


class Section(BaseModel):
    """Base of all sections: immutable, no unknown keys."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class EdrMode(StrEnum):
    """How the expected daily range is computed (R-03)."""

    BLEND = "blend"
    SIMPLE_VIX = "simple_vix"
    GLOSSARY_NORM = "glossary_norm"
    GLOSSARY_LITERAL = "glossary_literal"


class Mode(StrEnum):
    """Temper of the tier choice and of the capital rules (R-11, R-32)."""

    STEWARD = "steward"
    PROMOTER = "promoter"


class CondorParams(Section):
    """The daily iron condor: contract, credit targets, strikes, clock (R-01, R-07, R-12)."""

    enabled: bool = Field(True, description="Sell condors at all.")
    mode: Mode = Field(Mode.STEWARD, description="Tier choice: steward or promoter (R-11).")
    sessions_to_expiry: int = Field(
        1, ge=1, le=5, description="Expiry is this many sessions after the entry."
    )
    wing_width_points: int = Field(
        25, ge=5, le=200, description="Distance of short and long strike of each side."
    )
    strike_grid_points: int = Field(5, ge=5, le=25, description="Strikes are multiples of this.")
    credit_conservative_points: Decimal = Field(
        Decimal("0.70"), gt=0, description="Net credit target of the conservative tier."
    )
    credit_balanced_points: Decimal = Field(
        Decimal("1.15"), gt=0, description="Net credit target of the balanced tier."
    )
    credit_aggressive_points: Decimal = Field(
        Decimal("1.60"), gt=0, description="Net credit target of the aggressive tier."
    )
    credit_band_points: Decimal = Field(
        Decimal("0.10"), ge=0, description="Excess over the target up to here is usual; reported."
    )
    start_edr_conservative: float = Field(
        1.40, gt=0, description="Start distance of the shorts in expected daily ranges."
    )
    start_edr_balanced: float = Field(1.10, gt=0, description="Same, balanced tier.")
    start_edr_aggressive: float = Field(0.85, gt=0, description="Same, aggressive tier.")
    min_edr_multiple: float = Field(
        0.85, ge=0, description="No short strike nearer than this many expected daily ranges."
    )
    gauge_edr_multiple: float = Field(
        1.0, ge=0, description="Distance at which the premium gauge is read (R-07)."
    )
    max_delta: float = Field(0.18, gt=0, le=0.5, description="Cap on |delta| of each short leg.")
    skew_switch_vol_points: float = Field(
        2.8, description="Put-over-call skew above which the call side moves first (R-12)."
    )
    entry_after_close_minutes: float = Field(
        10.0, gt=0, lt=14.5, description="Entry, minutes after the cash close."
    )

    @model_validator(mode="after")
    def _strikes_fit_the_grid(self) -> Self:
        if self.wing_width_points % self.strike_grid_points:
            raise ValueError(
                f"wing_width_points = {self.wing_width_points} is off the strike grid; "
                f"use a multiple of strike_grid_points = {self.strike_grid_points}"
            )
        if self.credit_aggressive_points >= self.wing_width_points:
            raise ValueError("a credit target must be smaller than wing_width_points")
        targets = (
            self.credit_conservative_points,
            self.credit_balanced_points,
            self.credit_aggressive_points,
        )
        if sorted(targets) != list(targets):
            raise ValueError("credit targets must rise from conservative to aggressive")
        return self


class EdrParams(Section):
    """Expected daily range and its regime multiplier (R-03)."""

    mode: EdrMode = Field(EdrMode.BLEND, description="Formula used for decisions; all are logged.")
    weight_vix9d: float = Field(0.6, ge=0, le=1, description="Weight of VIX9D in the blend.")
    weight_hv20: float = Field(0.4, ge=0, le=1, description="Weight of HV20 in the blend.")
    multiplier_min: float = Field(0.8, gt=0, description="Floor of the regime multiplier.")
    multiplier_max: float = Field(2.0, gt=0, description="Cap of the regime multiplier.")
    multiplier_vix_base: float = Field(12.0, description="VIX at which the multiplier is 0.8.")
    multiplier_vix_span: float = Field(15.0, gt=0, description="VIX points per 1.0 of multiplier.")
    shift_threshold_frac: float = Field(
        0.0094, gt=0, description="Expected daily range above which threatened condors roll (R-17)."
    )


class VixGateParams(Section):
    """Which tiers the level of VIX allows (R-05)."""

    all_below: float = Field(15.0, gt=0, description="Below: all tiers, hedge refresh allowed.")
    hold_above: float = Field(20.0, gt=0, description="Above: HOLD, no new condors.")
    stress_above: float = Field(25.0, gt=0, description="Above: HOLD, tagged STRESS.")
    hysteresis_closes: int = Field(
        1, ge=0, le=10, description="Closes below hold_above that end a HOLD."
    )

    @model_validator(mode="after")
    def _levels_rise(self) -> Self:
        if not self.all_below <= self.hold_above <= self.stress_above:
            raise ValueError("all_below, hold_above and stress_above must not fall")
        return self


class TermParams(Section):
    """Term structure of VIX and its futures (R-04)."""

    amber_slope_frac: float = Field(0.02, ge=0, description="|M2/M1 − 1| up to here is amber.")
    extreme_backwardation_points: float = Field(
        3.0, gt=0, description="M1 − M2 from here: no new condors, no event buying."
    )
    red_size_multiplier: float = Field(0.5, gt=0, le=1, description="Size factor when red.")


class EventParams(Section):
    """Releases between entry and expiry (R-06)."""

    size_multiplier: float = Field(0.5, gt=0, le=1, description="Size factor on event days.")
    distance_multiplier: float = Field(
        1.25, ge=1, description="Start distance factor on event days."
    )


class SizeParams(Section):
    """How many condors (R-10, R-13)."""

    per_trade_frac: float = Field(
        0.10, gt=0, le=1, description="Max loss of a new trade as a share of NLV."
    )
    aggregate_frac: float = Field(
        0.15, gt=0, le=1, description="Max loss of all open condors as a share of NLV."
    )
    multiplier_floor: float = Field(
        0.25, ge=0, le=1, description="Combined size factor below this: skip."
    )


class CostParams(Section):
    """What trading is expected to cost (R-14); slippage per condor and side, in points."""

    commission_leg_usd: Decimal = Field(
        Decimal("1.25"), ge=0, description="All-in fee per leg used in max loss estimates."
    )
    slippage_vix_below_15_points: float = Field(0.05, ge=0, description="Slippage, VIX < 15.")
    slippage_vix_15_20_points: float = Field(0.10, ge=0, description="Slippage, VIX 15–20.")
    slippage_vix_20_25_points: float = Field(0.20, ge=0, description="Slippage, VIX 20–25.")
    slippage_vix_25_30_points: float = Field(0.40, ge=0, description="Slippage, VIX 25–30.")
    slippage_vix_above_30_points: float = Field(0.75, ge=0, description="Slippage, VIX > 30.")
    reprice_step_points: Decimal = Field(
        Decimal("0.05"), ge=0, description="Limit gives way by this much per step."
    )
    reprice_every_seconds: int = Field(30, ge=1, description="Seconds between steps.")
    reprice_times: int = Field(3, ge=0, le=20, description="Steps at most.")
    hedge_slippage_min_points: float = Field(
        0.03, ge=0, description="Least slippage per VIX call; half the spread when that is more."
    )

    def slippage_points(self, vix: float) -> float:
        """Return the expected slippage of one condor side at a level of VIX (R-14's table)."""
        if vix < 15:
            return self.slippage_vix_below_15_points
        if vix <= 20:
            return self.slippage_vix_15_20_points
        if vix <= 25:
            return self.slippage_vix_20_25_points
        if vix <= 30:
            return self.slippage_vix_25_30_points
        return self.slippage_vix_above_30_points


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


class MethodParams(Section):
    """All of the method's sections; what a preset may override."""

    condor: CondorParams = CondorParams()
    edr: EdrParams = EdrParams()
    vix_gate: VixGateParams = VixGateParams()
    term: TermParams = TermParams()
    events: EventParams = EventParams()
    size: SizeParams = SizeParams()
    costs: CostParams = CostParams()
    alvh: AlvhParams = AlvhParams()
