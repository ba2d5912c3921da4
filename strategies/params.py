"""The method's parameters: typed, bounded, one section per idea; presets override the defaults.

Those of the hedge stand in `hedge_params.py`.
Units stand in the names. Sources are rule numbers (R-…) of `docs/method.md`.
"""

from decimal import Decimal
from enum import StrEnum
from typing import Self

from pydantic import Field, model_validator

from strategies.hedge_params import AlvhParams
from strategies.section import Section


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


class GateVariant(StrEnum):
    """Which reading of the VIX gate is in force (R-05)."""

    GLOSSARY = "glossary"
    FIVE_DMA = "five_dma"
    ALWAYS_ON = "c2_always_on"


class ShiftTrigger(StrEnum):
    """How the two volatility conditions of a time shift combine (R-17)."""

    OR = "or"
    AND = "and"


class ShiftLegs(StrEnum):
    """What a time shift moves (R-17)."""

    WHOLE_CONDOR = "whole_condor"
    LOSING_SIDE = "losing_side"


class EntryStyle(StrEnum):
    """When condors are sold: after the close, or on release days also within the day (R-06)."""

    AFTER_CLOSE = "after_close"
    POST_EVENT_0DTE = "post_event_0dte"


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
        10.0, gt=0.5, lt=14.5, description="Entry, minutes after the cash close."
    )
    entry_style: EntryStyle = Field(
        EntryStyle.AFTER_CLOSE, description="after_close, or post_event_0dte on release days."
    )
    stop_credit_multiple: float = Field(
        0.0, ge=0, description="Close when buying back costs this many credits more; 0 is no stop."
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
    variant: GateVariant = Field(
        GateVariant.GLOSSARY,
        description="glossary; five_dma: all tiers below 20 if VIX < 5-day mean; c2_always_on.",
    )
    always_on_shrink_above: float = Field(
        28.0, gt=0, description="c2_always_on: half size above this VIX."
    )
    always_on_size_multiplier: float = Field(
        0.5, gt=0, le=1, description="c2_always_on: size factor above that level."
    )

    @model_validator(mode="after")
    def _levels_rise(self) -> Self:
        if not self.all_below <= self.hold_above <= self.stress_above:
            raise ValueError("all_below, hold_above and stress_above must not fall")
        return self


class ShiftParams(Section):
    """Time shift of a threatened condor (R-17, R-18)."""

    enabled: bool = Field(True, description="Roll threatened condors forward at all.")
    trigger: ShiftTrigger = Field(
        ShiftTrigger.OR, description="or: wide range or high VIX; and: both."
    )
    min_vix: float = Field(16.0, gt=0, description="VIX above which threatened condors roll.")
    threat_delta: float = Field(0.25, gt=0, lt=1, description="|delta| of a short that threatens.")
    threat_distance_edr: float = Field(
        0.50, ge=0, description="Distance that threatens, in ranges scaled to the time left."
    )
    cushion_frac: float = Field(
        0.20, ge=0, description="The new credit must exceed the closing debit by this share."
    )
    min_dte: int = Field(1, ge=1, description="Nearest expiry of a forward shift, days.")
    max_dte: int = Field(7, ge=1, le=30, description="Furthest expiry of a forward shift, days.")
    back_enabled: bool = Field(True, description="Roll shifted condors back at all.")
    back_max_dte: int = Field(2, ge=0, le=7, description="Furthest expiry of a back shift, days.")
    max_shifts: int = Field(2, ge=0, le=5, description="Shifts per original trade.")
    legs: ShiftLegs = Field(ShiftLegs.WHOLE_CONDOR, description="whole_condor or losing_side.")
    irr_gate_enabled: bool = Field(
        True, description="Shift only when the campaign's expected IRR is at least the WACC."
    )

    @model_validator(mode="after")
    def _window_is_ordered(self) -> Self:
        if self.min_dte > self.max_dte:
            raise ValueError("min_dte must not exceed max_dte")
        return self


class FilterParams(Section):
    """Breadth, momentum and the slow macro overlay (R-08, R-09, R-29)."""

    breadth_enabled: bool = Field(True, description="Breadth divergence lowers the tier.")
    rsi_enabled: bool = Field(True, description="RSI of SPX lowers tier and size.")
    macro_enabled: bool = Field(True, description="Exchange rate and yields lower tier and size.")
    big_top_enabled: bool = Field(True, description="The Big Top flag caps the tier.")
    rsi_window: int = Field(14, ge=2, description="Window of RSI, sessions.")
    rsi_high: float = Field(70.0, gt=50, le=100, description="Above: one tier down.")
    rsi_low: float = Field(30.0, ge=0, lt=50, description="Below: one tier down.")
    rsi_caution: float = Field(65.0, gt=50, le=100, description="From here to rsi_high: noted.")
    rsi_size_multiplier: float = Field(0.85, gt=0, le=1, description="Size factor when stretched.")
    vix_rsi_low: float = Field(35.0, ge=0, le=100, description="Below, with divergence: pre-arm.")
    vix_rsi_high: float = Field(70.0, ge=0, le=100, description="Above: no discretionary hedging.")
    breadth_window: int = Field(20, ge=5, description="Window of the breadth scores, sessions.")
    breadth_sessions: int = Field(3, ge=1, description="Closes in a row that make a divergence.")
    breadth_near_high_frac: float = Field(
        0.01, gt=0, description="SPX this near its high of the window counts as at the high."
    )
    breadth_lag_sd: float = Field(
        0.5, ge=0, description="The A/D line must be this many sds below its high."
    )
    breadth_gap: float = Field(1.0, ge=0, description="Price score less breadth score from here.")
    reer_months: int = Field(120, ge=12, description="Months of the exchange rate's mean.")
    reer_deviation_frac: float = Field(
        0.08, gt=0, description="Deviation from the mean that caps the tier."
    )
    reer_distance_multiplier: float = Field(
        1.05, ge=1, description="Start distance factor when the exchange rate is far off."
    )
    rate_z: float = Field(1.5, gt=0, description="|z| of the rate differential that shrinks size.")
    rate_size_multiplier: float = Field(0.75, gt=0, le=1, description="Size factor then.")
    big_top_high_frac: float = Field(
        0.015, gt=0, description="SPX this near its yearly high counts as topping."
    )
    big_top_acceleration: float = Field(
        1.25, gt=0, description="Temporal theta over its 20-day mean that flags a Big Top."
    )


class CapitalParams(Section):
    """Cost of capital, expected return and liquidity (R-30, R-31, R-32)."""

    wacc_enabled: bool = Field(True, description="Expected IRR below the WACC shrinks size.")
    quick_ratio_enabled: bool = Field(True, description="The quick ratio gates entries.")
    hurdle_frac: float = Field(0.04, ge=0, description="Cost of own cash above the bill.")
    margin_spread_frac: float = Field(
        0.015, ge=0, description="The broker's margin rate above the bill."
    )
    financed_frac: float = Field(0.0, ge=0, le=1, description="Share of capital borrowed.")
    expected_trades_min: int = Field(
        60, ge=1, description="Settled would-be trades before the expected IRR counts."
    )
    resume_sessions: int = Field(
        5, ge=1, description="Sessions of expected IRR >= 0 that end a stop, at half size."
    )
    wacc_size_multiplier: float = Field(0.5, gt=0, le=1, description="Size factor below the WACC.")
    aggressive_wacc_multiple: float = Field(
        2.2, gt=0, description="Expected IRR over WACC that the aggressive tier needs."
    )
    quick_ratio_steward: float = Field(3.0, ge=0, description="Least quick ratio, steward.")
    quick_ratio_promoter: float = Field(1.0, ge=0, description="Least quick ratio, promoter.")
    quick_ratio_red: float = Field(
        0.5, ge=0, description="Below: no entry and no discretionary hedging."
    )
    option_liquidity_frac: float = Field(
        0.5, ge=0, le=1, description="Share of long options' mark that counts as liquid."
    )
    time_shift_reserve_frac: float = Field(
        0.20, ge=0, le=1, description="Share of open max loss kept for time shifts."
    )
    steward_drawdown_frac: float = Field(
        0.05, gt=0, le=1, description="Fall of NLV after which a steward halves the cap."
    )


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


class MethodParams(Section):
    """All of the method's sections; what a preset may override."""

    condor: CondorParams = CondorParams()
    edr: EdrParams = EdrParams()
    vix_gate: VixGateParams = VixGateParams()
    term: TermParams = TermParams()
    events: EventParams = EventParams()
    size: SizeParams = SizeParams()
    shift: ShiftParams = ShiftParams()
    filters: FilterParams = FilterParams()
    capital: CapitalParams = CapitalParams()
    costs: CostParams = CostParams()
    alvh: AlvhParams = AlvhParams()
