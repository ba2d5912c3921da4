"""The SPX iron condor: one reasoned decision at the entry of each session (R-01 … R-16).

With the entry style `post_event_0dte` also one in the afternoon of a release, on the same day's
expiry and with the range since the release as expected range (R-06).
"""

from dataclasses import replace
from datetime import date, datetime, timedelta
from decimal import Decimal

from market.instruments import COMBO_TICK, OptionContract, Right, TradingClass, floor_to_tick
from market.macro import MacroEvent
from market.orders import Leg, OrderIntent, PriceWalk
from market.quotes import Chain, SnapshotRequest
from market.schedule import ENTRY_CUTOFF_AFTER_CLOSE, MomentName
from strategies import condor_report, filters, strike_search, temporal
from strategies.base import (
    TIERS,
    Candidates,
    Context,
    Decision,
    FilterResult,
    JsonValue,
    Tier,
    Verdict,
    View,
)
from strategies.expected import WouldBeTrade
from strategies.filters import EntryFacts
from strategies.params import EntryStyle, MethodParams
from strategies.sizing import MULTIPLIER, condor_size, max_loss_usd
from strategies.strike_search import Choice, Found, Search
from strategies.volatility import ExpectedRange, expected_range, term_structure

NAME = "condor"
ENTRY_PURPOSE = "entry"
ENTRY_0DTE_PURPOSE = "entry_0dte"
INTRADAY_LIFE = timedelta(minutes=4, seconds=30)
BARS_OF_SESSION = 26
LEAST_BARS = 2


class CondorStrategy:
    """Sells one iron condor a session, or says why not; holds parameters only."""

    name = NAME

    def __init__(self, params: MethodParams, silenced: frozenset[str] = frozenset()) -> None:
        """Take the parameters; filters named in `silenced` pass whatever they find."""
        self._params = params
        self._silenced = silenced

    def _heard(self, result: FilterResult) -> FilterResult:
        """Return a filter's result, or a pass when the filter is silenced."""
        if result.name not in self._silenced:
            return result
        return FilterResult(result.rule, result.name, Verdict.PASS, f"silenced: {result.detail}")

    def needs(self, context: Context) -> SnapshotRequest | None:
        """Ask at the entry for the chain that expires after the set number of sessions, and on
        the afternoon of a release for today's, where the entry style says so."""
        if not self._params.condor.enabled:
            return None
        if context.moment.name is MomentName.ENTRY:
            return SnapshotRequest(chains=((TradingClass.SPXW, self._expiry(context)),))
        if self._released_today(context) is None:
            return None
        return SnapshotRequest(((TradingClass.SPXW, context.session),), bars=BARS_OF_SESSION)

    def _expiry(self, context: Context) -> date:
        return context.calendar.next(context.session, self._params.condor.sessions_to_expiry)

    def _released_today(self, context: Context) -> MacroEvent | None:
        """Return today's last release at the moment of a 0DTE entry, None at any other (R-06)."""
        is_on = self._params.condor.entry_style is EntryStyle.POST_EVENT_0DTE
        if not is_on or context.moment.name is not MomentName.THREAT_SCAN_3:
            return None
        at = context.at
        events = context.macro.between(at - timedelta(days=1), at, known_at=at)
        today = [
            each for each in events if each.date_et == context.session and not each.is_provisional
        ]
        return today[-1] if today else None

    def decide(self, view: View) -> Decision:
        """Return the entry decision of this moment: one order, or one reason."""
        if filters.STEWARD in self._silenced:
            view = replace(view, capital=replace(view.capital, steward_is_halved=False))
        facts = self._facts(view)
        if _has_entered(facts):
            return self._skip(facts, [filters.entered()], {})
        results = [self._heard(check(facts)) for check in filters.BEFORE_CHAIN]
        chain = view.snapshot.chains.get((TradingClass.SPXW, facts.expiry))
        if any(result.code for result in results):
            return self._skip(facts, results, self._unseen(facts, chain))
        filters.put(results, filters.data(facts, chain))
        if chain is None or any(result.code for result in results):
            return self._skip(facts, results, {})
        return self._with_chain(facts, results, chain)

    def _facts(self, view: View) -> EntryFacts:
        context = view.context
        released = self._released_today(context)
        expiry = self._expiry(context) if released is None else view.session
        until = context.calendar.settles_at(TradingClass.SPXW, expiry)
        listed = context.listings.is_listed(TradingClass.SPXW, expiry, view.session)
        events = context.macro.between(view.at, until, known_at=view.at)
        state = term_structure(view.snapshot.levels, view.snapshot.curve, self._params.term)
        return EntryFacts(view, self._params, expiry, listed, events, state, released)

    def _unseen(self, facts: EntryFacts, chain: Chain | None) -> dict[str, JsonValue]:
        """Return the would-be trade of a session that an early filter blocked (A8)."""
        is_usable = facts.is_listed and not filters.data(facts, chain).code
        expected = self._expected(facts, chain) if chain is not None and is_usable else None
        if chain is None or expected is None:
            return {}
        return self._would_be(facts, self._search(facts, chain, expected))

    def _with_chain(self, facts: EntryFacts, results: list[FilterResult], chain: Chain) -> Decision:
        params = self._params
        expected = self._expected(facts, chain)
        if expected is None:
            why = "SPX has not moved on two bars since the release (R-06)"
            return self._refuse(facts, results, {}, "RANGE", why)
        search = self._search(facts, chain, expected)
        gauge = strike_search.premium_gauge(
            search.puts, search.calls, search.slippage_points, params.condor.gauge_edr_multiple
        )
        target = float(params.condor.credit_conservative_points)
        filters.put(results, self._heard(filters.gauge(gauge, target)))
        would_be = self._would_be(facts, search)
        filters.put(results, self._heard(self._big_top(facts, chain, would_be)))
        tier, explained = filters.tier_choice(facts, results)
        results.append(explained)
        known = condor_report.market_of(facts, chain, expected, search, gauge) | would_be
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
        return self._sell(facts, results, known, found, found.choice)

    def _expected(self, facts: EntryFacts, chain: Chain) -> ExpectedRange | None:
        """Return the expected range: R-03's, or after a release SPX's range since then (R-06)."""
        hv20 = facts.view.indicators.hv20
        if hv20 is None:
            return None
        expected = expected_range(facts.view.snapshot.levels, hv20, self._params.edr)
        if facts.after_release is None:
            return expected
        since = facts.after_release.at
        closes = [bar.close for bar in facts.view.snapshot.bars if bar.at >= since]
        if len(closes) < LEAST_BARS or max(closes) == min(closes):
            return None
        return replace(expected, frac=(max(closes) - min(closes)) / chain.forward)

    def _search(self, facts: EntryFacts, chain: Chain, expected: ExpectedRange) -> Search:
        mean = facts.view.indicators.vix_sma5
        momentum = None if mean is None else facts.vix - mean
        return strike_search.search_chain(
            chain,
            expected.points(chain.forward),
            momentum,
            self._params.costs.slippage_points(facts.vix),
            self._params.condor,
        )

    def _would_be(self, facts: EntryFacts, search: Search) -> dict[str, JsonValue]:
        """Return the facts of the ungated conservative condor of a session's entry (R-30, A8)."""
        if facts.after_release is not None:
            return {}
        params = self._params
        choice = strike_search.best_pair(
            search.puts,
            search.calls,
            float(params.condor.credit_conservative_points),
            search.slippage_points,
            search.side.first,
        )
        if choice is None:
            return {}
        limit = floor_to_tick(Decimal(str(choice.credit_points)), COMBO_TICK)
        return WouldBeTrade(
            facts.expiry,
            choice.short_put_strike,
            choice.short_call_strike,
            float(limit),
            params.condor.wing_width_points,
            float(max_loss_usd(limit, params.condor, params.costs) / MULTIPLIER),
        ).facts()

    def _big_top(
        self, facts: EntryFacts, chain: Chain, would_be: dict[str, JsonValue]
    ) -> FilterResult:
        """Judge the Big Top by the temporal theta of the condor that would be sold (R-29)."""
        known, capital = facts.view.indicators, facts.view.capital
        trade = WouldBeTrade.from_facts(would_be)
        today = None
        if trade is not None and temporal.is_topping(known, self._params.filters):
            legs = self._legs(facts.expiry, trade.short_put, trade.short_call)
            today = self._temporal_theta(facts, chain, legs)
        accelerated = temporal.acceleration(today, capital.tt_mean_condor)
        return temporal.big_top(known, accelerated, self._params.filters)

    def _temporal_theta(
        self, facts: EntryFacts, chain: Chain, legs: tuple[Leg, ...]
    ) -> float | None:
        seen = {leg.contract: chain.quote(leg.contract.strike, leg.contract.right) for leg in legs}
        calendar = facts.view.context.calendar
        return temporal.temporal_theta(
            [(leg.contract, leg.ratio) for leg in legs],
            {contract: quote for contract, quote in seen.items() if quote is not None},
            lambda contract: calendar.settles_at(contract.trading_class, contract.expiry),
            facts.view.indicators.vix9d_sd_points,
        )

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
        choice: Choice,
    ) -> Decision:
        view, params = facts.view, self._params
        limit = floor_to_tick(Decimal(str(choice.credit_points)), COMBO_TICK)
        size = condor_size(view.capital, limit, filters.size_multiplier(results), params)
        known |= condor_report.terms_of(choice, limit, size, found, params)
        if size.quantity == 0:
            why = f"{condor_report.cap_in_words(facts, size)} leaves room for none"
            return self._refuse(facts, results, known, "SIZE", why, found.candidates)
        loss = max_loss_usd(limit, params.condor, params.costs) * size.quantity
        liquid = self._heard(filters.quick_ratio(facts, loss))
        filters.put(results, liquid)
        if liquid.code is not None:
            why = f"{liquid.detail} ({liquid.rule})"
            return self._refuse(facts, results, known, liquid.code, why, found.candidates)
        return Decision(
            NAME,
            view.context.moment.name,
            view.session,
            view.at,
            "SELL",
            found.tier.upper(),
            condor_report.sale_in_words(facts, found, choice, limit, size, results),
            tuple(results),
            known,
            found.candidates,
            (self._intent(facts, choice, limit, size.quantity),),
        )

    def _good_until(self, facts: EntryFacts) -> datetime:
        """Return when an unfilled rest is given up: R-01's cut-off, however late the entry ran."""
        view = facts.view
        if facts.after_release is not None:
            return view.at + INTRADAY_LIFE
        session = view.context.calendar.session(view.session)
        return session.cash_close_at + ENTRY_CUTOFF_AFTER_CLOSE

    def _intent(
        self, facts: EntryFacts, choice: Choice, limit: Decimal, quantity: int
    ) -> OrderIntent:
        costs = self._params.costs
        legs = self._legs(facts.expiry, choice.short_put_strike, choice.short_call_strike)
        return OrderIntent(
            strategy=NAME,
            purpose=ENTRY_PURPOSE if facts.after_release is None else ENTRY_0DTE_PURPOSE,
            campaign=_campaign(facts),
            legs=legs,
            quantity=quantity,
            limit_credit=limit,
            good_until=self._good_until(facts),
            walk=PriceWalk(
                costs.reprice_step_points,
                timedelta(seconds=costs.reprice_every_seconds),
                costs.reprice_times,
            ),
        )

    def _legs(self, expiry: date, short_put: float, short_call: float) -> tuple[Leg, ...]:
        width = self._params.condor.wing_width_points
        rows = (
            (short_put - width, Right.PUT, 1),
            (short_put, Right.PUT, -1),
            (short_call, Right.CALL, -1),
            (short_call + width, Right.CALL, 1),
        )
        return tuple(
            Leg(OptionContract(TradingClass.SPXW, expiry, Decimal(str(strike)), right), sign)
            for strike, right, sign in rows
        )

    def _no_pair(self, facts: EntryFacts, results: list[FilterResult], found: Found) -> str:
        target = found.candidates.target_credit_points
        floor = self._floor(facts, filters.distance_multiplier(results))
        events = f" ahead of {facts.event_names} (R-06)" if facts.events else " (R-12)"
        return f"no pair brings {target:.2f} at {floor:.2f} expected ranges or more{events}"

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
            condor_report.levels_of(facts) | known,
            candidates,
        )


def _has_entered(facts: EntryFacts) -> bool:
    """Tell whether this condor is held or worked already: a moment run twice sells once."""
    campaign, positions = _campaign(facts), facts.view.positions
    held = any(condor.campaign == campaign for condor in positions.condors)
    return held or any(intent.campaign == campaign for intent in positions.working)


def _campaign(facts: EntryFacts) -> str:
    campaign = campaign_of(facts.view.session)
    return campaign if facts.after_release is None else f"{campaign}-0dte"


def campaign_of(session: date) -> str:
    """Return the name of the campaign that a session's entry begins."""
    return f"condor-{session:%Y%m%d}"
