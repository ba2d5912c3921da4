"""Positions and orders of a time shift: what is bought back, what is sold instead."""

from datetime import date, datetime, timedelta
from decimal import Decimal

from market.instruments import COMBO_TICK, OptionContract, Right, TradingClass, floor_to_tick
from market.orders import Leg, OrderIntent, PriceWalk
from strategies.base import CondorPosition
from strategies.params import CostParams
from strategies.sizing import MULTIPLIER
from strategies.time_shift import Shift, root_campaign, shifted_campaign

BOOK = "condor"
CLOSE, OPEN, STOP = "shift_close", "shift_open", "stop"
ORDER_LIFE = timedelta(minutes=5)


def named(position: CondorPosition) -> str:
    """Return how sentences call a condor: by the day of the original trade."""
    name = root_campaign(position.campaign).removeprefix("condor-")[:8]
    sold = date.fromisoformat(name) if name.isdigit() else position.opened
    return f"The condor of {sold:%d %b}"


def one_side(position: CondorPosition, side: Right) -> CondorPosition:
    """Return one vertical of a condor as a position of its own."""
    is_put = side is Right.PUT
    return CondorPosition(
        position.campaign,
        position.opened,
        position.expiry,
        position.quantity,
        position.credit,
        position.long_put if is_put else None,
        position.short_put if is_put else None,
        None if is_put else position.short_call,
        None if is_put else position.long_call,
        position.max_loss_usd,
    )


def shifted(
    moved: CondorPosition, shift: Shift, session: date, width_points: int
) -> CondorPosition:
    """Return the position that a shift leads to: same contracts, same width, new strikes."""

    def contract(strike: float | None, right: Right) -> OptionContract | None:
        if strike is None:
            return None
        return OptionContract(TradingClass.SPXW, shift.expiry, Decimal(str(strike)), right)

    put, call = shift.put_strike, shift.call_strike
    credit = Decimal(str(round(shift.credit_points, 4)))
    return CondorPosition(
        shifted_campaign(moved.campaign),
        session,
        shift.expiry,
        moved.quantity,
        credit,
        contract(None if put is None else put - width_points, Right.PUT),
        contract(put, Right.PUT),
        contract(call, Right.CALL),
        contract(None if call is None else call + width_points, Right.CALL),
        (width_points - credit) * MULTIPLIER * moved.quantity,
    )


def buy_back(position: CondorPosition, debit: float, at: datetime, purpose: str) -> OrderIntent:
    """Return the order that closes a position at its natural price."""
    return OrderIntent(
        strategy=BOOK,
        purpose=purpose,
        campaign=position.campaign,
        legs=tuple(Leg(contract, -sign) for contract, sign in position.signed_contracts()),
        quantity=position.quantity,
        limit_credit=floor_to_tick(Decimal(str(round(-debit, 4))), COMBO_TICK),
        good_until=at + ORDER_LIFE,
        is_closing=True,
    )


def sell_anew(new: CondorPosition, credit: float, at: datetime, costs: CostParams) -> OrderIntent:
    """Return the order that opens the shifted position once the old one is bought back."""
    return OrderIntent(
        strategy=BOOK,
        purpose=OPEN,
        campaign=new.campaign,
        legs=tuple(Leg(contract, sign) for contract, sign in new.signed_contracts()),
        quantity=new.quantity,
        limit_credit=floor_to_tick(Decimal(str(round(credit, 4))), COMBO_TICK),
        good_until=at + ORDER_LIFE,
        walk=PriceWalk(
            costs.reprice_step_points,
            timedelta(seconds=costs.reprice_every_seconds),
            costs.reprice_times,
        ),
        after=CLOSE,
    )
