"""Recycling of gains, the "Temporal Vega Martingale" (R-23): harvest, re-invest, refill.

When the near layer is worth 2.5 times what it cost and volatility is up, half of it is sold; at a
later hedge window 60 % of the gain buys mid and long calls, which are counted apart (A10). Rules of
this file:
- A harvest needs a gain: a high VIX alone sells nothing (R-19, R-27).
- Nothing is bought before the sale has filled, and never more than the realised gain allows, fees
  included. Such purchases are exempt from the budget and from R-19's level of VIX (A2), but wait
  in extreme backwardation like early rolls (R-25); a gain not spent in five sessions stays cash.
- Recycled calls are sold where their layer would roll: a roll would be new spending.
"""

from dataclasses import replace
from datetime import date
from decimal import Decimal

from market.errors import InvariantBroken
from market.orders import OrderIntent
from strategies.base import NO_HEDGE_MEMORY, HedgeMemory, HoldingKind, Layer, LayerPosition, View
from strategies.hedge_orders import (
    HARVEST,
    RECYCLE,
    RETIRE,
    Draft,
    buy,
    holding_kind,
    named,
    now,
    sale,
    sellable,
)
from strategies.hedge_params import AlvhParams
from strategies.ladder import Pick, Purchase, targets
from strategies.params import MethodParams
from strategies.shopping import pick_for
from strategies.sizing import base_contracts, wanted_contracts
from strategies.upkeep import EventState
from strategies.volatility import expected_range

# Above what one VIX call costs in commission and exchange fees, least charge per order included.
FEES_RESERVED_USD = Decimal(2)
ZERO = Decimal(0)


class HedgeMemoryKeeper:
    """Keeps the hedge's memory from its fills and the level of VIX; the book feeds it."""

    def __init__(self, memory: HedgeMemory = NO_HEDGE_MEMORY) -> None:
        self.memory = memory

    def fill(
        self,
        intent: OrderIntent,
        quantity: int,
        credit: Decimal,
        fees: Decimal,
        cost_of_sold_usd: Decimal,
        session: date,
    ) -> None:
        """Take in a fill of `quantity` combos at `credit` points.

        `fees` are the dollars of this execution, `cost_of_sold_usd` what the contracts that it
        sold had cost (0 when it sold none).

        Raises:
            InvariantBroken: more was bought from gains than was realised.
        """
        kind = holding_kind(intent.campaign)
        is_purchase = all(leg.ratio > 0 for leg in intent.legs)
        cash_usd = credit * quantity * intent.legs[0].contract.multiplier - fees
        if intent.purpose.startswith(HARVEST):
            self._harvested(quantity, max(cash_usd - cost_of_sold_usd, ZERO), session)
        elif kind is HoldingKind.RECYCLED and is_purchase:
            self._spent(-cash_usd)
        elif kind is HoldingKind.TILT and is_purchase:
            self.memory = replace(self.memory, last_tilt=session)
        elif kind is HoldingKind.BASE and intent.layer == Layer.NEAR and is_purchase:
            self._refilled(quantity)

    def mark(self, session: date, vix: float) -> None:
        """Take in the level of VIX: its peak since the harvest's session is remembered until the
        refill."""
        memory = self.memory
        if memory.last_harvest is None or session < memory.last_harvest:
            return
        peak = memory.vix_peak_since_harvest
        if memory.harvested_contracts and (peak is None or vix > peak):
            self.memory = replace(memory, vix_peak_since_harvest=vix)

    def _harvested(self, quantity: int, gain_usd: Decimal, session: date) -> None:
        memory = self.memory
        self.memory = replace(
            memory,
            realised_gains_usd=memory.realised_gains_usd + gain_usd,
            last_harvest=session,
            harvested_contracts=memory.harvested_contracts + quantity,
        )

    def _spent(self, spend_usd: Decimal) -> None:
        memory = self.memory
        spent = memory.recycled_spend_usd + spend_usd
        if spent > memory.realised_gains_usd:
            raise InvariantBroken(
                f"${spent} was bought from gains, only ${memory.realised_gains_usd} were realised"
            )
        self.memory = replace(memory, recycled_spend_usd=spent)

    def _refilled(self, quantity: int) -> None:
        memory = self.memory
        left = max(memory.harvested_contracts - quantity, 0)
        peak = memory.vix_peak_since_harvest if left else None
        self.memory = replace(memory, harvested_contracts=left, vix_peak_since_harvest=peak)


def is_refill_due(memory: HedgeMemory, vix: float, params: AlvhParams) -> bool:
    """Tell whether fear has ebbed: VIX below 0.8 of its peak since the harvest, or below 16."""
    peak = memory.vix_peak_since_harvest or vix
    return vix < params.refill_peak_frac * peak or vix < params.recycle_min_vix


def harvested_contracts(memory: HedgeMemory, vix: float, params: AlvhParams) -> int:
    """Return near contracts that were harvested and count as held until their refill is due."""
    return 0 if is_refill_due(memory, vix, params) else memory.harvested_contracts


def gain_multiple(view: View) -> float | None:
    """Return mark over cost of the near layer's base, None when it is empty or not quoted."""
    value, paid = 0.0, 0.0
    for position in _near_base(view):
        quote = view.snapshot.quotes.get(position.contract)
        mark = None if quote is None else quote.mid
        if mark is None:
            return None
        value += mark * position.contracts * position.contract.multiplier
        paid += float(position.paid_premium_usd)
    return value / paid if paid > 0 else None


def fear(view: View, events: EventState, params: MethodParams) -> str:
    """Return which condition of R-23 says that volatility is up, or nothing."""
    levels, alvh, hv20 = view.snapshot.levels, params.alvh, view.indicators.hv20
    if levels.vix > alvh.recycle_min_vix:
        return f"VIX {levels.vix:.2f} is above {alvh.recycle_min_vix:g}"
    wide = params.edr.shift_threshold_frac
    if hv20 is not None and (edr := expected_range(levels, hv20, params.edr).frac) > wide:
        return f"the expected range {edr:.2%} is above {wide:.2%}"
    rise = events.vix_change_frac
    if rise is not None and events.behind is not None and rise >= alvh.event_rise_frac:
        return f"VIX rose {rise:.0%} over {events.behind.kind}"
    return ""


def harvest(view: View, draft: Draft, events: EventState, params: MethodParams) -> None:
    """Add the sale of half the near layer when it has gained enough while volatility is up."""
    alvh, multiple = params.alvh, gain_multiple(view)
    if not alvh.recycle_enabled or multiple is None or multiple < alvh.recycle_gain_multiple:
        return
    cause = fear(view, events, params)
    since = sessions_since_harvest(view)
    if not cause or (since is not None and since < alvh.recycle_every_sessions):
        return
    left = max(1, int(alvh.recycle_sell_frac * sum(map(draft.left, _near_base(view)))))
    for position in sorted(_near_base(view), key=lambda each: each.contract.expiry):
        count, quote = min(left, draft.left(position)), sellable(view, position)
        if quote is None or not count:
            continue
        why = f"worth {multiple:.1f} times their cost while {cause}"
        at, costs = now(view), params.costs
        draft.sell(position, count, sale(HARVEST, why, position, quote, count, at, costs))
        left -= count


def sessions_since_harvest(view: View) -> int | None:
    """Return how many sessions ago the near layer was harvested last, None if it never was."""
    last = view.positions.hedge_memory.last_harvest
    if last is None:
        return None
    calendar = view.context.calendar
    return calendar.index(view.session) - calendar.index(last)


def allowance_usd(view: View, params: AlvhParams) -> Decimal:
    """Return what may be spent from gains now: 60 % of all realised, less what was spent.

    Nothing on the harvest's own session, and nothing once five sessions have passed.
    """
    since, memory = sessions_since_harvest(view), view.positions.hedge_memory
    if not params.recycle_enabled or since is None:
        return ZERO
    if not 0 < since <= params.recycle_every_sessions:
        return ZERO
    share = Decimal(str(params.recycle_reinvest_frac)) * memory.realised_gains_usd
    return max(share - memory.recycled_spend_usd, ZERO)


def recycle(view: View, draft: Draft, params: MethodParams) -> None:
    """Add purchases of mid and long calls from realised gains, two thirds and one third."""
    allowed = allowance_usd(view, params.alvh)
    if not allowed:
        return
    for block in draft.blocks:
        if block.rule == "R-25":
            draft.notes.append(f"gains are not recycled yet: {block.detail}")
            return
    for_mid = Decimal(str(params.alvh.recycle_mid_share)) * allowed
    shares = {Layer.MID: for_mid, Layer.LONG: allowed - for_mid}
    for target in targets(params.alvh):
        if target.layer in shares:
            pick = pick_for(view, target, params)
            if isinstance(pick, str):
                draft.notes.append(f"{target.layer}: gains are not recycled, {pick}")
                continue
            count = _affordable(view, draft, pick, shares[target.layer], params.alvh)
            if count:
                purchase, why = Purchase(pick, count), " from realised gains"
                kind = HoldingKind.RECYCLED
                draft.buy(purchase, buy(purchase, now(view), RECYCLE, kind, why))


def _affordable(
    view: View, draft: Draft, pick: Pick, share_usd: Decimal, params: AlvhParams
) -> int:
    """Return the contracts that a share of the gain buys with fees, within twice the base."""
    layers, layer = view.positions.layers, pick.layer
    base = max(base_contracts(layers)[layer], wanted_contracts(draft.plan, params)[layer])
    held = sum(position.contracts for position in layers if position.layer is layer)
    room = max(params.recycle_cap_multiple * base - held, 0)
    return min(int(share_usd / (pick.cost_usd(1) + FEES_RESERVED_USD)), room)


def retire(view: View, draft: Draft, params: MethodParams) -> None:
    """Add the sale of recycled calls that have come to where their layer rolls (R-22)."""
    roll_dte = {target.layer: target.roll_dte for target in targets(params.alvh)}
    for position in view.positions.layers:
        dte = position.dte(view.session)
        if position.kind is HoldingKind.RECYCLED and dte <= roll_dte[position.layer]:
            let_go(view, draft, position, RETIRE, f"bought from gains, {dte} days left", params)


def let_go(
    view: View,
    draft: Draft,
    position: LayerPosition,
    purpose: str,
    why: str,
    params: MethodParams,
) -> None:
    """Add the sale of a whole position, or the remark that nobody bids for it."""
    quote = sellable(view, position)
    if quote is None:
        draft.notes.append(f"the {position.kind} calls of {named(position)} have no bid")
        return
    count, at = position.contracts, now(view)
    draft.sell(position, count, sale(purpose, why, position, quote, count, at, params.costs))


def _near_base(view: View) -> list[LayerPosition]:
    return [
        position
        for position in view.positions.layers
        if position.layer is Layer.NEAR and position.kind is HoldingKind.BASE
    ]
