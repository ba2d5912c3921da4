"""Real chains quoted where the history's spot is not: the levels move along with the forward."""

import dataclasses
import math
from datetime import UTC, date, datetime
from importlib.resources import files

import numpy as np
import pytest

from market.calibration.chains import Snapshot
from market.calibration.evaluation import evaluate
from market.calibration.standing import levels_of, moved
from market.family import Eve, VolState, complete_family
from market.history import builtin_history
from market.instruments import TradingClass
from market.listings import ListingRules, Listings
from market.model import ModelMarket
from market.sessions import SessionCalendar
from market.surface import Surface
from market.surface_params import SurfaceParams

KEY = (TradingClass.SPXW, date(2018, 5, 16))
EVENING = datetime(2018, 5, 15, 20, 15, tzinfo=UTC)
NIGHT = datetime(2018, 5, 16, 10, 45, tzinfo=UTC)
NOON = datetime(2018, 5, 15, 16, 0, tzinfo=UTC)
STRIKES = np.arange(2500.0, 2900.0, 5.0)


@pytest.fixture(scope="module")
def params() -> SurfaceParams:
    return SurfaceParams.from_toml((files("config") / "surface.toml").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def calendar() -> SessionCalendar:
    return SessionCalendar.build(date(1990, 1, 1), date(2019, 12, 31))


@pytest.fixture(scope="module")
def market(params: SurfaceParams, calendar: SessionCalendar) -> ModelMarket:
    rules_text = (files("config") / "listings.toml").read_text(encoding="utf-8")
    listings = Listings(ListingRules.from_toml(rules_text), calendar)
    history = builtin_history()
    family = complete_family(history, params.family)
    return ModelMarket(history, calendar, listings, Surface(params), family, seed=7)


def snapshot(
    market: ModelMarket, at: datetime, spx_log_move: float, vol: VolState | None = None
) -> Snapshot:
    """Return a snapshot of one expiry whose parity forward lies elsewhere than the model's."""
    forward = market.forward(KEY, at) * math.exp(spx_log_move)
    chain = market.chain_on_forward(KEY, at, forward, STRIKES, vol)
    return Snapshot("night", "SPX", at, 2700.0, True, (chain,), {})


def test_the_family_follows_vix_and_vix1d_moves_as_its_inference_would(
    params: SurfaceParams,
) -> None:
    term = dataclasses.replace(params.spx_term, one_session_power=0.5, vix_change_power=0.4)
    params = dataclasses.replace(params, spx_term=term)
    eve = Eve(range_log=0.1, week_range_log=0.2, vix_change_log=0.05, weekday=3)
    vol = VolState(20.0, 21.0, 22.0, 23.0, 100.0, 19.0, vix1d=18.0, skew=140.0, eve=eve)

    after = moved(vol, 0.10, params)

    assert (after.skew, after.vix_year_mean) == (140.0, 19.0)
    assert after.vix == pytest.approx(20.0 * math.exp(0.10))
    assert after.vix9d == pytest.approx(21.0 * math.exp(0.150))
    assert after.vix3m == pytest.approx(22.0 * math.exp(0.060))
    assert after.vix6m == pytest.approx(23.0 * math.exp(0.0413))
    assert after.vvix == pytest.approx(100.0 * math.exp(0.057))
    assert after.vix1d == pytest.approx(18.0 * math.exp(0.10 * (1.5 + 0.5 * 0.5 + 0.4)))
    assert after.eve is not None
    assert after.eve.vix_change_log == pytest.approx(0.15)


def test_a_forward_that_fell_in_the_night_comes_with_a_higher_vix(
    market: ModelMarket, calendar: SessionCalendar
) -> None:
    found = levels_of(market, calendar, snapshot(market, NIGHT, -0.02))

    assert found is not None
    assert found.vix == pytest.approx(market.vol_state(NIGHT).vix * math.exp(4.3 * 0.02))


def test_within_a_session_vix_mirrors_where_spx_really_stood(
    market: ModelMarket, calendar: SessionCalendar
) -> None:
    found = levels_of(market, calendar, snapshot(market, NOON, 0.01))

    assert found is not None
    assert found.vix == pytest.approx(market.vol_state(NOON).vix * math.exp(-5.8 * 0.01))


def test_a_crash_against_an_old_spot_moves_vix_by_a_bounded_part(
    market: ModelMarket, calendar: SessionCalendar
) -> None:
    found = levels_of(market, calendar, snapshot(market, NIGHT, -0.30))

    assert found is not None
    assert found.vix == pytest.approx(market.vol_state(NIGHT).vix * math.e)


def test_closing_quotes_and_vix_chains_keep_the_recorded_levels(
    market: ModelMarket, calendar: SessionCalendar
) -> None:
    closing = snapshot(market, EVENING, -0.02)
    vix = dataclasses.replace(snapshot(market, NIGHT, -0.02), underlying="VIX")
    without_chains = dataclasses.replace(closing, chains=())

    assert [levels_of(market, calendar, one) for one in (closing, vix, without_chains)] == [
        None,
        None,
        None,
    ]


def test_a_night_that_moved_as_usual_is_met_without_error(
    market: ModelMarket, calendar: SessionCalendar, params: SurfaceParams
) -> None:
    vol = moved(market.vol_state(NIGHT), 4.3 * 0.015, params)

    (found,) = evaluate(market, calendar, [snapshot(market, NIGHT, -0.015, vol)])

    assert len(found.judged) > 10
    assert np.abs(found.judged).max() < 1e-6


def test_a_snapshot_of_puts_alone_is_left_out_in_one_sentence(
    market: ModelMarket, calendar: SessionCalendar
) -> None:
    puts = dataclasses.replace(
        snapshot(market, NIGHT, 0.0),
        chains=(),
        left_out={"trades no more": 1, "no strike with both sides quoted": 3},
    )

    (found,) = evaluate(market, calendar, [puts])

    assert found.skipped == (
        "no expiry could be used (no strike with both sides quoted: 3; trades no more: 1)"
    )
