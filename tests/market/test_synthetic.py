from collections.abc import Callable
from datetime import date
from importlib.resources import files

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from market.errors import NoSuchSession
from market.history import History
from market.quotes import FloatArray
from market.sessions import SessionCalendar
from market.synthetic import SyntheticPaths, synthetic_history, synthetic_paths
from market.synthetic_params import SyntheticParams

FIRST, LAST = date(1998, 1, 2), date(2027, 12, 31)
COLUMNS = ("spx_open", "spx_high", "spx_low", "spx_close", "vix_open", "vix_close")
PARAMS = SyntheticParams.from_toml((files("config") / "synthetic.toml").read_text(encoding="utf-8"))
RECORD_SESSIONS = 9261


@pytest.fixture(scope="module")
def calendar() -> SessionCalendar:
    return SessionCalendar.build(FIRST, LAST)


@pytest.fixture(scope="module")
def records() -> SyntheticPaths:
    """Thirty markets as long as the record of 1990-2026."""
    return synthetic_paths(30, RECORD_SESSIONS, 0, PARAMS, start_spx=360.0, start_vix=17.0)


def drawn(
    calendar: SessionCalendar, last: date, seed: int, *, spx: float = 2500.0, vix: float = 16.0
) -> History:
    return synthetic_history(calendar, FIRST, last, seed, PARAMS, start_spx=spx, start_vix=vix)


def columns(market: History | SyntheticPaths) -> FloatArray:
    return np.array([getattr(market, name) for name in COLUMNS])


@settings(deadline=None, max_examples=25)
@given(seed=st.integers(-(2**63), 2**63), short=st.integers(1, 400), more=st.integers(0, 400))
def test_a_longer_horizon_extends_a_shorter_one_exactly(
    calendar: SessionCalendar, seed: int, short: int, more: int
) -> None:
    near, far = calendar.dates[short - 1], calendar.dates[short + more - 1]

    shorter, longer = drawn(calendar, near, seed), drawn(calendar, far, seed)

    assert shorter.sessions == longer.sessions[:short]
    np.testing.assert_array_equal(columns(shorter), columns(longer)[:, :short])


@settings(deadline=None, max_examples=15)
@given(
    first_seed=st.integers(-20, 2**63),
    count=st.integers(1, 6),
    sessions=st.integers(1, 300),
    start_vix=st.floats(9.5, 80.0),
)
def test_each_of_many_paths_is_the_history_of_its_seed(
    calendar: SessionCalendar, first_seed: int, count: int, sessions: int, start_vix: float
) -> None:
    last = calendar.dates[sessions - 1]

    paths = synthetic_paths(count, sessions, first_seed, PARAMS, start_vix=start_vix)

    histories = [
        columns(drawn(calendar, last, first_seed + row, vix=start_vix)) for row in range(count)
    ]
    assert paths.first_seed == first_seed
    np.testing.assert_array_equal(columns(paths), np.stack(histories, axis=1))


def test_the_same_seed_draws_the_same_market_and_another_seed_another(
    calendar: SessionCalendar,
) -> None:
    once, again, other = (columns(drawn(calendar, date(1998, 12, 31), seed)) for seed in (3, 3, -3))

    np.testing.assert_array_equal(once, again)
    assert (once != other).mean() > 0.9


def test_bars_are_whole_and_rounded_to_hundredths(records: SyntheticPaths) -> None:
    bodies = np.array([records.spx_open, records.spx_close])
    assert (records.spx_low > 0).all()
    assert (records.spx_high >= bodies.max(axis=0)).all()
    assert (records.spx_low <= bodies.min(axis=0)).all()
    for column in columns(records):
        np.testing.assert_array_equal(column, np.round(column, 2))


def test_vix_stays_between_its_bounds(records: SyntheticPaths) -> None:
    for column in (records.vix_open, records.vix_close):
        assert column.min() >= 9
        assert column.max() <= 90


def moves(records: SyntheticPaths) -> tuple[FloatArray, FloatArray]:
    """Return the log returns of SPX and the log changes of VIX, paths × sessions."""
    return np.diff(np.log(records.spx_close)), np.diff(np.log(records.vix_close))


def over_paths(fact: Callable[..., float], *series: FloatArray) -> float:
    """Return the median over paths of a figure of one path."""
    return float(np.median([fact(*rows) for rows in zip(*series, strict=True)]))


def correlation(left: FloatArray, right: FloatArray) -> float:
    return float(np.corrcoef(left, right)[0, 1])


def lagged(sessions: int) -> Callable[[FloatArray, FloatArray], float]:
    """Return how one series goes with another one so many sessions later."""
    return lambda early, late: correlation(early[:-sessions], late[sessions:])


# The bands below stand around the figures of SPX and VIX from 1990-01-02 to 2026-10-09, which are
# named beside them.


def test_returns_have_fat_tails(records: SyntheticPaths) -> None:
    returns, _ = moves(records)

    def fourth_moment(row: FloatArray) -> float:
        return float(((row - row.mean()) ** 4).mean() / row.var() ** 2)

    assert 9 <= over_paths(fourth_moment, returns) <= 22  # 13.9
    assert 0.15 <= over_paths(np.std, returns) * np.sqrt(252) <= 0.21  # 0.18
    for size, recorded in ((0.01, 0.255), (0.02, 0.065), (0.03, 0.0224), (0.04, 0.0092)):
        assert recorded * 0.7 <= (np.abs(returns) > size).mean() <= recorded * 1.4


def test_volatility_clusters_for_months(records: SyntheticPaths) -> None:
    sizes = np.abs(moves(records)[0])

    assert 0.22 <= over_paths(lagged(1), sizes, sizes) <= 0.38  # 0.27
    assert 0.10 <= over_paths(lagged(21), sizes, sizes) <= 0.25  # 0.20
    assert 0.04 <= over_paths(lagged(63), sizes, sizes) <= 0.17  # 0.12


def test_losses_are_followed_by_larger_moves(records: SyntheticPaths) -> None:
    returns, _ = moves(records)

    assert -0.17 <= over_paths(lagged(1), returns, np.abs(returns)) <= -0.07  # -0.12
    assert -0.13 <= over_paths(lagged(5), returns, np.abs(returns)) <= -0.04  # -0.08
    assert abs(over_paths(lagged(1), returns, returns)) <= 0.02


def test_vix_reverts_within_months_and_not_at_once(records: SyntheticPaths) -> None:
    log_vix = np.log(records.vix_close)

    assert 0.970 <= over_paths(lagged(1), log_vix, log_vix) <= 0.985  # 0.980
    assert 0.72 <= over_paths(lagged(21), log_vix, log_vix) <= 0.85  # 0.80
    assert 0.48 <= over_paths(lagged(63), log_vix, log_vix) <= 0.70  # 0.62
    assert 0.10 <= over_paths(lagged(252), log_vix, log_vix) <= 0.45  # 0.36


def test_vix_leaps_when_spx_falls(records: SyntheticPaths) -> None:
    returns, vix_moves = moves(records)
    points = np.diff(records.vix_close)
    bad, very_bad, good = returns < -0.02, returns < -0.03, returns > 0.02

    assert -0.75 <= over_paths(correlation, returns, vix_moves) <= -0.64  # -0.71
    assert 0.062 <= over_paths(np.std, vix_moves) <= 0.074  # 0.068
    assert 0.12 <= vix_moves[bad].mean() <= 0.17  # 0.14
    assert 0.15 <= vix_moves[very_bad].mean() <= 0.23  # 0.18
    assert -0.11 <= vix_moves[good].mean() <= -0.07  # -0.10
    assert 1.1 <= (points[bad] / (-100 * returns[bad])).mean() <= 1.5  # 1.28 points per 1 %


def test_vix_is_spread_as_on_record(records: SyntheticPaths) -> None:
    vix = records.vix_close

    recorded = {0.05: 11.44, 0.25: 14.0, 0.5: 17.58, 0.75: 22.68, 0.95: 32.91, 0.99: 46.71}
    for share, level in recorded.items():
        assert level * 0.88 <= np.quantile(vix, share) <= level * 1.12
    assert 0.28 <= (vix > 20).mean() <= 0.45  # 0.370
    assert 0.05 <= (vix > 30).mean() <= 0.12  # 0.079
    assert 0.010 <= (vix > 40).mean() <= 0.040  # 0.022


@pytest.mark.parametrize(
    ("least", "most", "recorded"),
    [(0, 15, 0.70), (15, 20, 0.76), (20, 30, 0.82), (30, 100, 1.02)],
)
def test_spx_moves_less_than_vix_says_and_the_more_so_in_calm(
    records: SyntheticPaths, least: float, most: float, recorded: float
) -> None:
    returns, vix = moves(records)[0], records.vix_close[:, :-1]
    within = (vix >= least) & (vix < most)

    realised = np.sqrt((returns[within] ** 2).mean() * 252) * 100
    ratio = realised / np.sqrt((vix[within] ** 2).mean())

    assert recorded - 0.08 <= ratio <= recorded + 0.12


@pytest.mark.parametrize(("start_spx", "start_vix"), [(7000.0, 30.0), (900.0, 11.0)])
def test_the_market_starts_where_it_is_told(start_spx: float, start_vix: float) -> None:
    paths = synthetic_paths(500, 5, 0, PARAMS, start_spx=start_spx, start_vix=start_vix)

    spx_moves = np.log(paths.spx_close[:, 0] / start_spx)
    assert np.median(paths.vix_close[:, 0]) == pytest.approx(start_vix, rel=0.03)
    assert np.median(paths.spx_close[:, 0]) == pytest.approx(start_spx, rel=0.005)
    assert 0.6 <= spx_moves.std() * np.sqrt(252) * 100 / start_vix <= 1.1


def test_a_high_vix_falls_and_a_low_one_rises_within_the_year() -> None:
    high, low = (
        np.median(synthetic_paths(500, 252, 0, PARAMS, start_vix=start).vix_close, axis=0)
        for start in (45.0, 10.0)
    )

    assert high[0] > high[20] > high[62] > high[-1]
    assert low[0] < low[62] < low[-1]
    assert 14 <= low[-1] < high[-1] <= 26


def test_everything_drawn_is_called_synthetic_and_the_rest_absent(
    calendar: SessionCalendar,
) -> None:
    history = drawn(calendar, date(1998, 3, 31), 0)

    kinds = {name: kind for name, kind in history.provenance.items() if kind != "absent"}
    assert kinds == {"spx": "synthetic", "vix": "synthetic"}
    assert history.source == "synthetic market, seed 0"
    assert np.isnan(history.rate_frac).all()
    assert np.isnan(history.vix9d).all()


def test_a_range_without_sessions_is_refused(calendar: SessionCalendar) -> None:
    with pytest.raises(NoSuchSession, match="no trading session from 1998-01-03 to 1998-01-04"):
        synthetic_history(calendar, date(1998, 1, 3), date(1998, 1, 4), 1, PARAMS)


@pytest.mark.parametrize(("count", "sessions"), [(0, 5), (5, 0)])
def test_no_paths_or_no_sessions_are_refused(count: int, sessions: int) -> None:
    with pytest.raises(ValueError, match="must be at least 1"):
        synthetic_paths(count, sessions, 1, PARAMS)
