"""The state of volatility: expected daily range, regime multiplier, HOLD memory, term structure.

Rules R-03, R-04 and R-05.
"""

from dataclasses import dataclass
from enum import StrEnum
from math import isnan, sqrt

import numpy as np
from numpy.typing import NDArray

from market.quotes import FuturesCurve, IndexLevels
from market.values import value
from strategies.params import EdrMode, EdrParams, GateVariant, TermParams, VixGateParams

ROOT_OF_YEAR = sqrt(252.0)


@dataclass(frozen=True, slots=True)
class ExpectedRange:
    """Expected daily range of SPX as a fraction, in all four formulas, and the one in force."""

    frac: float
    multiplier: float
    by_mode: dict[EdrMode, float]

    def points(self, underlying: float) -> float:
        """Return the range in index points."""
        return underlying * self.frac


def regime_multiplier(vix: float, params: EdrParams) -> float:
    """Return m = clip(0.8 + (VIX − 12)/15, 0.8, 2.0) of R-03."""
    raw = 0.8 + (vix - params.multiplier_vix_base) / params.multiplier_vix_span
    return min(max(raw, params.multiplier_min), params.multiplier_max)


def expected_range(levels: IndexLevels, hv20: float, params: EdrParams) -> ExpectedRange:
    """Return R-03's expected daily range; vols in points a year, result per day as a fraction."""
    multiplier = regime_multiplier(levels.vix, params)
    per_day = 1.0 / (100.0 * ROOT_OF_YEAR)
    blend = params.weight_vix9d * levels.vix9d + params.weight_hv20 * hv20
    literal = 0.1 * levels.vix9d + 0.5 * hv20
    by_mode = {
        EdrMode.BLEND: multiplier * blend * per_day,
        EdrMode.SIMPLE_VIX: levels.vix * per_day,
        EdrMode.GLOSSARY_NORM: multiplier * (literal + 0.4 * levels.vix) * per_day,
        EdrMode.GLOSSARY_LITERAL: multiplier * literal * per_day,
    }
    return ExpectedRange(by_mode[params.mode], multiplier, by_mode)


class TermColor(StrEnum):
    """R-04's three states of the term structure."""

    GREEN = "green"
    AMBER = "amber"
    RED = "red"


@value(frozen=True, slots=True)
class TermStructure:
    """Slope M2/M1 − 1, ratio VIX/VIX3M and backwardation M1 − M2 in points."""

    color: TermColor
    slope_frac: float
    ratio: float
    backwardation_points: float
    is_extreme: bool


def term_structure(levels: IndexLevels, curve: FuturesCurve, params: TermParams) -> TermStructure:
    """Return R-04's reading of VIX against VIX3M and of the two front futures."""
    # Rounded, so that a curve that stands on a threshold is not judged by float noise.
    slope = round(curve.m2 / curve.m1 - 1.0, 9)
    ratio = levels.vix / levels.vix3m
    backwardation = round(curve.m1 - curve.m2, 9)
    if slope < -params.amber_slope_frac or ratio >= 1.0:
        color = TermColor.RED
    elif slope <= params.amber_slope_frac:
        color = TermColor.AMBER
    else:
        color = TermColor.GREEN
    is_extreme = backwardation >= params.extreme_backwardation_points
    return TermStructure(color, slope, ratio, backwardation, is_extreme)


def is_hold(vix: float, *, was_hold: bool, calm_closes: int, gate: VixGateParams) -> bool:
    """Tell whether R-05 holds at this VIX; a HOLD ends only after calm closes (hysteresis).

    The variant `c2_always_on` never holds.
    """
    if gate.variant is GateVariant.ALWAYS_ON:
        return False
    if vix > gate.hold_above:
        return True
    return was_hold and calm_closes < gate.hysteresis_closes


@dataclass(frozen=True, slots=True)
class HoldColumns:
    """R-05's memory after each close: in HOLD or not, and calm closes in a row."""

    hold: NDArray[np.bool_]
    calm: NDArray[np.int64]


def hold_columns(vix_close: NDArray[np.float64], gate: VixGateParams) -> HoldColumns:
    """Return the HOLD state after each session's close, from that close and earlier ones only."""
    hold = np.zeros(len(vix_close), dtype=np.bool_)
    calm = np.zeros(len(vix_close), dtype=np.int64)
    was_hold, calm_run = False, 0
    for row, vix in enumerate(vix_close.tolist()):
        if not isnan(vix):  # without a close that day the state carries over
            was_hold = is_hold(vix, was_hold=was_hold, calm_closes=calm_run, gate=gate)
            calm_run = calm_run + 1 if vix < gate.hold_above else 0
        hold[row], calm[row] = was_hold, calm_run
    return HoldColumns(hold, calm)
