"""What the hedge writes down with each decision: its filter vector and its figures."""

from collections.abc import Sequence
from math import isfinite

from strategies.base import FilterResult, HedgePlan, JsonValue, LayerPosition, Verdict, View
from strategies.ladder import budget_used_frac, paid_premium_usd
from strategies.params import MethodParams
from strategies.sizing import base_contracts, units_held
from strategies.upkeep import EventState, LayerNeed, Need
from strategies.volatility import TermColor, TermStructure, term_structure

FRONT_FUTURES = 4
RULE_OF_NEED = {
    Need.KEEP: "R-22",
    Need.WAIT: "R-22",
    Need.ROLL: "R-22",
    Need.EVENT_ROLL: "R-25",
    Need.EVENT_REFRESH: "R-25",
    Need.REFRESH: "R-19",
}


def purchase_blocks(view: View, params: MethodParams) -> list[FilterResult]:
    """Return what forbids discretionary purchases now; mandatory rolls do not ask (R-04, R-19,
    R-24, R-25)."""
    vix, state = view.snapshot.levels.vix, _term(view, params)
    blocks = []
    if vix > params.alvh.open_max_vix:
        why = f"VIX {vix:.2f} is above {params.alvh.open_max_vix:g}"
        blocks.append(_blocked("R-19", "open_gate", "VIX", why))
    if state.is_extreme:
        why = f"M1 is {state.backwardation_points:.1f} points above M2"
        blocks.append(_blocked("R-25", "backwardation", "BACKWARDATION", why))
    elif state.color is TermColor.RED:
        blocks.append(_blocked("R-04", "term_structure", "RED", "the term structure is red"))
    cost = _cost_frac(view)
    if cost > params.alvh.cost_block_frac:
        why = f"a year of hedging cost {cost:.1%} of NLV"
        blocks.append(_blocked("R-24", "cost_block", "COST", why))
    return blocks


def _blocked(rule: str, name: str, code: str, detail: str) -> FilterResult:
    return FilterResult(rule, name, Verdict.BLOCK, detail, code=code)


def _term(view: View, params: MethodParams) -> TermStructure:
    return term_structure(view.snapshot.levels, view.snapshot.curve, params.term)


def _cost_frac(view: View) -> float:
    nlv = view.capital.nlv_usd
    return float(view.capital.hedge_cost_year_usd / nlv) if nlv > 0 else 0.0


def filter_vector(
    view: View,
    plan: HedgePlan,
    events: EventState,
    needs: Sequence[LayerNeed],
    blocks: Sequence[FilterResult],
    budget_after_frac: float,
    params: MethodParams,
) -> tuple[FilterResult, ...]:
    """Return the whole vector of a hedge decision, blocking entries first."""
    state, cost = _term(view, params), _cost_frac(view)
    entries = [
        *blocks,
        _said("R-04", "term_state", f"{state.color}, M1 − M2 {state.backwardation_points:+.2f}"),
        _units(view, plan, params),
        _budget(view, plan, budget_after_frac, params),
        _alert(cost, params),
        *(_layer(need) for need in needs),
        _event(events),
        FilterResult("R-23", "gain_recycling", Verdict.UNKNOWN, "neutral"),
        FilterResult("R-26", "macd_tilt", Verdict.UNKNOWN, "neutral"),
        FilterResult("R-28", "convexity", Verdict.UNKNOWN, "neutral"),
    ]
    return tuple(entries)


def _said(rule: str, name: str, detail: str) -> FilterResult:
    return FilterResult(rule, name, Verdict.PASS, detail)


def _units(view: View, plan: HedgePlan, params: MethodParams) -> FilterResult:
    held = units_held(view.positions.layers, params.alvh)
    detail = f"{held:g} of {plan.units} units for {plan.planned_condors} planned condors"
    verdict = Verdict.PASS if held >= plan.units else Verdict.LIMIT
    return FilterResult("R-20", "units", verdict, detail)


def _budget(
    view: View, plan: HedgePlan, budget_after_frac: float, params: MethodParams
) -> FilterResult:
    if not plan.planned_condors:
        return _said("R-24", "budget", "no condor is planned, so there is no notional to compare")
    used = budget_used_frac(paid_premium_usd(view.positions.layers), plan, params)
    detail = f"paid premium is {used:.1%} of planned condor notional"
    if budget_after_frac != used:
        detail += f", {budget_after_frac:.1%} with these orders"
    is_above = budget_after_frac > params.alvh.budget_max_frac
    return FilterResult("R-24", "budget", Verdict.LIMIT if is_above else Verdict.PASS, detail)


def _alert(cost: float, params: MethodParams) -> FilterResult:
    detail = f"trailing yearly cost is {cost:.1%} of NLV"
    verdict = Verdict.LIMIT if cost > params.alvh.cost_alert_frac else Verdict.PASS
    return FilterResult("R-24", "cost_alert", verdict, detail)


def _layer(need: LayerNeed) -> FilterResult:
    verdict = Verdict.PASS if need.need is Need.KEEP else Verdict.LIMIT
    rule = RULE_OF_NEED[need.need]
    return FilterResult(rule, f"layer_{need.position.layer}", verdict, need.why)


def _event(events: EventState) -> FilterResult:
    parts = []
    if events.ahead is not None:
        parts.append(f"{events.ahead.kind} on {events.ahead_session}")
    if events.behind is not None:
        change = events.vix_change_frac
        moved = "VIX change unknown" if change is None else f"VIX {change:+.1%}"
        parts.append(f"{moved} since before {events.behind.kind} of {events.behind_session}")
    return _said("R-25", "event", "; ".join(parts) or "no release within two sessions")


def facts_of(
    view: View, plan: HedgePlan, budget_after_frac: float, params: MethodParams
) -> dict[str, JsonValue]:
    """Return the figures recorded with each hedge decision; None is unknown."""
    levels, layers = view.snapshot.levels, view.positions.layers
    facts: dict[str, JsonValue] = {
        "spx": levels.spx,
        "vix": levels.vix,
        "planned_condors": plan.planned_condors,
        "units_required": plan.units,
        "units_held": units_held(layers, params.alvh),
        "budget_used_frac": _known(budget_used_frac(paid_premium_usd(layers), plan, params)),
        "budget_after_frac": _known(budget_after_frac),
    }
    for layer, count in base_contracts(layers).items():
        facts[f"{layer}_contracts"] = count
    for number, price in enumerate(view.snapshot.curve.prices[:FRONT_FUTURES], start=1):
        facts[f"m{number}"] = round(price, 4)
    for layer in dict.fromkeys(position.layer for position in layers):
        of_layer = [position for position in layers if position.layer is layer]
        facts[f"{layer}_delta"] = _mean_delta(view, of_layer)
        facts[f"{layer}_dte"] = min(position.dte(view.session) for position in of_layer)
    return facts


def _known(frac: float) -> float | None:
    return round(frac, 6) if isfinite(frac) else None


def _mean_delta(view: View, of_layer: Sequence[LayerPosition]) -> float | None:
    """Return the delta of a layer per contract; None when any series has none."""
    total, contracts = 0.0, 0
    for position in of_layer:
        quote = view.snapshot.quotes.get(position.contract)
        if quote is None or quote.delta is None:
            return None
        total += quote.delta * position.base_contracts
        contracts += position.base_contracts
    return round(total / contracts, 4)
