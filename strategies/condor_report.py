"""What the condor writes down with each decision: its figures, and its sentence in plain words."""

from collections.abc import Sequence
from decimal import Decimal

from market.quotes import Chain
from strategies import filters
from strategies.base import FilterResult, JsonValue, Verdict
from strategies.capital import known_irr_frac, view_wacc_frac
from strategies.filters import EntryFacts
from strategies.params import MethodParams
from strategies.sizing import Size, condor_trade_frac, max_loss_usd
from strategies.strike_search import Choice, Found, Search
from strategies.volatility import ExpectedRange

RATE_DIGITS = 6


def levels_of(facts: EntryFacts) -> dict[str, JsonValue]:
    """Return the figures that every entry decision records."""
    levels, known = facts.view.snapshot.levels, facts.view.indicators
    capital, params = facts.view.capital, facts.params.capital
    return {
        "spx": levels.spx,
        "vix": levels.vix,
        "expiry": facts.expiry.isoformat(),
        "rsi_spx": _rounded(known.rsi_spx, 2),
        "rsi_vix": _rounded(known.rsi_vix, 2),
        "has_divergence": known.has_divergence,
        "reer_deviation_frac": _rounded(known.reer_deviation_frac, RATE_DIGITS),
        "ird_proxy_frac": _rounded(known.ird_proxy_frac, RATE_DIGITS),
        "ird_z": _rounded(known.ird_z, 4),
        "wacc_frac": _rounded(view_wacc_frac(facts.view, params), RATE_DIGITS),
        "expected_irr_frac": _rounded(known_irr_frac(capital, params), RATE_DIGITS),
    }


def _rounded(value: float | None, digits: int) -> float | None:
    return None if value is None else round(value, digits)


def market_of(
    facts: EntryFacts,
    chain: Chain,
    expected: ExpectedRange,
    search: Search,
    gauge: float | None,
) -> dict[str, JsonValue]:
    """Return the figures that every entry decision with a chain records."""
    values = levels_of(facts) | {
        "forward": round(chain.forward, 4),
        "edr_frac": round(expected.frac, 8),
        "edr_points": round(expected.points(chain.forward), 4),
        "edr_multiplier": round(expected.multiplier, 6),
        "skew_vol_points": _rounded(search.side.skew_vol_points, 4),
        "first_side": search.side.first.name.lower(),
        "slippage_points": search.slippage_points,
        "premium_gauge_points": _rounded(gauge, 4),
    }
    for mode, frac in expected.by_mode.items():
        values[f"edr_{mode}_frac"] = round(frac, 8)
    return values


def terms_of(
    choice: Choice, limit: Decimal, size: Size, found: Found, params: MethodParams
) -> dict[str, JsonValue]:
    """Return what would be sold: strikes, distances, credit, break-even points and max loss."""
    width, credit = params.condor.wing_width_points, float(limit)
    one = max_loss_usd(limit, params.condor, params.costs)
    return {
        "tier": found.tier,
        "quantity": size.quantity,
        "size_bound_by": size.bound_by,
        "credit_target_points": found.candidates.target_credit_points,
        "credit_excess_points": round(
            choice.credit_points - found.candidates.target_credit_points, 4
        ),
        "limit_credit_points": credit,
        "short_put_strike": choice.short_put_strike,
        "long_put_strike": choice.short_put_strike - width,
        "short_call_strike": choice.short_call_strike,
        "long_call_strike": choice.short_call_strike + width,
        "short_put_delta": round(choice.put_delta, 4),
        "short_call_delta": round(choice.call_delta, 4),
        "short_put_edr_multiple": round(choice.put_multiple, 4),
        "short_call_edr_multiple": round(choice.call_multiple, 4),
        "lower_breakeven": choice.short_put_strike - credit,
        "upper_breakeven": choice.short_call_strike + credit,
        "max_loss_usd": float(one * size.quantity),
    }


def sale_in_words(
    facts: EntryFacts,
    found: Found,
    choice: Choice,
    limit: Decimal,
    size: Size,
    results: Sequence[FilterResult],
) -> str:
    """Return the sentence of a sale."""
    params = facts.params
    width = params.condor.wing_width_points
    loss = max_loss_usd(limit, params.condor, params.costs) * size.quantity
    return (
        f"Sell {size.quantity} {found.tier} condors expiring {facts.expiry:%a %d %b}: puts "
        f"{choice.short_put_strike - width:g}/{choice.short_put_strike:g}, calls "
        f"{choice.short_call_strike:g}/{choice.short_call_strike + width:g} for {limit}"
        f"{_shrunk(facts, results)}; VIX {facts.vix:.2f}, shorts {choice.put_multiple:.1f} and "
        f"{choice.call_multiple:.1f} expected ranges away, at most ${loss:,.0f} at risk."
    )


def cap_in_words(facts: EntryFacts, size: Size) -> str:
    """Return the words for the cap that bounds a size."""
    per_trade = condor_trade_frac(facts.view.capital, facts.params)
    return {
        "per_trade_frac": f"the cap of {per_trade:.0%} of NLV on one trade",
        "aggregate_frac": (
            f"the cap of {facts.params.size.aggregate_frac:.0%} of NLV on all open condors"
        ),
        "free_cash": "the cash that is free",
    }[size.bound_by]


def _shrunk(facts: EntryFacts, results: Sequence[FilterResult]) -> str:
    """Return the words for what made the size smaller, empty when nothing did."""
    causes = {
        "event": f"ahead of {facts.event_names}",
        "term_structure": f"with the term structure {facts.term.color}",
        "vix_gate": "for the height of VIX",
        "rsi": "with SPX stretched",
        "rate_differential": "with rates on the move",
        "expected_irr": "for an expected return below the cost of capital",
    }
    names = [result.name for result in results if result.size_multiplier < 1]
    why = " and ".join(causes.get(name, f"by {name.replace('_', ' ')}") for name in names)
    size = f", size × {filters.size_multiplier(results):g} {why}" if names else ""
    is_halved = any(
        each.name == filters.STEWARD and each.verdict is Verdict.LIMIT for each in results
    )
    return f"{size}, half the cap after a fall of NLV" if is_halved else size
