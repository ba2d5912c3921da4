import math
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from market.errors import MarketDataError
from market.history import History
from market.paths import VIX_ELASTICITY, IntradayPaths
from market.quotes import FloatArray
from market.sessions import Session, SessionCalendar

DAYS = tuple(date(2018, 1, day) for day in (29, 30, 31))
MINUTES = 390


def calendar() -> SessionCalendar:
    return SessionCalendar(
        Session.between(
            datetime(day.year, day.month, day.day, 14, 30, tzinfo=UTC),
            datetime(day.year, day.month, day.day, 21, tzinfo=UTC),
        )
        for day in DAYS
    )


def history() -> History:
    absent = np.full(3, np.nan)
    return History(
        sessions=DAYS,
        spx_open=np.array([2867.23, 2832.74, 2832.41]),
        spx_high=np.array([2870.62, 2837.75, 2839.26]),
        spx_low=np.array([2851.48, 2818.27, 2813.04]),
        spx_close=np.array([2853.53, 2822.43, 2823.81]),
        vix_open=np.array([np.nan, 15.13, 14.20]),
        vix_close=np.array([13.84, 14.79, 13.54]),
        vix9d=absent,
        vix3m=absent,
        vvix=absent,
        rate_frac=absent,
    )


def instant(row: int, minute: float) -> datetime:
    return datetime(2018, 1, DAYS[row].day, 14, 30, tzinfo=UTC) + timedelta(minutes=minute)


def poison(column: FloatArray) -> FloatArray:
    return np.append(column[:2], 1e-6)


def walk(paths: IntradayPaths, row: int) -> list[tuple[float, float]]:
    instants = [instant(row, minute) for minute in range(-10, MINUTES + 20)]
    return [(paths.spx(row, at), paths.vix(row, at)) for at in instants]


def test_before_the_open_the_previous_close_stands() -> None:
    paths = IntradayPaths(history(), calendar(), seed=1)

    assert paths.spx(1, instant(1, -0.001)) == 2853.53
    assert paths.vix(1, instant(1, -0.001)) == 13.84


def test_the_session_begins_at_its_open() -> None:
    paths = IntradayPaths(history(), calendar(), seed=1)

    assert paths.spx(1, instant(1, 0)) == 2832.74
    assert paths.vix(1, instant(1, 0)) == pytest.approx(15.13, rel=1e-12)


@pytest.mark.parametrize("minute", [MINUTES, MINUTES + 10, MINUTES + 2000])
def test_from_the_cash_close_on_the_close_stands(minute: float) -> None:
    paths = IntradayPaths(history(), calendar(), seed=1)

    assert paths.spx(1, instant(1, minute)) == 2822.43
    assert paths.vix(1, instant(1, minute)) == 14.79


def test_a_vix_open_that_is_absent_follows_the_overnight_gap_of_spx() -> None:
    unknown = replace(history(), vix_open=np.full(3, np.nan))
    paths = IntradayPaths(unknown, calendar(), seed=1)

    opening = paths.vix(1, instant(1, 0))

    assert opening == pytest.approx(13.84 * (2832.74 / 2853.53) ** VIX_ELASTICITY, rel=1e-12)
    assert opening > 13.84


def test_the_first_session_has_no_earlier_close_and_stays_finite() -> None:
    paths = IntradayPaths(history(), calendar(), seed=1)

    assert paths.spx(0, instant(0, -1)) == 2867.23
    assert paths.vix(0, instant(0, -1)) == 13.84


def test_vix_before_its_first_close_is_refused() -> None:
    late = replace(history(), vix_close=np.array([np.nan, 14.79, 13.54]))
    paths = IntradayPaths(late, calendar(), seed=1)

    with pytest.raises(MarketDataError, match="VIX is unknown on 2018-01-29"):
        paths.vix(0, instant(0, 5))
    assert paths.vix(1, instant(1, -1)) == 14.79


@given(seed=st.integers(-(2**40), 2**40), row=st.integers(0, 2))
def test_spx_stays_in_the_range_of_the_day_and_vix_above_zero(seed: int, row: int) -> None:
    record = history()
    paths = IntradayPaths(record, calendar(), seed)

    inside = walk(paths, row)[10:]

    spx = [level for level, _ in inside]
    assert min(spx) >= record.spx_low[row] - 1e-9
    assert max(spx) <= record.spx_high[row] + 1e-9
    assert all(math.isfinite(vix) and vix > 0 for _, vix in inside)


@given(seed=st.integers(0, 2**40), row=st.integers(0, 2))
def test_spx_comes_within_a_minute_of_its_high_and_low(seed: int, row: int) -> None:
    record = history()

    spx = [level for level, _ in walk(IntradayPaths(record, calendar(), seed), row)[10:]]

    # No leg of the path is shorter than 5 % of the session, 19.5 minutes.
    slack = (record.spx_high[row] - record.spx_low[row]) / 19.5
    assert min(spx) <= record.spx_low[row] + slack
    assert max(spx) >= record.spx_high[row] - slack


@given(seed=st.integers(0, 2**40), row=st.integers(0, 2))
def test_vix_wanders_against_spx(seed: int, row: int) -> None:
    record = history()
    levels = np.log(np.array(walk(IntradayPaths(record, calendar(), seed), row)[10:-20]))

    elapsed = np.linspace(0, 1, len(levels), endpoint=False)[:, None]
    ends = np.log([[record.spx_close[row], record.vix_close[row]]])
    wandering = levels - levels[0] - elapsed * (ends - levels[0])

    np.testing.assert_allclose(wandering[:, 1], VIX_ELASTICITY * wandering[:, 0], atol=1e-9)


@given(
    seed=st.integers(0, 1000),
    queries=st.permutations([(row, minute) for row in range(3) for minute in (-5, 30, 200, 400)]),
)
def test_the_order_of_questions_changes_no_answer(
    seed: int, queries: list[tuple[int, int]]
) -> None:
    shuffled = IntradayPaths(history(), calendar(), seed)

    for row, minute in queries:
        fresh = IntradayPaths(history(), calendar(), seed)
        at = instant(row, minute)
        assert (shuffled.spx(row, at), shuffled.vix(row, at)) == (
            fresh.spx(row, at),
            fresh.vix(row, at),
        )


def test_a_poisoned_future_changes_nothing_before_it() -> None:
    record = history()
    poisoned = replace(
        record,
        spx_open=poison(record.spx_open),
        spx_high=poison(record.spx_high),
        spx_low=poison(record.spx_low),
        spx_close=poison(record.spx_close),
        vix_open=poison(record.vix_open),
        vix_close=poison(record.vix_close),
    )

    honest_walks = [walk(IntradayPaths(record, calendar(), 7), row) for row in (0, 1)]
    poisoned_walks = [walk(IntradayPaths(poisoned, calendar(), 7), row) for row in (0, 1)]

    assert poisoned_walks == honest_walks


def test_seeds_draw_different_paths() -> None:
    walks = {tuple(walk(IntradayPaths(history(), calendar(), seed), 1)) for seed in range(5)}

    assert len(walks) == 5


def test_the_low_mostly_comes_first_on_a_rising_day() -> None:
    level = np.array([100.0, 100.0, 100.0])
    rising = replace(
        history(),
        spx_open=level,
        spx_high=level + 2,
        spx_low=level - 2,
        spx_close=level + 1,
    )

    lows_first = 0
    for seed in range(400):
        spx = [spot for spot, _ in walk(IntradayPaths(rising, calendar(), seed), 1)[10:-20]]
        lows_first += int(np.argmin(spx)) < int(np.argmax(spx))

    # 75 % of 400 with four standard deviations of room.
    assert 265 <= lows_first <= 335
