"""The entry filters, in order of precedence (R-10): each can stop, cap or shrink, none can raise.

DATA > VIX gate > hedge first > event > premium gauge > term structure > breadth > macro > mode.
Filters whose inputs are not wired yet answer `unknown`, which is neutral.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from market.macro import MacroEvent, MacroKind
from market.quotes import Chain
from strategies.base import TIERS, FilterResult, Tier, Verdict, View
from strategies.params import MethodParams, Mode
from strategies.sizing import units_held
from strategies.volatility import TermColor, TermStructure, is_hold

VIX_CLOSES_NEEDED = 26
INDEX_AGE = timedelta(seconds=60)
CHAIN_AGE = timedelta(seconds=10)
FORWARD_MISS_FRAC = 0.005


@dataclass(frozen=True, slots=True)
class EntryFacts:
    """What the entry filters look at, gathered once."""

    view: View
    params: MethodParams
    expiry: date
    is_listed: bool
    events: tuple[MacroEvent, ...]
    term: TermStructure

    @property
    def vix(self) -> float:
        """Return VIX at the moment of decision."""
        return self.view.snapshot.levels.vix

    @property
    def is_fomc(self) -> bool:
        """Tell whether an FOMC decision lies between entry and expiry."""
        return any(event.kind is MacroKind.FOMC for event in self.events)

    @property
    def event_names(self) -> str:
        """Return the releases between entry and expiry in words, each kind once."""
        return " and ".join(dict.fromkeys(_event_name(each) for each in self.events))


def _event_name(each: MacroEvent) -> str:
    return f"{each.kind} (provisional)" if each.is_provisional else str(each.kind)


def _pass(rule: str, name: str, detail: str) -> FilterResult:
    return FilterResult(rule, name, Verdict.PASS, detail)


def _block(rule: str, name: str, code: str, detail: str) -> FilterResult:
    return FilterResult(rule, name, Verdict.BLOCK, detail, code=code)


def entered() -> FilterResult:
    """Return the block of a session whose condor is held or worked already (R-01)."""
    return _block("R-01", "once_a_session", "ENTERED", "this session's entry was made already")


def warmup(facts: EntryFacts) -> FilterResult:
    """Block until enough closes are known for the indicators (R-02)."""
    known = facts.view.indicators
    if known.vix_close_count < VIX_CLOSES_NEEDED:
        detail = f"{known.vix_close_count} of {VIX_CLOSES_NEEDED} VIX closes known"
        return _block("R-02", "warmup", "WARMUP", detail)
    if known.hv20 is None:
        return _block("R-02", "warmup", "WARMUP", "fewer than 21 SPX closes in a row known")
    return _pass("R-02", "warmup", "indicators are warm")


def listing(facts: EntryFacts) -> FilterResult:
    """Block when no series expires at the next session (amendment A7)."""
    if not facts.is_listed:
        detail = f"no SPXW series expiring {facts.expiry} was listed"
        return _block("A7", "listing", "NOT_LISTED", detail)
    return _pass("A7", "listing", f"SPXW {facts.expiry} is listed")


def vix_gate(facts: EntryFacts) -> FilterResult:
    """Cap the tier by the level of VIX, or hold (R-05)."""
    gate, vix, known = facts.params.vix_gate, facts.vix, facts.view.indicators
    if is_hold(vix, was_hold=known.was_hold, calm_closes=known.calm_closes, gate=gate):
        code = "STRESS" if vix > gate.stress_above else "HOLD"
        if vix > gate.hold_above:
            level = gate.stress_above if code == "STRESS" else gate.hold_above
            why = f"VIX {vix:.2f} is above {level:g}"
        else:
            why = f"no close below {gate.hold_above:g} has ended the hold yet (VIX {vix:.2f})"
        return _block("R-05", "vix_gate", code, why)
    if vix < gate.all_below:
        detail = f"VIX {vix:.2f} is below {gate.all_below:g}: all tiers"
        return _pass("R-05", "vix_gate", detail)
    detail = f"VIX {vix:.2f} rules out the aggressive tier"
    return FilterResult("R-05", "vix_gate", Verdict.LIMIT, detail, tier_cap=Tier.BALANCED)


def hedge_first(facts: EntryFacts) -> FilterResult:
    """Block while the hedge is missing (R-19)."""
    params = facts.params.alvh
    if not params.enabled:
        return FilterResult("R-19", "hedge_first", Verdict.UNKNOWN, "the hedge is switched off")
    plan = facts.view.positions.plan
    if plan is None:
        return _block("R-19", "hedge_first", "NO_HEDGE", "no hedge is planned yet")
    held = units_held(facts.view.positions.layers, params)
    if held < plan.units * params.min_units_frac:
        detail = f"{held:g} of {plan.units} hedge units held"
        return _block("R-19", "hedge_first", "NO_HEDGE", detail)
    return _pass("R-19", "hedge_first", f"{held:g} of {plan.units} hedge units held")


def event(facts: EntryFacts) -> FilterResult:
    """Halve the size and widen the distance when a release falls before expiry (R-06)."""
    if not facts.events:
        return _pass("R-06", "event", "no release before expiry")
    params = facts.params.events
    is_fomc = facts.is_fomc
    return FilterResult(
        "R-06",
        "event",
        Verdict.LIMIT,
        f"{facts.event_names} before expiry",
        tier_cap=Tier.CONSERVATIVE if is_fomc else None,
        tiers_down=0 if is_fomc else 1,
        size_multiplier=params.size_multiplier,
        distance_multiplier=params.distance_multiplier,
    )


def term(facts: EntryFacts) -> FilterResult:
    """Shrink in backwardation, stop in extreme backwardation (R-04)."""
    state, params = facts.term, facts.params.term
    detail = f"{state.color}: M2/M1 − 1 = {state.slope_frac:+.1%}, VIX/VIX3M = {state.ratio:.3f}"
    if state.is_extreme:
        return _block("R-04", "term_structure", "BACKWARDATION", detail)
    if state.color is TermColor.RED:
        return FilterResult(
            "R-04",
            "term_structure",
            Verdict.LIMIT,
            detail,
            tier_cap=Tier.CONSERVATIVE,
            size_multiplier=params.red_size_multiplier,
        )
    return _pass("R-04", "term_structure", detail)


def breadth(_facts: EntryFacts) -> FilterResult:
    """Answer neutral: advances and declines are not wired to a rule yet (R-08)."""
    return FilterResult("R-08", "breadth_momentum", Verdict.UNKNOWN, "neutral")


def macro(_facts: EntryFacts) -> FilterResult:
    """Answer neutral: exchange rate and yield inputs are not wired to a rule yet (R-09)."""
    return FilterResult("R-09", "macro_overlay", Verdict.UNKNOWN, "neutral")


def capital(_facts: EntryFacts) -> FilterResult:
    """Answer neutral: quick ratio and cost of capital are not wired to a rule yet (R-30, R-31)."""
    return FilterResult("R-31", "quick_ratio", Verdict.UNKNOWN, "neutral")


BEFORE_CHAIN = (warmup, listing, vix_gate, hedge_first, event, term, breadth, macro, capital)


def data(facts: EntryFacts, chain: Chain | None) -> FilterResult:
    """Block on missing, old or contradictory quotes (R-02 as amended by A3)."""
    view = facts.view
    levels = view.snapshot.levels
    if chain is None or len(chain.strikes) == 0:
        return _block("R-02", "data", "DATA", f"no quotes for SPXW {facts.expiry}")
    at = max(view.at, view.snapshot.at)  # an entry that runs late needs quotes of its own time
    if at - chain.at > CHAIN_AGE:
        return _block("R-02", "data", "DATA", f"the chain is older than {CHAIN_AGE.seconds} s")
    if at - levels.at > INDEX_AGE:
        return _block("R-02", "data", "DATA", f"VIX is older than {INDEX_AGE.seconds} s")
    miss = abs(chain.forward / levels.spx - 1.0)
    if miss > FORWARD_MISS_FRAC:
        detail = (
            f"the chain's forward {chain.forward:.2f} misses SPX {levels.spx:.2f} by {miss:.2%}"
        )
        return _block("R-02", "data", "DATA", detail)
    return _pass("R-02", "data", f"forward {chain.forward:.2f}, {len(chain.strikes)} strikes")


def not_asked(rule: str, name: str) -> FilterResult:
    """Return the entry of a filter that an earlier one made needless."""
    return FilterResult(rule, name, Verdict.UNKNOWN, "not evaluated: an earlier filter decided")


def gauge(value: float | None, target: float) -> FilterResult:
    """Block when the market pays too little for the distance (R-07)."""
    shown = "no pair" if value is None else f"{value:.2f}"
    detail = f"best net credit at one expected range is {shown}, wanted {target:.2f}"
    if value is None or value < target:
        return _block("R-07", "premium_gauge", "PREMIUM", detail)
    return _pass("R-07", "premium_gauge", detail)


def tier_choice(facts: EntryFacts, results: Sequence[FilterResult]) -> tuple[Tier, FilterResult]:
    """Return the tier of the day (R-11) after all caps, and the entry that explains it."""
    allowed = allowed_tier(results)
    known, mode = facts.view.indicators, facts.params.condor.mode
    if mode is Mode.PROMOTER:
        # Aggressive needs an expected IRR of 2.2 times the WACC, which is unknown: R-30.
        tier = min(allowed, Tier.BALANCED, key=TIERS.index)
        why = f"promoter: the highest allowed is {allowed}, aggressive needs a known IRR"
    else:
        is_calm = known.vix_sma5 is not None and facts.vix < known.vix_sma5
        is_green = facts.term.color is TermColor.GREEN
        has_flags = any(result.verdict is Verdict.LIMIT for result in results if _is_flag(result))
        wanted = Tier.BALANCED if is_calm and is_green and not has_flags else Tier.CONSERVATIVE
        tier = min(allowed, wanted, key=TIERS.index)
        calm = "below" if is_calm else "not below"
        why = f"steward: VIX {calm} its 5-day mean, term structure {facts.term.color}"
    return tier, FilterResult("R-11", "tier", Verdict.PASS, why, tier_cap=tier)


def _is_flag(result: FilterResult) -> bool:
    return result.rule not in ("R-05",)


def allowed_tier(results: Sequence[FilterResult]) -> Tier:
    """Return the highest tier that all results leave: the least cap, less all steps down."""
    caps = [TIERS.index(result.tier_cap) for result in results if result.tier_cap is not None]
    steps = sum(result.tiers_down for result in results)
    return TIERS[max(0, min([*caps, len(TIERS) - 1]) - steps)]


def size_multiplier(results: Sequence[FilterResult]) -> float:
    """Return the product of all size multipliers (R-10)."""
    product = 1.0
    for result in results:
        product *= result.size_multiplier
    return product


def distance_multiplier(results: Sequence[FilterResult]) -> float:
    """Return the product of all distance multipliers (R-06, R-09)."""
    product = 1.0
    for result in results:
        product *= result.distance_multiplier
    return product
