"""What the benchmarks measure is what they say: figures judged rightly, jobs that really trade."""

from datetime import timedelta
from decimal import Decimal

import numpy as np
import pytest

from benchmarks.events import Trading, ticks
from benchmarks.figures import Figure, has_miss
from benchmarks.pricing import A_DAY, errors, options
from benchmarks.quoted_market import CALLS, OPENED_AT, SESSION
from bot.events import MomentDue
from bot.order_states import OrderStatus
from bot.settings import Settings
from bot.world import historical_world
from brokers.unsuspended import run_now
from market.schedule import MissedPolicy, Moment, MomentName


@pytest.mark.parametrize(
    ("value", "is_most", "ratio"),
    [(200.0, False, 2.0), (50.0, False, 0.5), (50.0, True, 2.0), (200.0, True, 0.5)],
)
def test_a_ratio_of_one_reaches_the_bar_whichever_way_better_lies(
    value: float, is_most: bool, ratio: float
) -> None:
    figure = Figure("some rate", value, "per s", 100.0, is_most=is_most)

    assert figure.ratio == ratio
    assert has_miss([figure, Figure("no bar", 1.0, "s")]) is (ratio < 1.0)


def test_the_options_priced_are_out_of_the_money_and_accurate_to_twelve_digits() -> None:
    these = options(200)
    far = options(200, (A_DAY, A_DAY), 5.0)

    price_error, vol_error = errors(these)
    _, far_vol_error = errors(far)

    np.testing.assert_array_equal(these.is_call, these.strike > these.forward)
    assert max(price_error, vol_error, far_vol_error) < 1e-12


def test_a_moment_trades_at_the_quotes_that_the_board_heard_last() -> None:
    trading = Trading(historical_world(Settings(), None, 7))
    for bid, ask in ticks():
        trading.board.hear(bid)
        trading.board.hear(ask)

    for turn in range(2):
        at = OPENED_AT + turn * timedelta(seconds=2)
        trading.clock.jump(at)
        moment = Moment(MomentName.THREAT_SCAN_1, at, SESSION, MissedPolicy.SKIP, timedelta(0))
        run_now(trading.shell.handle(MomentDue(moment)))

    last = 2.0 + 0.05 * ((len(ticks()) - len(CALLS)) % 14)
    told = [
        (state.order.intent.legs[0].contract, state.status, state.average_credit)
        for state in trading.book.orders.values()
    ]
    assert told == [
        (CALLS[0], OrderStatus.FILLED, Decimal(f"{-last - 0.05:.2f}")),
        (CALLS[0], OrderStatus.FILLED, Decimal(f"{last:.2f}")),
    ]
    assert trading.book.ledger.holdings == {}
