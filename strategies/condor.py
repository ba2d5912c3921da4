"""The daily SPX iron condor: one reasoned decision at the entry of each session (R-01 … R-16)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal

from market.instruments import COMBO_TICK, OptionContract, Right, TradingClass, floor_to_tick
from market.orders import Leg, OrderIntent, PriceWalk
from market.quotes import Chain, SnapshotRequest
from market.schedule import MomentName
from strategies import filters, strike_search
from strategies.base import (
    TIERS,
    Candidates,
    Context,
    Decision,
    FilterResult,
    JsonValue,
    Tier,
    View,
)
from strategies.filters import EntryFacts
from strategies.params import MethodParams
from strategies.sizing import Size, condor_size, max_loss_usd
from strategies.strike_search import Choice, Shorts, SideOrder
from strategies.volatility import ExpectedRange, expected_range, term_structure

NAME = "condor"
ENTRY_PURPOSE = "entry"
WORKING_TIME_MINUTES = 14.5


@dataclass(frozen=True, slots=True)
class Search:
    """The strike search of one entry: both sides' candidates and what the market pays."""

    puts: Shorts
    calls: Shorts
    side: SideOrder
    slippage_points: float


@dataclass(frozen=True, slots=True)
class Found:
    """The condor chosen, with its tier and all that was weighed."""

    tier: Tier
    choice: Choice | None
    candidates: Candidates


class CondorStrategy:
    """Sells one iron condor a session, or says why not; holds parameters only."""

    name = NAME

    def __init__(self, params: MethodParams) -> None:
        self._params = params

    def needs(self, context: Context) -> SnapshotRequest | None:
        """Ask for the chain that expires after the set number of sessions, at the entry."""
        if context.moment.name is not MomentName.ENTRY or not self._params.condor.enabled:
            return None
        return SnapshotRequest(chains=((TradingClass.SPXW, self._expiry(context)),))

    def _expiry(self, context: Context) -> date:
        return context.calendar.next(context.session, self._params.condor.sessions_to_expiry)

    def decide(self, view: View) -> Decision:
        """Return the entry decision of this session: one order, or one reason."""
        facts = self._facts(view)
        if _has_entered(view):
            return self._skip(facts, [filters.entered()], {})
        results = [check(facts) for check in filters.BEFORE_CHAIN]
        if any(result.code for result in results):
            results.insert(2, filters.not_asked("R-02", "data"))
            results.insert(6, filters.not_asked("R-07", "premium_gauge"))
            return self._skip(facts, results, {})
        chain = view.snapshot.chains.get((TradingClass.SPXW, facts.expiry))
        results.insert(2, filters.data(facts, chain))
        if chain is None or results[2].code:
            results.insert(6, filters.not_asked("R-07", "premium_gauge"))
            return self._skip(facts, results, {})
        return self._with_chain(facts, results, chain)

    def _facts(self, view: View) -> EntryFacts:
        context = view.context
        expiry = self._expiry(context)
        until = context.calendar.settles_at(TradingClass.SPXW, expiry)
        listed = context.listings.is_listed(TradingClass.SPXW, expiry, view.session)
        events = context.macro.between(view.at, until, known_at=view.at)
        state = term_structure(view.snapshot.levels, view.snapshot.curve, self._params.term)
        return EntryFacts(view, self._params, expiry, listed, events, state)

    def _with_chain(self, facts: EntryFacts, results: list[FilterResult], chain: Chain) -> Decision:
        view, params = facts.view, self._params
        hv20 = view.indicators.hv20 or 0.0
        expected = expected_range(view.snapshot.levels, hv20, params.edr)
        search = self._search(facts, chain, expected)
        gauge = strike_search.premium_gauge(
            search.puts, search.calls, search.slippage_points, params.condor.gauge_edr_multiple
        )
        target = float(params.condor.credit_conservative_points)
        results.insert(6, filters.gauge(gauge, target))
        tier, explained = filters.tier_choice(facts, results)
        results.append(explained)
        known = self._known(facts, chain, expected, search, gauge)
        if any(result.code for result in results):
            return self._skip(facts, results, known)
        multiplier = filters.size_multiplier(results)
        known["size_multiplier"] = round(multiplier, 6)
        if multiplier < params.size.multiplier_floor:
            return self._refuse(facts, results, known, "SIZE_FLOOR", "the filters leave no size")
        found = self._find(search, tier, facts, filters.distance_multiplier(results))
        if found.choice is None:
            code = "EVENT" if facts.is_fomc else "PREMIUM"
            why = self._no_pair(facts, results, found)
            return self._refuse(facts, results, known, code, why, found.candidates)
        return self._sell(facts, results, known, found, multiplier)

    def _search(self, facts: EntryFacts, chain: Chain, expected: ExpectedRange) -> Search:
        params, known = self._params.condor, facts.view.indicators
        points = expected.points(chain.forward)
        momentum = None if known.vix_sma5 is None else facts.vix - known.vix_sma5
        side = strike_search.side_order(chain, points, momentum, params)
        extra = side.put_extra_points
        puts = strike_search.allowed_shorts(chain, Right.PUT, points, params, extra)
        calls = strike_search.allowed_shorts(chain, Right.CALL, points, params)
        return Search(puts, calls, side, self._params.costs.slippage_points(facts.vix))

    def _find(
        self,
        search: Search,
        tier: Tier,
        facts: EntryFacts,
        distance_multiplier: float,
    ) -> Found:
        """Search the tier, then each lower one, until a pair brings the credit (R-12 step 4)."""
        floor = self._floor(facts, distance_multiplier)
        puts, calls = search.puts.beyond(floor), search.calls.beyond(floor)
        first = search.side.first
        found: Found | None = None
        for lower in reversed(TIERS[: TIERS.index(tier) + 1]):
            target = float(self._target(lower))
            choice, weighed = strike_search.find_pair(
                puts, calls, target, search.slippage_points, first
            )
            found = Found(lower, choice, weighed)
            if choice is not None:
                break
        assert found is not None  # the loop runs at least once: every tier has a lowest one
        return found

    def _floor(self, facts: EntryFacts, distance_multiplier: float) -> float:
        """Return the least distance in expected ranges: R-06 asks FOMC days for the start
        distance itself, other event days for a wider floor."""
        params = self._params.condor
        if facts.is_fomc:
            return params.start_edr_conservative * distance_multiplier
        return params.min_edr_multiple * distance_multiplier

    def _target(self, tier: Tier) -> Decimal:
        params = self._params.condor
        return {
            Tier.CONSERVATIVE: params.credit_conservative_points,
            Tier.BALANCED: params.credit_balanced_points,
            Tier.AGGRESSIVE: params.credit_aggressive_points,
        }[tier]

    def _sell(
        self,
        facts: EntryFacts,
        results: list[FilterResult],
        known: dict[str, JsonValue],
        found: Found,
        multiplier: float,
    ) -> Decision:
        choice = found.choice
        assert choice is not None
        limit = floor_to_tick(Decimal(str(choice.credit_points)), COMBO_TICK)
        size = condor_size(facts.view.capital, limit, multiplier, self._params)
        known |= self._terms(choice, limit, size, found)
        if size.quantity == 0:
            why = f"{self._cap_in_words(size)} leaves room for none"
            return self._refuse(facts, results, known, "SIZE", why, found.candidates)
        intent = self._intent(facts, choice, limit, size.quantity)
        sentence = self._sentence(facts, found, limit, size, results)
        return Decision(
            NAME,
            facts.view.context.moment.name,
            facts.view.session,
            facts.view.at,
            "SELL",
            found.tier.upper(),
            sentence,
            tuple(results),
            known,
            found.candidates,
            (intent,),
        )

    def _terms(
        self, choice: Choice, limit: Decimal, size: Size, found: Found
    ) -> dict[str, JsonValue]:
        width, credit = self._params.condor.wing_width_points, float(limit)
        one = max_loss_usd(limit, self._params.condor, self._params.costs)
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

    def _intent(
        self, facts: EntryFacts, choice: Choice, limit: Decimal, quantity: int
    ) -> OrderIntent:
        costs, view = self._params.costs, facts.view
        legs = self._legs(facts.expiry, choice)
        working = WORKING_TIME_MINUTES - self._params.condor.entry_after_close_minutes
        return OrderIntent(
            strategy=NAME,
            purpose=ENTRY_PURPOSE,
            campaign=campaign_of(view.session),
            legs=legs,
            quantity=quantity,
            limit_credit=limit,
            good_until=view.at + timedelta(minutes=working),
            walk=PriceWalk(
                costs.reprice_step_points,
                timedelta(seconds=costs.reprice_every_seconds),
                costs.reprice_times,
            ),
        )

    def _legs(self, expiry: date, choice: Choice) -> tuple[Leg, ...]:
        width = self._params.condor.wing_width_points
        put, call = choice.short_put_strike, choice.short_call_strike
        rows = (
            (put - width, Right.PUT, 1),
            (put, Right.PUT, -1),
            (call, Right.CALL, -1),
            (call + width, Right.CALL, 1),
        )
        return tuple(
            Leg(OptionContract(TradingClass.SPXW, expiry, Decimal(str(strike)), right), sign)
            for strike, right, sign in rows
        )

    def _known(
        self,
        facts: EntryFacts,
        chain: Chain,
        expected: ExpectedRange,
        search: Search,
        gauge: float | None,
    ) -> dict[str, JsonValue]:
        """Return the numbers that every decision with a chain records."""
        skew = search.side.skew_vol_points
        values: dict[str, JsonValue] = self._levels(facts) | {
            "forward": round(chain.forward, 4),
            "edr_frac": round(expected.frac, 8),
            "edr_points": round(expected.points(chain.forward), 4),
            "edr_multiplier": round(expected.multiplier, 6),
            "skew_vol_points": None if skew is None else round(skew, 4),
            "first_side": search.side.first.name.lower(),
            "slippage_points": search.slippage_points,
            "premium_gauge_points": None if gauge is None else round(gauge, 4),
        }
        for mode, frac in expected.by_mode.items():
            values[f"edr_{mode}_frac"] = round(frac, 8)
        return values

    def _no_pair(self, facts: EntryFacts, results: Sequence[FilterResult], found: Found) -> str:
        target = found.candidates.target_credit_points
        floor = self._floor(facts, filters.distance_multiplier(results))
        events = f" ahead of {facts.event_names} (R-06)" if facts.events else " (R-12)"
        return f"no pair brings {target:.2f} at {floor:.2f} expected ranges or more{events}"

    def _cap_in_words(self, size: Size) -> str:
        params = self._params.size
        return {
            "per_trade_frac": f"the cap of {params.per_trade_frac:.0%} of NLV on one trade",
            "aggregate_frac": f"the cap of {params.aggregate_frac:.0%} of NLV on all open condors",
            "free_cash": "the cash that is free",
        }[size.bound_by]

    def _sentence(
        self,
        facts: EntryFacts,
        found: Found,
        limit: Decimal,
        size: Size,
        results: Sequence[FilterResult],
    ) -> str:
        choice = found.choice
        assert choice is not None
        width = self._params.condor.wing_width_points
        loss = max_loss_usd(limit, self._params.condor, self._params.costs) * size.quantity
        return (
            f"Sell {size.quantity} {found.tier} condors expiring {facts.expiry:%a %d %b}: puts "
            f"{choice.short_put_strike - width:g}/{choice.short_put_strike:g}, calls "
            f"{choice.short_call_strike:g}/{choice.short_call_strike + width:g} for {limit}"
            f"{_shrunk(facts, results)}; VIX {facts.vix:.2f}, shorts {choice.put_multiple:.1f} and "
            f"{choice.call_multiple:.1f} expected ranges away, at most ${loss:,.0f} at risk."
        )

    def _skip(
        self, facts: EntryFacts, results: list[FilterResult], known: dict[str, JsonValue]
    ) -> Decision:
        first = next(result for result in results if result.code)
        return self._refuse(
            facts, results, known, first.code or "", f"{first.detail} ({first.rule})"
        )

    def _refuse(
        self,
        facts: EntryFacts,
        results: list[FilterResult],
        known: dict[str, JsonValue],
        code: str,
        why: str,
        candidates: Candidates | None = None,
    ) -> Decision:
        keeps = " The hedge stays on." if code in ("HOLD", "STRESS") else ""
        return Decision(
            NAME,
            facts.view.context.moment.name,
            facts.view.session,
            facts.view.at,
            "SKIP",
            code,
            f"No condor: {why}.{keeps}",
            tuple(results),
            self._levels(facts) | known,
            candidates,
        )

    def _levels(self, facts: EntryFacts) -> dict[str, JsonValue]:
        levels = facts.view.snapshot.levels
        return {"spx": levels.spx, "vix": levels.vix, "expiry": facts.expiry.isoformat()}


def _has_entered(view: View) -> bool:
    """Tell whether this session's condor is held or worked: a moment run twice sells once."""
    campaign = campaign_of(view.session)
    held = any(condor.campaign == campaign for condor in view.positions.condors)
    return held or any(intent.campaign == campaign for intent in view.positions.working)


def campaign_of(session: date) -> str:
    """Return the name of the campaign that a session's entry begins."""
    return f"condor-{session:%Y%m%d}"


def _shrunk(facts: EntryFacts, results: Sequence[FilterResult]) -> str:
    """Return the words for what made the size smaller, empty when nothing did."""
    causes = {
        "event": f"ahead of {facts.event_names}",
        "term_structure": f"with the term structure {facts.term.color}",
    }
    names = [result.name for result in results if result.size_multiplier < 1]
    why = " and ".join(causes.get(name, f"by {name.replace('_', ' ')}") for name in names)
    return f", size × {filters.size_multiplier(results):g} {why}" if names else ""
