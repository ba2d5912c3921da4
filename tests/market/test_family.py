"""The volatility family: recorded values kept, holes inferred, the future unseen."""

import dataclasses
from datetime import date, timedelta
from importlib.resources import files
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from market.errors import ConfigError
from market.family import Eve, FamilyParams, VolState, complete_family
from market.history import History, load_history
from market.quotes import FloatArray
from market.sessions import SessionCalendar
from market.surface_params import SurfaceParams

NAN = float("nan")


@pytest.fixture(scope="module")
def params() -> FamilyParams:
    text = (files("config") / "surface.toml").read_text(encoding="utf-8")
    return SurfaceParams.from_toml(text).family


def history_of(
    vix: list[float] | FloatArray,
    vix9d: list[float] | None = None,
    vix3m: list[float] | None = None,
    vix6m: list[float] | None = None,
) -> History:
    """Return a history with SPX at 100 and the given volatility columns."""
    count = len(vix)
    absent, flat = np.full(count, NAN), np.full(count, 100.0)
    return History(
        sessions=tuple(date(2018, 1, 1) + timedelta(days=n) for n in range(count)),
        spx_open=flat,
        spx_high=flat,
        spx_low=flat,
        spx_close=flat,
        vix_open=absent,
        vix_close=np.array(vix, dtype=np.float64),
        vix9d=absent if vix9d is None else np.array(vix9d),
        vix3m=absent if vix3m is None else np.array(vix3m),
        vix6m=None if vix6m is None else np.array(vix6m),
        vvix=absent,
        rate_frac=absent,
    )


def test_recorded_values_stay_and_only_holes_are_inferred(params: FamilyParams) -> None:
    history = history_of([12.0, 13.0, 14.0], vix9d=[10.5, NAN, 12.5])

    family = complete_family(history, params)

    assert family.vix9d[[0, 2]].tolist() == [10.5, 12.5]
    assert 9.0 < family.vix9d[1] < 14.0
    assert family.is_modelled["vix9d"].tolist() == [False, True, False]
    assert dict(family.provenance) == dict.fromkeys(("vix9d", "vix3m", "vix6m", "vvix"), "modelled")


def test_a_series_without_holes_is_real(params: FamilyParams) -> None:
    history = history_of([12.0, 13.0], vix3m=[14.0, 15.0])

    family = complete_family(history, params)

    assert family.provenance["vix3m"] == "real"
    assert not family.is_modelled["vix3m"].any()


def test_a_missing_vix6m_stands_beside_the_recorded_vix3m(params: FamilyParams) -> None:
    usual = complete_family(history_of([18.0] * 2), params)
    high = complete_family(history_of([18.0] * 2, vix3m=[25.0] * 2), params)

    assert high.vix6m / high.vix3m == pytest.approx(usual.vix6m / usual.vix3m)


def test_a_recorded_vix6m_is_used_as_it_is(params: FamilyParams) -> None:
    family = complete_family(history_of([12.0, 13.0], vix6m=[15.5, NAN]), params)

    assert family.vix6m[0] == 15.5
    assert family.is_modelled["vix6m"].tolist() == [False, True]


def test_a_vix_that_rests_at_18_gives_the_offsets_of_the_parameters(params: FamilyParams) -> None:
    family = complete_family(history_of([18.0] * 300), params)

    last = family.at_close(299)
    vix9d = 18.0 * np.exp(params.vix9d.offset)
    vix3m = 18.0 * np.exp(params.vix3m.offset)
    vix6m = vix3m * np.exp(params.vix6m.offset)
    vvix = 90.0 * np.exp(params.vvix.offset)
    levels = (last.vix, last.vix9d, last.vix3m, last.vix6m, last.vvix, last.vix_year_mean)
    assert levels == pytest.approx((18.0, vix9d, vix3m, vix6m, vvix, 18.0))
    assert (last.vix1d, last.skew) == (None, None)


def test_the_eve_knows_how_far_spx_moved_and_vix_changed(params: FamilyParams) -> None:
    history = history_of([16.0] * 5 + [20.0], vix9d=[16.0] * 6)
    # Parkinson: a range of 16 % / sqrt(252 / (4 ln 2)) a day is a vol of 16 %.
    daily = 0.16 / np.sqrt(252 / (4 * np.log(2)))
    high = np.where(np.arange(6) == 5, 100.0 * np.exp(2 * daily), 100.0 * np.exp(daily))
    family = complete_family(dataclasses.replace(history, spx_high=high), params)

    eve = family.at_close(5).eve

    assert eve is not None
    assert eve.range_log == pytest.approx(np.log(2))
    assert eve.week_range_log == pytest.approx(0.5 * np.log((4 * 1 + 4) / 5))
    assert eve.vix_change_log == pytest.approx(np.log(20 / 16))
    assert eve.weekday == (date(2018, 1, 7).weekday()) % 5


def test_a_session_without_range_counts_as_a_quiet_one(params: FamilyParams) -> None:
    family = complete_family(history_of([18.0] * 10), params)

    assert family.at_close(9).eve == Eve(-1.2, -1.2, 0.0, 3)


def test_a_jump_of_vix_inverts_the_family(params: FamilyParams) -> None:
    calm_then_shock = [11.0] * 260 + [37.0]

    family = complete_family(history_of(calm_then_shock), params)

    calm, shock = family.at_close(259), family.at_close(260)
    assert calm.vix9d < calm.vix < calm.vix3m
    assert shock.vix9d > shock.vix > shock.vix3m
    assert shock.vvix > 1.5 * calm.vvix


def test_the_year_mean_takes_at_most_252_closes(params: FamilyParams) -> None:
    closes = np.arange(1.0, 401.0)

    family = complete_family(history_of(closes), params)

    assert family.vix_year_mean[[0, 1, 251, 252, 399]].tolist() == [1.0, 1.5, 126.5, 127.5, 274.5]


def test_rows_before_the_first_vix_are_unknown_and_count_for_nothing(params: FamilyParams) -> None:
    family = complete_family(history_of([NAN, NAN, 20.0, 22.0]), params)

    assert np.isnan(family.vix9d[:2]).all()
    assert family.vix_year_mean[2:].tolist() == [20.0, 21.0]
    assert family.is_modelled["vvix"].tolist() == [False, False, True, True]


@given(hnp.arrays(np.float64, 300, elements=st.floats(9.0, 90.0)), st.integers(0, 298))
def test_no_row_sees_its_future(params: FamilyParams, closes: FloatArray, today: int) -> None:
    poisoned = closes.copy()
    poisoned[today + 1 :] = 1e6

    seen = complete_family(history_of(closes), params)
    other = complete_family(history_of(poisoned), params)

    assert seen.at_close(today) == other.at_close(today)


def test_within_a_session_the_family_follows_vix_by_its_elasticities(params: FamilyParams) -> None:
    family = complete_family(history_of([15.0] * 30), params)
    close = family.at_close(29)

    moved = family.after_close(29, 30.0)

    assert moved.vix == 30.0
    assert moved.vix9d == pytest.approx(close.vix9d * 2.0**params.vix9d.daily_elasticity)
    assert moved.vix3m == pytest.approx(close.vix3m * 2.0**params.vix3m.daily_elasticity)
    assert moved.vix6m == pytest.approx(close.vix6m * 2.0**params.vix6m.daily_elasticity)
    assert moved.vix_year_mean == close.vix_year_mean


@pytest.mark.parametrize("level", [0.0, -3.0, NAN, float("inf")])
def test_an_impossible_level_is_refused_at_birth(level: float) -> None:
    with pytest.raises(ValueError, match="positive and finite"):
        VolState(vix=level, vix9d=15.0, vix3m=17.0, vix6m=18.0, vvix=90.0, vix_year_mean=16.0)


def test_a_parameter_that_is_no_number_is_named_in_the_error() -> None:
    text = (files("config") / "surface.toml").read_text(encoding="utf-8")
    broken = text.replace("offset = 0.0937", 'offset = "high"')

    with pytest.raises(ConfigError, match=r"mine\.toml: \[family\.vix3m\] offset must be a number"):
        SurfaceParams.from_toml(broken, "mine.toml")


def test_inferred_members_stand_close_to_the_recorded_ones(
    params: FamilyParams, data_folder: Path
) -> None:
    calendar = SessionCalendar.build(date(1990, 1, 1), date(2027, 12, 31))
    history = load_history(data_folder, calendar)
    absent = np.full(len(history.sessions), NAN)
    blind = dataclasses.replace(history, vix9d=absent, vix3m=absent, vix6m=None, vvix=absent)

    family = complete_family(blind, params)

    def median_error(inferred: FloatArray, recorded: FloatArray) -> float:
        return float(np.nanmedian(np.abs(inferred / recorded - 1.0)))

    assert median_error(family.vix9d, history.vix9d) < 0.06
    assert median_error(family.vix3m, history.vix3m) < 0.035
    assert history.vix6m is not None
    assert median_error(family.vix6m, history.vix6m) < 0.045
    assert median_error(family.vvix, history.vvix) < 0.11
