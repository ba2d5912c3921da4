"""The price walk: how a resting limit gives way by legal ticks, and where it stops.

The same rule as the simulated exchange's: never by more than steps × step; off the grid the price
that is better for us stands; an option that is sold stops at one tick. After the last step the
limit rests until the order's time is over, then it is cancelled: that is the give-up.
"""

from datetime import datetime
from decimal import Decimal

from market.instruments import ceil_to_tick, tick_size
from market.orders import OrderIntent, legal_tick

ZERO = Decimal(0)


def limit_after(intent: OrderIntent, steps: int) -> Decimal:
    """Return the limit after so many steps, on the legal grid."""
    steps = min(steps, intent.walk.times)
    limit = intent.limit_credit - steps * intent.walk.step_points
    if intent.is_combo:
        return ceil_to_tick(limit, legal_tick(intent))
    trading_class = intent.legs[0].contract.trading_class
    if intent.limit_credit > 0:
        limit = max(limit, tick_size(trading_class, ZERO))
    return ceil_to_tick(limit, tick_size(trading_class, limit))


def next_step_at(
    intent: OrderIntent, steps: int, due_at: datetime, at: datetime
) -> datetime | None:
    """Return when the limit gives way after a step that was due at `due_at` and made at `at`.

    A step that was late, because the line was down, moves the rest: steps are never made up for.
    """
    if steps >= intent.walk.times:
        return None
    on_time = due_at + intent.walk.every
    return on_time if on_time > at else at + intent.walk.every
