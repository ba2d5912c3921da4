"""The entry filters, in order of precedence (R-10): each can stop, cap or shrink, none can raise.

DATA > VIX gate > hedge first > event > premium gauge > term structure > breadth and momentum >
macro > capital > mode. A filter that misses a soft input answers `unknown`, which is neutral (A5).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal

from market.macro import MacroEvent, MacroKind
from market.quotes import Chain
from strategies import macro_overlay, momentum
from strategies.base import TIERS, FilterResult, Tier, Verdict, View
from strategies.capital import (
    known_irr_frac,
    quick_ratio_floor,
    quick_ratio_now,
    view_wacc_frac,
)
from strategies.params import GateVariant, MethodParams, Mode
from strategies.recycling import harvested_contracts
from strategies.sizing import units_held, units_wanted
from strategies.temporal import BIG_TOP
from strategies.verdicts import blocked, not_asked, passed, unknown
from strategies.volatility import TermColor, TermStructure, is_hold

VIX_CLOSES_NEEDED = 26
INDEX_AGE = timedelta(seconds=60)
CHAIN_AGE = timedelta(seconds=10)
FORWARD_MISS_FRAC = 0.005
DATA, GAUGE, QUICK_RATIO = "data", "premium_gauge", "quick_ratio"


@dataclass(frozen=True, slots=True)
class EntryFacts:
    """What the entry filters look at, gathered once."""

    view: View
    params: MethodParams
    expiry: date
    is_listed: bool
    events: tuple[MacroEvent, ...]
    term: TermStructure
    after_release: MacroEvent | None = None

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


def entered() -> FilterResult:
    """Return the block of a session whose condor is held or worked already (R-01)."""
    return blocked("R-01", "once_a_session", "ENTERED", "this session's entry was made already")


def warmup(facts: EntryFacts) -> FilterResult:
    """Block until enough closes are known for the indicators (R-02)."""
    known = facts.view.indicators
    if known.vix_close_count < VIX_CLOSES_NEEDED:
        detail = f"{known.vix_close_count} of {VIX_CLOSES_NEEDED} VIX closes known"
        return blocked("R-02", "warmup", "WARMUP", detail)
    if known.hv20 is None:
        return blocked("R-02", "warmup", "WARMUP", "fewer than 21 SPX closes in a row known")
    return passed("R-02", "warmup", "indicators are warm")


def listing(facts: EntryFacts) -> FilterResult:
    """Block when no series expires at the next session (amendment A7)."""
    if not facts.is_listed:
        detail = f"no SPXW series expiring {facts.expiry} was listed"
        return blocked("A7", "listing", "NOT_LISTED", detail)
    return passed("A7", "listing", f"SPXW {facts.expiry} is listed")


def vix_gate(facts: EntryFacts) -> FilterResult:
    """Cap the tier by the level of VIX, or hold (R-05)."""
    gate, vix, known = facts.params.vix_gate, facts.vix, facts.view.indicators
    if is_hold(vix, was_hold=known.was_hold, calm_closes=known.calm_closes, gate=gate):
        return _held(facts)
    if vix > gate.hold_above:
        return _always_on(facts)
    if vix < gate.all_below:
        detail = f"VIX {vix:.2f} is below {gate.all_below:g}: all tiers"
        return passed("R-05", "vix_gate", detail)
    mean = known.vix_sma5
    is_below_mean = mean is not None and vix < mean
    if gate.variant is GateVariant.FIVE_DMA and is_below_mean and vix < gate.hold_above:
        detail = f"VIX {vix:.2f} is below its 5-day mean {mean:.2f}: all tiers"
        return passed("R-05", "vix_gate", detail)
    detail = f"VIX {vix:.2f} rules out the aggressive tier"
    return FilterResult("R-05", "vix_gate", Verdict.LIMIT, detail, tier_cap=Tier.BALANCED)


def _held(facts: EntryFacts) -> FilterResult:
    gate, vix = facts.params.vix_gate, facts.vix
    code = "STRESS" if vix > gate.stress_above else "HOLD"
    if vix > gate.hold_above:
        level = gate.stress_above if code == "STRESS" else gate.hold_above
        why = f"VIX {vix:.2f} is above {level:g}"
    else:
        why = f"no close below {gate.hold_above:g} has ended the hold yet (VIX {vix:.2f})"
    return blocked("R-05", "vix_gate", code, why)


def _always_on(facts: EntryFacts) -> FilterResult:
    gate, vix = facts.params.vix_gate, facts.vix
    is_high = vix > gate.always_on_shrink_above
    return FilterResult(
        "R-05",
        "vix_gate",
        Verdict.LIMIT,
        f"VIX {vix:.2f} leaves the conservative tier{', made smaller' if is_high else ''}",
        tier_cap=Tier.CONSERVATIVE,
        size_multiplier=gate.always_on_size_multiplier if is_high else 1.0,
    )


def hedge_first(facts: EntryFacts) -> FilterResult:
    """Block while the hedge is missing (R-19)."""
    params = facts.params.alvh
    if not params.enabled:
        return FilterResult("R-19", "hedge_first", Verdict.UNKNOWN, "the hedge is switched off")
    plan = facts.view.positions.plan
    if plan is None:
        return blocked("R-19", "hedge_first", "NO_HEDGE", "no hedge is planned yet")
    harvested = harvested_contracts(
        facts.view.positions.hedge_memory, facts.view.snapshot.levels.vix, params
    )
    held = units_held(facts.view.positions.layers, plan, params, harvested=harvested)
    wanted = units_wanted(plan, params)
    detail = f"{held:g} of {wanted:g} hedge units held"
    if held < wanted * params.min_units_frac:
        return blocked("R-19", "hedge_first", "NO_HEDGE", detail)
    return passed("R-19", "hedge_first", detail)


def event(facts: EntryFacts) -> FilterResult:
    """Halve the size and widen the distance when a release falls before expiry (R-06)."""
    if not facts.events:
        return passed("R-06", "event", "no release before expiry")
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
        return blocked("R-04", "term_structure", "BACKWARDATION", detail)
    if state.color is TermColor.RED:
        return FilterResult(
            "R-04",
            "term_structure",
            Verdict.LIMIT,
            detail,
            tier_cap=Tier.CONSERVATIVE,
            size_multiplier=params.red_size_multiplier,
        )
    return passed("R-04", "term_structure", detail)


def breadth(facts: EntryFacts) -> FilterResult:
    """Take one tier off under a bearish divergence (R-08)."""
    return momentum.breadth(facts.view.indicators, facts.params.filters)


def rsi(facts: EntryFacts) -> FilterResult:
    """Take one tier and some size off while SPX is stretched (R-08)."""
    return momentum.rsi(facts.view.indicators, facts.params.filters)


def exchange_rate(facts: EntryFacts) -> FilterResult:
    """Cap the tier and widen the distance while the dollar is far from its mean (R-09)."""
    return macro_overlay.exchange_rate(facts.view.indicators, facts.params.filters)


def rate_differential(facts: EntryFacts) -> FilterResult:
    """Shrink the size while the rate differential moves fast (R-09)."""
    return macro_overlay.rate_differential(facts.view.indicators, facts.params.filters)


def expected_irr(facts: EntryFacts) -> FilterResult:
    """Stop while the method's own trades are expected to lose, halve the size while they earn less
    than capital costs (R-30).

    After a stop, entries resume at half size once the expectation has been at least 0 for five
    sessions, and stay there for as many more (A8).
    """
    params, view = facts.params.capital, facts.view
    if not params.wacc_enabled:
        return unknown("R-30", "expected_irr", "the cost of capital is switched off")
    state, irr = view.capital.expected, known_irr_frac(view.capital, params)
    if state is None or irr is None:
        count = 0 if state is None else state.count
        detail = f"{count} of {params.expected_trades_min} would-be trades have settled: neutral"
        return unknown("R-30", "expected_irr", detail)
    shown = f"expected IRR {irr:+.0%} a year over {state.count} would-be trades"
    if irr < 0:
        return blocked("R-30", "expected_irr", "IRR", shown)
    since, stopped_at = state.sessions_not_negative, state.count_when_negative
    was_stopped = stopped_at is not None and stopped_at >= params.expected_trades_min
    if was_stopped and since < params.resume_sessions:
        detail = f"{shown}, at least 0 for {since} of {params.resume_sessions} sessions"
        return blocked("R-30", "expected_irr", "IRR", detail)
    wacc = view_wacc_frac(view, params)
    is_resuming = was_stopped and since < 2 * params.resume_sessions
    detail = f"{shown}, WACC {'unknown' if wacc is None else format(wacc, '.1%')}"
    if not is_resuming and (wacc is None or irr >= wacc):
        return passed("R-30", "expected_irr", detail)
    size = params.wacc_size_multiplier
    return FilterResult("R-30", "expected_irr", Verdict.LIMIT, detail, size_multiplier=size)


def quick_ratio(facts: EntryFacts, new_loss_usd: Decimal) -> FilterResult:
    """Block a trade that would leave too little at hand for what may fall due (R-31)."""
    params = facts.params.capital
    if not params.quick_ratio_enabled:
        return unknown("R-31", QUICK_RATIO, "the quick ratio is switched off")
    value = quick_ratio_now(facts.view, new_loss_usd, facts.params).value
    mode = facts.params.condor.mode
    floor = max(quick_ratio_floor(mode, params), params.quick_ratio_red)
    detail = f"quick ratio {value:.2f} after the trade, {mode} wants {floor:g}"
    if value >= floor:
        return passed("R-31", QUICK_RATIO, detail)
    if value < params.quick_ratio_red:
        detail += ": red"
    return blocked("R-31", QUICK_RATIO, "QUICK_RATIO", detail)


STEWARD = "steward"


def steward(facts: EntryFacts) -> FilterResult:
    """Say when a steward trades at half the cap after a fall of NLV; the size obeys it (R-32)."""
    if facts.params.condor.mode is not Mode.STEWARD:
        return passed("R-32", STEWARD, "a promoter keeps the whole cap")
    if facts.view.capital.steward_is_halved:
        detail = "NLV fell from its peak: half the cap until a new 20-session high"
        return FilterResult("R-32", STEWARD, Verdict.LIMIT, detail)
    return passed("R-32", STEWARD, "the whole cap")


def _later(rule: str, name: str) -> Callable[[EntryFacts], FilterResult]:
    """Hold the place of a filter that needs the chain or the size."""
    return lambda _facts: not_asked(rule, name)


# In order of precedence; those held open are put in once the chain or the size is known.
BEFORE_CHAIN: tuple[Callable[[EntryFacts], FilterResult], ...] = (
    warmup,
    listing,
    _later("R-02", DATA),
    vix_gate,
    hedge_first,
    event,
    _later("R-07", GAUGE),
    term,
    breadth,
    rsi,
    _later("R-29", BIG_TOP),
    exchange_rate,
    rate_differential,
    expected_irr,
    _later("R-31", QUICK_RATIO),
    steward,
)


def put(results: list[FilterResult], result: FilterResult) -> None:
    """Put a result in the place that was held for it."""
    names = [each.name for each in results]
    results[names.index(result.name)] = result


def data(facts: EntryFacts, chain: Chain | None) -> FilterResult:
    """Block on missing, old or contradictory quotes (R-02 as amended by A3)."""
    view = facts.view
    levels = view.snapshot.levels
    if chain is None or len(chain.strikes) == 0:
        return blocked("R-02", DATA, "DATA", f"no quotes for SPXW {facts.expiry}")
    at = max(view.at, view.snapshot.at)  # an entry that runs late needs quotes of its own time
    if at - chain.at > CHAIN_AGE:
        return blocked("R-02", DATA, "DATA", f"the chain is older than {CHAIN_AGE.seconds} s")
    if at - levels.at > INDEX_AGE:
        return blocked("R-02", DATA, "DATA", f"VIX is older than {INDEX_AGE.seconds} s")
    miss = abs(chain.forward / levels.spx - 1.0)
    if miss > FORWARD_MISS_FRAC:
        detail = (
            f"the chain's forward {chain.forward:.2f} misses SPX {levels.spx:.2f} by {miss:.2%}"
        )
        return blocked("R-02", DATA, "DATA", detail)
    return passed("R-02", DATA, f"forward {chain.forward:.2f}, {len(chain.strikes)} strikes")


def gauge(value: float | None, target: float) -> FilterResult:
    """Block when the market pays too little for the distance (R-07)."""
    shown = "no pair" if value is None else f"{value:.2f}"
    detail = f"best net credit at one expected range is {shown}, wanted {target:.2f}"
    if value is None or value < target:
        return blocked("R-07", GAUGE, "PREMIUM", detail)
    return passed("R-07", GAUGE, detail)


def tier_choice(facts: EntryFacts, results: Sequence[FilterResult]) -> tuple[Tier, FilterResult]:
    """Return the tier of the day (R-11) after all caps, and the entry that explains it."""
    allowed = allowed_tier(results)
    known, mode = facts.view.indicators, facts.params.condor.mode
    if mode is Mode.PROMOTER:
        earns = _earns_aggressive(facts)
        tier = allowed if earns else min(allowed, Tier.BALANCED, key=TIERS.index)
        multiple = facts.params.capital.aggressive_wacc_multiple
        met = "met" if earns else "not met"
        why = f"promoter: the highest allowed is {allowed}; IRR of {multiple:g} × WACC {met}"
    else:
        is_calm = known.vix_sma5 is not None and facts.vix < known.vix_sma5
        is_green = facts.term.color is TermColor.GREEN
        has_flags = any(result.verdict is Verdict.LIMIT for result in results if _is_flag(result))
        wanted = Tier.BALANCED if is_calm and is_green and not has_flags else Tier.CONSERVATIVE
        tier = min(allowed, wanted, key=TIERS.index)
        calm = "below" if is_calm else "not below"
        why = f"steward: VIX {calm} its 5-day mean, term structure {facts.term.color}"
    return tier, FilterResult("R-11", "tier", Verdict.PASS, why, tier_cap=tier)


def _earns_aggressive(facts: EntryFacts) -> bool:
    """Tell whether the expected IRR is known to be 2.2 times the WACC or more (R-30)."""
    params = facts.params.capital
    irr, wacc = known_irr_frac(facts.view.capital, params), view_wacc_frac(facts.view, params)
    if irr is None or wacc is None:
        return False
    return irr >= params.aggressive_wacc_multiple * max(wacc, 0.0)


def _is_flag(result: FilterResult) -> bool:
    # Others only cap at balanced or change the size, which balanced itself does not contradict.
    return result.rule in ("R-06", "R-08", "R-29")


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
