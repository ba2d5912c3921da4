"""Holdings as strategies see them: condors by campaign, and the layers of the hedge."""

from collections.abc import Iterable
from dataclasses import replace
from decimal import Decimal

from bot.ledger import Holding
from market.errors import InvariantBroken
from market.instruments import Right
from strategies.base import CondorPosition, Layer, LayerPosition
from strategies.hedge_orders import holding_kind

CONDOR, HEDGE = "condor", "alvh"
ZERO = Decimal(0)


def condors_of(campaign: str, legs: list[Holding]) -> Iterable[CondorPosition]:
    """Return a campaign as one condor, or as its two sides when they hold different counts (a
    losing side bought back in part)."""
    if len({abs(leg.position) for leg in legs}) == 1:
        yield _condor(campaign, legs)
        return
    for right in Right:
        side = [leg for leg in legs if leg.contract.right is right]
        if side:
            yield _condor(campaign, side)


def _condor(campaign: str, legs: list[Holding]) -> CondorPosition:
    by_kind = {(leg.contract.right, leg.position > 0): leg.contract for leg in legs}
    quantities = {abs(leg.position) for leg in legs}
    expiries = {leg.contract.expiry for leg in legs}
    is_whole = all((right, True) in by_kind for right, _ in by_kind)
    is_whole = is_whole and all((right, False) in by_kind for right, _ in by_kind)
    if len(by_kind) != len(legs) or len(quantities) != 1 or len(expiries) != 1 or not is_whole:
        raise InvariantBroken(f"campaign {campaign} does not hold whole verticals")
    quantity = quantities.pop()
    credit = -sum((leg.paid_usd for leg in legs), ZERO) / (quantity * 100)
    held = CondorPosition(
        campaign,
        legs[0].opened,
        expiries.pop(),
        quantity,
        credit,
        by_kind.get((Right.PUT, True)),
        by_kind.get((Right.PUT, False)),
        by_kind.get((Right.CALL, False)),
        by_kind.get((Right.CALL, True)),
        ZERO,
    )
    return replace(held, max_loss_usd=(held.width_points - credit) * quantity * 100)


def width_usd(condor: CondorPosition) -> Decimal:
    """Return the cash that a condor ties up: width × multiplier × contracts."""
    return condor.width_points * condor.quantity * condor.shorts[0].multiplier


def layers_of(holdings: Iterable[Holding]) -> Iterable[LayerPosition]:
    """Yield the hedge's holdings, those that belong to a layer."""
    for holding in holdings:
        if holding.strategy == HEDGE and holding.layer is not None:
            yield LayerPosition(
                Layer(holding.layer),
                holding.contract,
                holding.position,
                holding.paid_usd,
                holding.opened,
                holding_kind(holding.campaign),
            )
