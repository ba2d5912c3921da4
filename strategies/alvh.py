"""ALVH, the layered VIX-call hedge: keeps 4 near, 4 mid, 2 long calls per unit, rolled in time.

Decides at the hedge window of each session, at the re-checks around FOMC, CPI and PPI, and after
the close; trades only inside the roll window, otherwise writes what it would do next
(R-19 … R-26, R-28).
"""

from collections.abc import Mapping, Sequence

from market.orders import OrderIntent
from market.quotes import SnapshotRequest
from market.schedule import MomentName, hedge_window
from strategies.base import (
    Context,
    Decision,
    FilterResult,
    HedgePlan,
    HoldingKind,
    JsonValue,
    Layer,
    LayerPosition,
    Verdict,
    View,
)
from strategies.convexity import ConvexityProfile, convexity_profile
from strategies.greeks import call_states
from strategies.hedge_orders import NAME, REDUCE, Draft, buy, named, now, roll, sale, sellable
from strategies.hedge_params import HedgeSizing
from strategies.hedge_report import HedgeState, facts_of, filter_vector, purchase_blocks
from strategies.ladder import (
    Pick,
    Purchase,
    budget_used_frac,
    buying_targets,
    fits_budget,
    next_plan,
    paid_premium_usd,
    pick_call,
    target_expiry,
    targets,
)
from strategies.params import MethodParams
from strategies.recycling import harvest, harvested_contracts, recycle, retire
from strategies.shopping import expiry_missing, is_missing, paid_after_roll_usd, shop_for_units
from strategies.sizing import base_contracts, units_wanted, wanted_contracts
from strategies.tilt import tilt, untilt
from strategies.upkeep import (
    EventState,
    LayerNeed,
    Need,
    event_state,
    layer_need,
    outlive_until,
    steepening_need,
)
from strategies.volatility import is_hold

VIX_CLOSES_NEEDED = 26
MOMENTS = frozenset(
    {
        MomentName.HEDGE_WINDOW,
        MomentName.EVENT_RECHECK_T_MINUS_2,
        MomentName.EVENT_RECHECK_T_MINUS_1,
        MomentName.EVENT_RECHECK_T_PLUS_30,
        MomentName.EVENT_RECHECK_T_PLUS_1_CLOSE,
        MomentName.HEDGE_REVIEW,
    }
)
ROLLS = (Need.ROLL, Need.EVENT_ROLL)
REFRESHES = (Need.EVENT_REFRESH, Need.REFRESH, Need.STEEPEN)


class AlvhStrategy:
    """Keeps the ladder of VIX calls; holds parameters only."""

    name = NAME

    def __init__(self, params: MethodParams) -> None:
        self._params = params
        self._targets = targets(params.alvh)

    def needs(self, context: Context) -> SnapshotRequest | None:
        """Ask for the target expiries' chains and for quotes of the calls held."""
        if context.moment.name not in MOMENTS or not self._params.alvh.enabled:
            return None
        near = self._targets[0]
        keys = {target_expiry(context, target) for target in self._targets}
        outlive = outlive_until(context, self._params)
        if outlive is not None:
            keys.add(target_expiry(context, near, outlive))
        held = tuple(position.contract for position in context.positions.layers)
        chains = tuple(sorted(key for key in keys if key is not None))
        return SnapshotRequest(chains=chains, contracts=held)

    def decide(self, view: View) -> Decision:
        """Return the hedge decision of this moment: orders inside the window, else a proposal."""
        if view.indicators.vix_close_count < VIX_CLOSES_NEEDED:
            count = view.indicators.vix_close_count
            why = f"{count} of {VIX_CLOSES_NEEDED} VIX closes known"
            return self._answer(view, "SKIP", "WARMUP", f"No hedge yet: {why}.")
        if any(intent.strategy == NAME for intent in view.positions.working):
            return self._answer(view, "WAIT", "WORKING", "The hedge waits for its working orders.")
        known = view.indicators
        gate, vix = self._params.vix_gate, view.snapshot.levels.vix
        in_hold = is_hold(vix, was_hold=known.was_hold, calm_closes=known.calm_closes, gate=gate)
        plan = next_plan(view, self._params, in_hold=in_hold)
        return self._with_plan(view, plan, in_hold=in_hold)

    def _with_plan(self, view: View, plan: HedgePlan, *, in_hold: bool) -> Decision:
        params, events = self._params, event_state(view, self._params)
        profile = profile_of(view, params)
        needs = self._layer_needs(view, events, profile)
        blocks = purchase_blocks(view, params)
        draft = Draft(plan, blocks, paid_premium_usd(view.positions.layers))
        self._reduce(view, draft, in_hold=in_hold)
        untilt(view, draft, params)
        retire(view, draft, params)
        harvest(view, draft, events, params)
        # What must be comes before what may be: each purchase finds the budget that is left.
        self._roll(view, draft, [need for need in needs if need.need not in REFRESHES])
        recycle(view, draft, params)
        self._open(view, draft)
        self._roll(view, draft, [need for need in needs if need.need in REFRESHES])
        tilt(view, draft, params)
        after = budget_used_frac(draft.paid_usd, plan, params)
        state = HedgeState(plan, events, tuple(needs), tuple(blocks), after, profile)
        vector = filter_vector(view, state, params)
        return self._conclude(view, draft, vector, facts_of(view, state, params))

    def _layer_needs(
        self, view: View, events: EventState, profile: ConvexityProfile | None
    ) -> list[LayerNeed]:
        """Return what every base position needs, near layer first whatever the book's order."""
        needs = [
            layer_need(view, position, target, events, self._params)
            for target in self._targets
            for position in view.positions.layers
            if position.layer is target.layer and position.kind is HoldingKind.BASE
        ]
        ratio = None if profile is None else profile.steepening_ratio
        flat = steepening_need(view, needs, ratio, self._params)
        if flat is None:
            return needs
        return [flat if need.position == flat.position else need for need in needs]

    def _reduce(self, view: View, draft: Draft, *, in_hold: bool) -> None:
        """Sell what layers hold beyond the plan, all together or not at all, so that 4:4:2 stays;
        never in HOLD (R-20, R-27).

        Under premium weights there is no count to hold them against: nothing is beyond the plan.
        """
        if self._params.alvh.sizing is HedgeSizing.PREMIUM_WEIGHTS:
            return
        wanted = wanted_contracts(draft.plan, self._params.alvh)
        surplus = _surplus(view.positions.layers, wanted)
        if not surplus:
            return
        if in_hold:
            count = sum(surplus.values())
            draft.notes.append(f"{count} calls beyond the plan stay, HOLD never shrinks the hedge")
            return
        bids = {position: sellable(view, position) for position in surplus}
        for position, quote in bids.items():
            if quote is None:
                why = f"nobody bids for the {position.layer} calls of {named(position)}"
                draft.notes.append(f"calls beyond the plan stay: {why}")
                return
        at, costs = now(view), self._params.costs
        for position, count in surplus.items():
            quote = bids[position]
            assert quote is not None  # just checked for all of them
            step = sale(REDUCE, "beyond the plan", position, quote, count, at, costs)
            draft.sell(position, count, step)

    def _roll(self, view: View, draft: Draft, needs: list[LayerNeed]) -> None:
        for need in needs:
            count, problem = draft.left(need.position), ""
            if need.need is Need.WAIT:
                draft.notes.append(f"{need.position.layer}: {need.why}")
            elif need.need is not Need.KEEP and count:
                problem = _forbidden(need, draft.blocks) or self._roll_one(view, draft, need, count)
            if problem:
                draft.notes.append(f"{need.position.layer}: {need.why}, but {problem}")

    def _roll_one(self, view: View, draft: Draft, need: LayerNeed, count: int) -> str:
        """Add the roll of `count` contracts to the draft, or return what stands against it."""
        position, old = need.position, view.snapshot.quotes.get(need.position.contract)
        pick = self._replacement(view, draft, need)
        if isinstance(pick, str):
            return pick
        if pick.contract == position.contract:
            return ""
        if old is None or old.bid is None:
            return f"the calls of {named(position)} have no bid"
        purchase = Purchase(pick, count)
        paid = paid_after_roll_usd(draft.paid_usd, position, purchase)
        used = budget_used_frac(paid, draft.plan, self._params)
        if need.need in REFRESHES and not fits_budget(used, self._params.alvh):
            return f"paid premium would rise to {used:.1%} of condor notional"
        at, costs = now(view), self._params.costs
        draft.steps.append(roll(need.need, need.why, position, old, purchase, at, costs))
        draft.paid_usd = paid
        return ""

    def _replacement(self, view: View, draft: Draft, need: LayerNeed) -> Pick | str:
        key = target_expiry(view.context, need.target, need.not_before)
        chain = None if key is None else view.snapshot.chains.get(key)
        if chain is None:
            return expiry_missing(need.target)
        if need.need in ROLLS and chain.expiry <= need.position.contract.expiry:
            return f"no later VIX expiry near {need.target.tenor_days} days is listed"
        delta = need.target.delta
        if need.need in REFRESHES:
            used = budget_used_frac(draft.paid_usd, draft.plan, self._params)
            aims = buying_targets(view, used, self._params.alvh)
            delta = next(aim.delta for aim in aims if aim.layer is need.target.layer)
        pick = pick_call(chain, need.target.layer, delta, self._params)
        return f"no call of {chain.expiry:%d %b} is quoted tightly enough" if pick is None else pick

    def _open(self, view: View, draft: Draft) -> None:
        plan, params = draft.plan, self._params
        harvested = harvested_contracts(
            view.positions.hedge_memory, view.snapshot.levels.vix, params.alvh
        )
        if not is_missing(view, plan, params.alvh, harvested):
            return
        if draft.blocks:
            draft.notes.append(f"calls are missing, but {draft.blocks[0].detail}")
            return
        shopping = shop_for_units(view, plan, draft.paid_usd, params, harvested=harvested)
        if shopping.problem:
            draft.notes.append(f"calls are missing, but {shopping.problem}")
        if shopping.purchases and shopping.delta_shift:
            draft.notes.append(f"deltas lowered by {shopping.delta_shift:.2f} to keep the budget")
        units = units_wanted(plan, params.alvh)
        if shopping.purchases and shopping.units < units:
            draft.notes.append(f"only {shopping.units:g} of {units:g} units fit the budget")
        for purchase in shopping.purchases:
            draft.buy(purchase, buy(purchase, now(view)))

    def _conclude(
        self,
        view: View,
        draft: Draft,
        vector: tuple[FilterResult, ...],
        facts: Mapping[str, JsonValue],
    ) -> Decision:
        plan, steps, notes = draft.plan, draft.steps, draft.notes
        changed = plan if plan != view.positions.plan else None
        remark = f" ({'; '.join(notes)})" if notes else ""
        if not steps:
            action, reason = "KEEP", "ON_TARGET" if not notes else "BLOCKED"
            sentence = f"The hedge stays as it is{remark}."
            return self._answer(view, action, reason, sentence, vector, facts, plan=changed)
        what = ", ".join(step.words for step in steps)
        reason = steps[0].intent.purpose.upper()
        if not can_trade(view):
            sentence = f"At the next hedge window: {what}{remark}."
            return self._answer(view, "PROPOSE", reason, sentence, vector, facts, plan=changed)
        sentence = f"{what[0].upper()}{what[1:]}{remark}."
        orders = tuple(step.intent for step in steps)
        return self._answer(view, "TRADE", reason, sentence, vector, facts, orders, changed)

    def _answer(
        self,
        view: View,
        action: str,
        reason: str,
        sentence: str,
        vector: tuple[FilterResult, ...] = (),
        facts: Mapping[str, JsonValue] | None = None,
        orders: tuple[OrderIntent, ...] = (),
        plan: HedgePlan | None = None,
    ) -> Decision:
        if not vector:
            vector = (FilterResult("R-19", "hedge", Verdict.UNKNOWN, sentence),)
        return Decision(
            NAME,
            view.context.moment.name,
            view.session,
            view.at,
            action,
            reason,
            sentence,
            vector,
            facts or {},
            None,
            orders,
            plan,
        )


def can_trade(view: View) -> bool:
    """Tell whether it is the roll window: open + 90 min to cash close − 1 h (A11)."""
    first, last = hedge_window(view.context.calendar.session(view.session))
    return first <= now(view) <= last


def profile_of(view: View, params: MethodParams) -> ConvexityProfile | None:
    """Return the convexity profile of all calls held, None without calls or with one unknown."""
    states = call_states(view, view.positions.layers)
    return None if states is None else convexity_profile(states, params.alvh.futures_kappa)


def _surplus(
    layers: tuple[LayerPosition, ...], wanted: Mapping[Layer, int]
) -> dict[LayerPosition, int]:
    """Return how many contracts of which position lie beyond the plan, nearest expiry first."""
    held = base_contracts(layers)
    surplus: dict[LayerPosition, int] = {}
    base = [position for position in layers if position.kind is HoldingKind.BASE]
    for position in sorted(base, key=lambda each: each.contract.expiry):
        count = min(held[position.layer] - wanted[position.layer], position.contracts)
        if count > 0:
            surplus[position] = count
            held[position.layer] -= count
    return surplus


def _forbidden(need: LayerNeed, blocks: Sequence[FilterResult]) -> str:
    """Return what forbids a re-strike (any block) or an early roll (R-25: backwardation only)."""
    for block in blocks:
        if need.need in REFRESHES or (need.need is Need.EVENT_ROLL and block.rule == "R-25"):
            return block.detail
    return ""
