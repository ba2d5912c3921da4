from datetime import date

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from market.errors import NoSuchSession
from market.history import History
from market.sessions import SessionCalendar
from market.synthetic import synthetic_history

FIRST, LAST = date(1998, 1, 2), date(2027, 12, 31)
COLUMNS = ("spx_open", "spx_high", "spx_low", "spx_close", "vix_open", "vix_close")


@pytest.fixture(scope="module")
def calendar() -> SessionCalendar:
    return SessionCalendar.build(FIRST, LAST)


@pytest.fixture(scope="module")
def thirty_years(calendar: SessionCalendar) -> list[History]:
    return [synthetic_history(calendar, FIRST, LAST, seed) for seed in range(8)]


def columns(history: History, rows: int) -> dict[str, list[float]]:
    return {name: getattr(history, name)[:rows].tolist() for name in COLUMNS}


@settings(deadline=None, max_examples=25)
@given(seed=st.integers(-(2**63), 2**63), short=st.integers(1, 400), more=st.integers(0, 400))
def test_a_longer_horizon_extends_a_shorter_one_exactly(
    calendar: SessionCalendar, seed: int, short: int, more: int
) -> None:
    near, far = calendar.dates[short - 1], calendar.dates[short + more - 1]

    shorter = synthetic_history(calendar, FIRST, near, seed)
    longer = synthetic_history(calendar, FIRST, far, seed)

    assert shorter.sessions == longer.sessions[:short]
    assert columns(shorter, short) == columns(longer, short)


def test_the_same_seed_draws_the_same_market_and_another_seed_another(
    calendar: SessionCalendar,
) -> None:
    once, again, other = (
        columns(synthetic_history(calendar, FIRST, date(1998, 12, 31), seed), 252)
        for seed in (3, 3, -3)
    )

    assert once == again
    assert once != other


def test_bars_are_whole_and_rounded_to_hundredths(thirty_years: list[History]) -> None:
    for history in thirty_years:
        bodies = np.array([history.spx_open, history.spx_close])
        assert (history.spx_low > 0).all()
        assert (history.spx_high >= bodies.max(axis=0)).all()
        assert (history.spx_low <= bodies.min(axis=0)).all()
        for name in COLUMNS:
            column = getattr(history, name)
            np.testing.assert_array_equal(column, np.round(column, 2))


def test_thirty_years_resemble_the_index_and_its_volatility(thirty_years: list[History]) -> None:
    # SPX and VIX of 1990-2026: 18 % a year, log correlation -0.71, fourth moment 14.
    for history in thirty_years:
        returns = np.diff(np.log(history.spx_close))
        vix_moves = np.diff(np.log(history.vix_close))
        fourth_moment = ((returns - returns.mean()) ** 4).mean() / returns.var() ** 2
        assert 0.12 <= returns.std() * np.sqrt(252) <= 0.20
        assert 5 <= fourth_moment <= 40
        assert -0.80 <= np.corrcoef(returns, vix_moves)[0, 1] <= -0.60
        assert 0.06 <= vix_moves.std() <= 0.09
        assert 13 <= np.median(history.vix_close) <= 18
        assert history.vix_close.max() > 40


def test_vix_stays_between_its_bounds(thirty_years: list[History]) -> None:
    for history in thirty_years:
        for column in (history.vix_open, history.vix_close):
            assert column.min() >= 9
            assert column.max() <= 85


def test_the_market_starts_where_it_is_told(calendar: SessionCalendar) -> None:
    history = synthetic_history(
        calendar, FIRST, date(1998, 1, 5), seed=1, start_spx=7000.0, start_vix=30.0
    )

    assert history.spx_open[0] == pytest.approx(7000.0, rel=0.03)
    assert history.vix_close[0] == pytest.approx(30.0, rel=0.25)


def test_everything_drawn_is_called_synthetic_and_the_rest_absent(
    thirty_years: list[History],
) -> None:
    history = thirty_years[0]

    kinds = {name: kind for name, kind in history.provenance.items() if kind != "absent"}
    assert kinds == {"spx": "synthetic", "vix": "synthetic"}
    assert history.source == "synthetic market, seed 0"
    assert np.isnan(history.rate_frac).all()
    assert np.isnan(history.vix9d).all()


def test_a_range_without_sessions_is_refused(calendar: SessionCalendar) -> None:
    with pytest.raises(NoSuchSession, match="no trading session from 1998-01-03 to 1998-01-04"):
        synthetic_history(calendar, date(1998, 1, 3), date(1998, 1, 4), seed=1)
