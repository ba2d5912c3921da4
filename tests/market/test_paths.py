import math
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from market.errors import MarketDataError
from market.history import History
from market.minutes import BarFile, MinuteBars
from market.paths import VIX_ELASTICITY, VIX_WANDER_ELASTICITY, IntradayPaths
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


@given(seed=st.integers(-(2**40), 2**40), row=st.integers(0, 2))
def test_open_high_low_and_close_are_hit_exactly(seed: int, row: int) -> None:
    record = history()

    spx = [level for level, _ in walk(IntradayPaths(record, calendar(), seed), row)[10:]]

    assert (spx[0], max(spx), min(spx), spx[-1]) == (
        record.spx_open[row],
        record.spx_high[row],
        record.spx_low[row],
        record.spx_close[row],
    )


@given(seed=st.integers(0, 2**40))
def test_a_day_that_never_moved_stands_still(seed: int) -> None:
    level = np.full(3, 100.0)
    flat = replace(history(), spx_open=level, spx_high=level, spx_low=level, spx_close=level.copy())

    spx = {level for level, _ in walk(IntradayPaths(flat, calendar(), seed), 1)[10:]}

    assert spx == {100.0}


def test_vix_wanders_against_spx_as_much_as_it_did_on_hourly_bars() -> None:
    record, noon = history(), instant(1, MINUTES / 2)
    half = np.log([[2832.74, 15.13], [2822.43, 14.79]]).mean(axis=0)

    paths = (IntradayPaths(record, calendar(), seed) for seed in range(3000))
    logs = np.log(np.array([[path.spx(1, noon), path.vix(1, noon)] for path in paths])) - half

    slope = np.polyfit(logs[:, 0], logs[:, 1], 1)[0]
    rest = logs[:, 1] - VIX_WANDER_ELASTICITY * logs[:, 0]
    # A bridge of standard deviation 0.053 over the session has half of that in its middle; the
    # shelf holds 256 bridges, so a sample of its own spread is met within 15 %.
    assert slope == pytest.approx(VIX_WANDER_ELASTICITY, abs=0.6)
    assert rest.std() == pytest.approx(0.053 / 2, rel=0.15)
    assert np.corrcoef(logs.T)[0, 1] < -0.3


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

    # 88 % of 400 with four standard deviations of room.
    assert 326 <= lows_first <= 378


def bar_file(bar_minutes: int, bars: list[tuple[int, float, float, float, float]]) -> BarFile:
    """Return bars of Tuesday: minutes after the open, then open, high, low, close."""
    starts = np.array([9 * 60 + 30 + bar[0] for bar in bars])
    days = np.full(len(bars), DAYS[1].toordinal())
    return BarFile(bar_minutes, days, starts, np.array([bar[1:] for bar in bars]).T)


def five_minute_bars() -> BarFile:
    levels = np.linspace(2832.74, 2820.0, 78)
    return bar_file(5, [(5 * n, x, x + 1, x - 1, x) for n, x in enumerate(levels)])


def test_five_minute_bars_stand_until_the_next_one_opens() -> None:
    recorded = replace(history(), minutes=MinuteBars((five_minute_bars(),)))
    paths = IntradayPaths(recorded, calendar(), seed=1)
    levels = np.linspace(2832.74, 2820.0, 78)

    seen = [paths.spx(1, instant(1, minute)) for minute in (0, 5, 9.99, 10, 389, 390)]

    assert seen == [2832.74, levels[1], levels[1], levels[2], levels[77], 2822.43]


def test_what_a_bar_does_later_changes_nothing_before_it_opens() -> None:
    honest = five_minute_bars()
    levels = honest.levels.copy()
    levels[:, 40:] -= 3.0
    poisoned = BarFile(5, honest.days, honest.minutes, levels)

    walks = []
    for file in (honest, poisoned):
        recorded = replace(history(), minutes=MinuteBars((file,)))
        paths = IntradayPaths(recorded, calendar(), seed=1)
        walks.append([paths.spx(1, instant(1, minute)) for minute in range(390)])

    assert walks[0][:200] == walks[1][:200]
    assert walks[0][200:] != walks[1][200:]


def hourly_bars() -> BarFile:
    levels = [2832.74, 2830.0, 2825.0, 2819.0, 2821.0, 2826.0, 2824.0, 2822.0]
    return bar_file(
        60,
        [
            (60 * n, first, max(first, last) + 2, min(first, last) - 0.5, last)
            for n, (first, last) in enumerate(pairwise(levels))
        ],
    )


@given(seed=st.integers(0, 1000))
def test_hourly_bars_are_met_at_their_open_and_run_through_their_extremes(seed: int) -> None:
    recorded = replace(history(), minutes=MinuteBars((hourly_bars(),)))
    paths = IntradayPaths(recorded, calendar(), seed=seed)

    hour = [paths.spx(1, instant(1, 60 + minute)) for minute in range(61)]

    assert (hour[0], max(hour), min(hour), hour[60]) == (2830.0, 2832.0, 2824.5, 2825.0)


def test_vix_runs_through_its_hourly_bars() -> None:
    hours = [(30 + 60 * n, x, x, x, x) for n, x in enumerate([15.5, 15.9, 15.0, 14.9, 14.8, 14.7])]
    minutes = MinuteBars((five_minute_bars(),), (bar_file(60, hours),))
    paths = IntradayPaths(replace(history(), minutes=minutes), calendar(), seed=1)

    seen = [paths.vix(1, instant(1, minute)) for minute in (0, 30, 90, 330, 390)]

    assert seen == pytest.approx([15.13, 15.5, 15.9, 14.7, 14.79], rel=1e-12)


def test_bars_of_another_day_are_not_believed() -> None:
    stray = bar_file(5, [(5 * n, 2900.0, 2901.0, 2899.0, 2900.0) for n in range(78)])
    recorded = replace(history(), minutes=MinuteBars((stray,)))

    modelled, refused = (IntradayPaths(each, calendar(), 1) for each in (history(), recorded))

    assert walk(refused, 1) == walk(modelled, 1)


def test_days_without_bars_are_modelled() -> None:
    recorded = replace(history(), minutes=MinuteBars((five_minute_bars(),)))

    modelled, mixed = (IntradayPaths(each, calendar(), 1) for each in (history(), recorded))

    assert walk(mixed, 0) == walk(modelled, 0)
    assert walk(mixed, 1) != walk(modelled, 1)
