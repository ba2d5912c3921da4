"""The replays a study needs: the full method, scenarios that doubt the model, and leave-outs.

Each variant is the full method with a few settings changed. Condors of all variants are sold under
the same rules on the same market, so a difference between two variants is the changed part.
"""

from bot.study.runs import RunSpec

Overrides = tuple[str, ...]

BASE = "base"
HYPOTHETICAL = "hypothetical"
UNGATED = "ungated"
NO_CAPITAL_RULE = "no_capital_rule"
PESSIMISTIC, VOL_UP, VOL_DOWN = "pessimistic", "vol_up", "vol_down"

# The result again where the model may be wrong: shown on the first page, with the words there.
SCENARIOS: dict[str, tuple[str, Overrides]] = {
    BASE: ("as modelled, listed expiries", ()),
    PESSIMISTIC: (
        "pessimistic fills: the whole bid–ask spread is always paid, twice the drift after fills",
        ("fills.pessimistic=true", "costs.reprice_times=10", "fills.adverse_scale=2.0"),
    ),
    VOL_UP: ("every option's implied vol a fifth higher", ("market.vol_shock_frac=0.2",)),
    VOL_DOWN: ("every option's implied vol a fifth lower", ("market.vol_shock_frac=-0.2",)),
    HYPOTHETICAL: ("hypothetical: an expiry every session", ('market.listing="hypothetical"',)),
    NO_CAPITAL_RULE: ("without the capital rule R-30", ("capital.wacc_enabled=false",)),
}

WIDTHS = (5, 10, 15, 25, 50)
THRESHOLDS_FRAC = (0.007, 0.0082, 0.0094, 0.0117, 0.014)
VIX_LEVELS = (12.0, 16.0, 20.0, 24.0)
PUBLISHED_THRESHOLD = (0.0094, 16.0)

SINGLE_TENORS: dict[str, Overrides] = {
    "all_30": (
        "alvh.tenor_mid_days=31", "alvh.tenor_long_days=32",
        "alvh.roll_mid_dte=22", "alvh.roll_long_dte=23",
        "alvh.tolerance_mid_days=10", "alvh.tolerance_long_days=10",
        "alvh.delta_near=0.30", "alvh.delta_mid=0.30", "alvh.delta_long=0.30",
    ),
    "all_110": (
        "alvh.tenor_near_days=109", "alvh.tenor_mid_days=110", "alvh.tenor_long_days=111",
        "alvh.roll_near_dte=79", "alvh.roll_mid_dte=80", "alvh.roll_long_dte=81",
        "alvh.tolerance_near_days=20", "alvh.tolerance_long_days=20",
        "alvh.delta_near=0.30", "alvh.delta_mid=0.30", "alvh.delta_long=0.30",
    ),
    "all_220": (
        "alvh.tenor_near_days=219", "alvh.tenor_mid_days=220", "alvh.tenor_long_days=221",
        "alvh.roll_near_dte=159", "alvh.roll_mid_dte=160", "alvh.roll_long_dte=161",
        "alvh.tolerance_near_days=35", "alvh.tolerance_mid_days=35",
        "alvh.delta_near=0.30", "alvh.delta_mid=0.30", "alvh.delta_long=0.30",
    ),
}  # fmt: skip

FILTERS: dict[str, Overrides] = {
    "without_rsi": ("filters.rsi_enabled=false",),
    "without_breadth": ("filters.breadth_enabled=false",),
    "without_macro": ("filters.macro_enabled=false",),
    "without_macd": ("alvh.tilt_enabled=false",),
    "without_filters": (
        "filters.rsi_enabled=false",
        "filters.breadth_enabled=false",
        "filters.macro_enabled=false",
        "filters.big_top_enabled=false",
        "alvh.tilt_enabled=false",
    ),
}

OTHERS: dict[str, Overrides] = {
    UNGATED: ("vix_gate.hold_above=200", "vix_gate.stress_above=200"),
    "ungated_daily": (
        "vix_gate.hold_above=200",
        "vix_gate.stress_above=200",
        'market.listing="hypothetical"',
    ),
    "free_shifts": (
        "shift.irr_gate_enabled=false",
        "capital.wacc_enabled=false",
        'market.listing="hypothetical"',
    ),
    "no_back_shift": ("shift.back_enabled=false",),
    "no_recycling": ("alvh.recycle_enabled=false",),
    "early_entry": ("condor.entry_after_close_minutes=5.0",),
    "late_entry": ("condor.entry_after_close_minutes=14.0",),
}


def width_variant(width: int) -> str:
    """Return the name of the variant with other wings."""
    return BASE if width == WIDTHS[3] else f"width_{width}"


def threshold_variant(threshold_frac: float, vix: float) -> str:
    """Return the name of the variant with other triggers of a time shift."""
    if (threshold_frac, vix) == PUBLISHED_THRESHOLD:
        return BASE
    return f"trigger_{threshold_frac * 1e4:g}_{vix:g}"


def all_variants() -> dict[str, Overrides]:
    """Return every variant by name."""
    named = {name: overrides for name, (_words, overrides) in SCENARIOS.items()}
    for width in WIDTHS:
        named.setdefault(width_variant(width), (f"condor.wing_width_points={width}",))
    for threshold in THRESHOLDS_FRAC:
        for vix in VIX_LEVELS:
            changed = (f"edr.shift_threshold_frac={threshold}", f"shift.min_vix={vix}")
            named.setdefault(threshold_variant(threshold, vix), changed)
    return named | SINGLE_TENORS | FILTERS | OTHERS


def specs_of(base: RunSpec) -> dict[str, RunSpec]:
    """Return the run of every variant over the window of `base`."""
    return {name: base.with_overrides(*extra) for name, extra in all_variants().items()}
