"""Figures of an account against those of two well-kept libraries."""

import math
from datetime import date, timedelta

import numpy as np
import pytest

from bot.report.tearsheet import Drawdown, tearsheet

RETURNS = [
    round(
        0.0004 + 0.011 * math.sin(1.7 * i) * math.cos(0.31 * i) + 0.005 * math.sin(0.013 * i * i), 6
    )
    for i in range(500)
]
START = 250_000.0


def _weekdays(count: int) -> list[date]:
    days: list[date] = []
    day = date(2016, 1, 4)
    while len(days) < count:
        if day.weekday() < 5:
            days.append(day)
        day += timedelta(days=1)
    return days


def test_the_figures_equal_those_of_quantstats_and_empyrical() -> None:
    """Golden values of quantstats 0.0.86 (cagr, volatility, sharpe, sortino, max_drawdown,
    tail_ratio, drawdown_details) and empyrical-reloaded 0.7.1 (the same, calmar_ratio), each run
    once on these returns with pandas 3.1.1 and numpy 2.4.6."""
    values = START * np.cumprod(1.0 + np.array(RETURNS))

    found = tearsheet(_weekdays(500), values.tolist(), START)

    told = {
        "end_usd": found.end_usd,
        "cagr": found.cagr_frac,
        "volatility": found.volatility_frac,
        "sharpe": found.sharpe,
        "sortino": found.sortino,
        "max_drawdown": found.max_drawdown_frac,
        "calmar": found.calmar,
        "tail_ratio": found.tail_ratio,
    }
    assert told == pytest.approx(
        {
            "end_usd": 312470.0603758386,
            "cagr": 0.11897832696299626,
            "volatility": 0.10330866661275519,
            "sharpe": 1.1399055264300577,
            "sortino": 1.7471180536276785,
            "max_drawdown": 0.09186212581994002,
            "calmar": 1.295183688609678,
            "tail_ratio": 1.1786838666244253,
        },
        rel=1e-12,
    )
    assert [
        (str(each.start), str(each.deepest), str(each.end)) for each in found.drawdowns[:3]
    ] == [
        # The libraries end a fall that lasts at the last session; here it has no end.
        ("2017-10-26", "2017-11-28", "None"),
        ("2016-12-26", "2017-01-04", "2017-01-31"),
        ("2016-11-11", "2016-11-21", "2016-11-28"),
    ]


def test_an_account_that_never_moves_has_no_ratios() -> None:
    found = tearsheet(_weekdays(3), [START] * 3, START)

    ratios = (found.sharpe, found.sortino, found.calmar, found.tail_ratio)
    assert ratios == (None, None, None, None)
    assert (found.max_drawdown_frac, found.drawdowns) == (0.0, ())


def test_a_fall_that_lasts_has_no_end() -> None:
    days = _weekdays(3)

    found = tearsheet(days, [110.0, 99.0, 104.5], 100.0)

    assert found.drawdowns == (Drawdown(days[1], days[1], None, 1.0 - 99.0 / 110.0, 2),)


def test_an_account_that_lost_everything_has_no_growth_rate() -> None:
    found = tearsheet(_weekdays(2), [50.0, 0.0], 100.0)

    assert (found.cagr_frac, found.total_return_frac) == (None, -1.0)
