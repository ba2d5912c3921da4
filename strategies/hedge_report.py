"""What the hedge writes down with each decision: its filter vector and its figures."""

from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from decimal import Decimal
from math import isfinite

from market.values import value
from strategies.base import (
    FilterResult,
    HedgePlan,
    HoldingKind,
    JsonValue,
    LayerPosition,
    Verdict,
    View,
)
from strategies.capital import quick_ratio_now
from strategies.convexity import ConvexityProfile
from strategies.facts import LateFacts
from strategies.hedge_params import HedgeSizing
from strategies.ladder import budget_used_frac, notional_usd, paid_premium_usd
from strategies.params import MethodParams
from strategies.recycling import gain_multiple, harvested_contracts
from strategies.sizing import base_contracts, units_held, units_wanted
from strategies.tilt import tilt_contracts
from strategies.upkeep import EventState, LayerNeed, Need
from strategies.volatility import TermColor, TermStructure, term_structure

FRONT_FUTURES = 4
CONDOR_AHEAD = timedelta(days=14)
RULE_OF_NEED = {
    Need.KEEP: "R-22",
    Need.WAIT: "R-22",
    Need.ROLL: "R-22",
    Need.EVENT_ROLL: "R-25",
    Need.EVENT_REFRESH: "R-25",
    Need.REFRESH: "R-19",
    Need.STEEPEN: "R-28",
}


@value(frozen=True, slots=True)
class HedgeState:
    """What one hedge decision found: plan, releases, needs, blocks, premium after, profile."""

    plan: HedgePlan
    events: EventState
    needs: tuple[LayerNeed, ...]
    blocks: tuple[FilterResult, ...]
    budget_after_frac: float
    profile: ConvexityProfile | None


def purchase_blocks(view: View, params: MethodParams) -> list[FilterResult]:
    """Return what forbids discretionary purchases now; mandatory rolls do not ask (R-04, R-19,
    R-24, R-25)."""
    vix, state = view.snapshot.levels.vix, _term(view, params)
    blocks = []
    if vix > params.alvh.open_max_vix:
        why = f"VIX {vix:.2f} is above {params.alvh.open_max_vix:g}"
        blocks.append(_blocked("R-19", "open_gate", "VIX", why))
    if state.is_extreme and params.alvh.event_enabled:
        why = f"M1 is {state.backwardation_points:.1f} points above M2"
        blocks.append(_blocked("R-25", "backwardation", "BACKWARDATION", why))
    elif state.color is TermColor.RED:
        blocks.append(_blocked("R-04", "term_structure", "RED", "the term structure is red"))
    cost = _cost_frac(view)
    if cost > params.alvh.cost_block_frac:
        why = f"a year of hedging cost {cost:.1%} of NLV"
        blocks.append(_blocked("R-24", "cost_block", "COST", why))
    quick = quick_ratio_now(view, Decimal(0), params).value
    if params.capital.quick_ratio_enabled and quick < params.capital.quick_ratio_red:
        why = f"the quick ratio {quick:.2f} is below {params.capital.quick_ratio_red:g}"
        blocks.append(_blocked("R-31", "quick_ratio", "QUICK_RATIO", why))
    if not _sells_condors_soon(view):
        why = "no condor to hedge is listed within two weeks"
        blocks.append(_blocked("A7", "condors_listed", "NOT_LISTED", why))
    if view.indicators.fear_stretched:
        why = f"RSI of VIX is above {params.filters.vix_rsi_high:g}: fear is stretched"
        blocks.append(_blocked("R-08", "fear", "FEAR", why))
    return blocks


def _sells_condors_soon(view: View) -> bool:
    """Tell whether a condor's expiry is listed near: before SPXW there was nothing to hedge."""
    until = view.session + CONDOR_AHEAD
    return bool(view.context.listings.spxw_expiries(view.session, until))


def _blocked(rule: str, name: str, code: str, detail: str) -> FilterResult:
    return FilterResult(rule, name, Verdict.BLOCK, detail, code=code)


def _term(view: View, params: MethodParams) -> TermStructure:
    return term_structure(view.snapshot.levels, view.snapshot.curve, params.term)


def _cost_frac(view: View) -> float:
    nlv = view.capital.nlv_usd
    return float(view.capital.hedge_cost_year_usd / nlv) if nlv > 0 else 0.0


def filter_vector(view: View, state: HedgeState, params: MethodParams) -> tuple[FilterResult, ...]:
    """Return the whole vector of a hedge decision, blocking entries first."""
    term = _term(view, params)
    entries = [
        *state.blocks,
        _said("R-04", "term_state", f"{term.color}, M1 − M2 {term.backwardation_points:+.2f}"),
        _units(view, state.plan, params),
        _budget(view, state, params),
        _alert(_cost_frac(view), params),
        *(_layer(need) for need in state.needs),
        _event(state.events, params),
        _recycling(view, params),
        _tilt(view, params),
        _convexity(state.profile, params),
    ]
    return tuple(entries)


def _said(rule: str, name: str, detail: str) -> FilterResult:
    return FilterResult(rule, name, Verdict.PASS, detail)


def _units(view: View, plan: HedgePlan, params: MethodParams) -> FilterResult:
    alvh = params.alvh
    harvested = harvested_contracts(view.positions.hedge_memory, view.snapshot.levels.vix, alvh)
    held = units_held(view.positions.layers, plan, alvh, harvested=harvested)
    wanted = units_wanted(plan, alvh)
    detail = f"{held:g} of {wanted:g} units for {plan.planned_condors} planned condors"
    if harvested:
        detail += f", {harvested} near calls harvested"
    if alvh.sizing is HedgeSizing.PREMIUM_WEIGHTS:
        detail += "; layers share the premium by weight, so 4:4:2 does not hold"
    verdict = Verdict.PASS if held >= wanted else Verdict.LIMIT
    return FilterResult("R-20", "units", verdict, detail)


def _budget(view: View, state: HedgeState, params: MethodParams) -> FilterResult:
    plan, after = state.plan, state.budget_after_frac
    if not plan.planned_condors:
        return _said("R-24", "budget", "no condor is planned, so there is no notional to compare")
    used = budget_used_frac(paid_premium_usd(view.positions.layers), plan, params)
    detail = f"paid premium is {used:.1%} of planned condor notional"
    if after != used:
        detail += f", {after:.1%} with these orders"
    is_above = after > params.alvh.budget_max_frac
    return FilterResult("R-24", "budget", Verdict.LIMIT if is_above else Verdict.PASS, detail)


def _alert(cost: float, params: MethodParams) -> FilterResult:
    detail = f"trailing yearly cost is {cost:.1%} of NLV"
    verdict = Verdict.LIMIT if cost > params.alvh.cost_alert_frac else Verdict.PASS
    return FilterResult("R-24", "cost_alert", verdict, detail)


def _layer(need: LayerNeed) -> FilterResult:
    verdict = Verdict.PASS if need.need is Need.KEEP else Verdict.LIMIT
    rule = RULE_OF_NEED[need.need]
    return FilterResult(rule, f"layer_{need.position.layer}", verdict, need.why)


def _event(events: EventState, params: MethodParams) -> FilterResult:
    if not params.alvh.event_enabled:
        return FilterResult("R-25", "event", Verdict.UNKNOWN, "switched off")
    parts = []
    if events.ahead is not None:
        parts.append(f"{events.ahead.kind} on {events.ahead_session}")
    if events.behind is not None:
        change = events.vix_change_frac
        moved = "VIX change unknown" if change is None else f"VIX {change:+.1%}"
        parts.append(f"{moved} since before {events.behind.kind} of {events.behind_session}")
    return _said("R-25", "event", "; ".join(parts) or "no release within two sessions")


def _recycling(view: View, params: MethodParams) -> FilterResult:
    name, alvh = "gain_recycling", params.alvh
    if not alvh.recycle_enabled:
        return FilterResult("R-23", name, Verdict.UNKNOWN, "switched off")
    multiple, memory = gain_multiple(view), view.positions.hedge_memory
    if multiple is None:
        detail = "the near layer's gain is unknown"
    else:
        detail = f"near layer worth {multiple:.2f} times its cost, harvest from "
        detail += f"{alvh.recycle_gain_multiple:g}"
    if memory.last_harvest is not None:
        detail += f"; ${memory.recycled_spend_usd} of ${memory.realised_gains_usd} gains spent"
    is_due = multiple is not None and multiple >= alvh.recycle_gain_multiple
    return FilterResult("R-23", name, Verdict.LIMIT if is_due else Verdict.PASS, detail)


def _tilt(view: View, params: MethodParams) -> FilterResult:
    cross, held = view.indicators.macd_cross, tilt_contracts(view)
    if not params.alvh.tilt_enabled:
        return FilterResult("R-26", "macd_tilt", Verdict.UNKNOWN, "switched off")
    said = "no cross of MACD at the last close" if cross is None else f"{cross} cross of MACD"
    return _said("R-26", "macd_tilt", f"{said}, {held} calls of tilt held")


def _convexity(profile: ConvexityProfile | None, params: MethodParams) -> FilterResult:
    ratio = None if profile is None else profile.steepening_ratio
    if ratio is None:
        return FilterResult("R-28", "convexity", Verdict.UNKNOWN, "no profile without quoted calls")
    least = params.alvh.min_steepening_ratio
    verdict = Verdict.LIMIT if ratio < least else Verdict.PASS
    return FilterResult("R-28", "convexity", verdict, f"steepening {ratio:.2f}, least {least:g}")


def facts_of(view: View, state: HedgeState, params: MethodParams) -> Mapping[str, JsonValue]:
    """Return the figures recorded with each hedge decision; None is unknown."""
    levels, layers, plan = view.snapshot.levels, view.positions.layers, state.plan
    harvested = harvested_contracts(
        view.positions.hedge_memory, view.snapshot.levels.vix, params.alvh
    )
    facts: dict[str, JsonValue] = {
        "spx": levels.spx,
        "vix": levels.vix,
        "planned_condors": plan.planned_condors,
        "units_required": units_wanted(plan, params.alvh),
        "units_held": units_held(layers, plan, params.alvh, harvested=harvested),
        "budget_used_frac": _known(budget_used_frac(paid_premium_usd(layers), plan, params)),
        "budget_after_frac": _known(state.budget_after_frac),
        "h_mtm": _marked_frac(view, plan, params),
    }
    for layer, count in base_contracts(layers).items():
        facts[f"{layer}_contracts"] = count
    for kind in (HoldingKind.TILT, HoldingKind.RECYCLED):
        of_kind = (position for position in layers if position.kind is kind)
        facts[f"{kind}_contracts"] = sum(position.contracts for position in of_kind)
    for number, price in enumerate(view.snapshot.curve.prices[:FRONT_FUTURES], start=1):
        facts[f"m{number}"] = round(price, 4)
    facts |= _of_layers(view)
    profile = state.profile
    ratio = None if profile is None else profile.steepening_ratio
    facts["steepening_ratio"] = None if ratio is None else round(ratio, 4)
    return LateFacts(facts, _of_pool(profile))


def _of_layers(view: View) -> dict[str, JsonValue]:
    """Return delta and days left of each layer's base."""
    facts: dict[str, JsonValue] = {}
    base = [each for each in view.positions.layers if each.kind is HoldingKind.BASE]
    for layer in dict.fromkeys(position.layer for position in base):
        of_layer = [position for position in base if position.layer is layer]
        facts[f"{layer}_delta"] = _mean_delta(view, of_layer)
        facts[f"{layer}_dte"] = min(position.dte(view.session) for position in of_layer)
    return facts


def _of_pool(profile: ConvexityProfile | None) -> dict[str, Callable[[], JsonValue]]:
    """Return the figures of R-28's pool most like the hedge, which no rule reads."""

    def depth() -> float | None:
        amm = None if profile is None else profile.amm
        return None if amm is None else round(amm.depth, 4)

    def misfit() -> float | None:
        amm = None if profile is None else profile.amm
        return None if amm is None else round(amm.rms, 4)

    return {"amm_depth": depth, "amm_fit_rms": misfit}


def _marked_frac(view: View, plan: HedgePlan, params: MethodParams) -> float | None:
    """Return h by marks instead of premium paid (A2), None when a call is not quoted."""
    value = 0.0
    for position in view.positions.layers:
        quote = view.snapshot.quotes.get(position.contract)
        if quote is None or quote.mid is None:
            return None
        value += quote.mid * position.contracts * position.contract.multiplier
    notional = float(notional_usd(plan, params))
    return round(value / notional, 6) if notional else None


def _known(frac: float) -> float | None:
    return round(frac, 6) if isfinite(frac) else None


def _mean_delta(view: View, of_layer: Sequence[LayerPosition]) -> float | None:
    """Return the delta of a layer per contract; None when any series has none."""
    total, contracts = 0.0, 0
    for position in of_layer:
        quote = view.snapshot.quotes.get(position.contract)
        if quote is None or quote.delta is None:
            return None
        total += quote.delta * position.contracts
        contracts += position.contracts
    return round(total / contracts, 4)
