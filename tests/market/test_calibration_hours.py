"""What chains within a session tell: from the model's own chains its parameters return."""

import dataclasses
from collections.abc import Callable
from datetime import UTC, date, datetime
from importlib.resources import files
from typing import Any

import numpy as np
import pytest

from market.calibration.chains import Snapshot
from market.calibration.fit import fit_hours, fit_under_way
from market.calibration.hours import trading_hours_shares, under_way_logs
from market.calibration.level import iv_at, iv_at_level
from market.family import complete_family
from market.history import builtin_history
from market.instruments import TradingClass
from market.listings import ListingRules, Listings
from market.model import ModelMarket
from market.sessions import SessionCalendar
from market.surface import Surface
from market.surface_params import SurfaceParams
from market.surface_term import BusinessTime

MORNINGS = tuple(datetime(2018, 5, day, 15, 0, tzinfo=UTC) for day in (15, 16, 17))

MarketOf = Callable[[SurfaceParams], ModelMarket]


@pytest.fixture(scope="module")
def params() -> SurfaceParams:
    return SurfaceParams.from_toml((files("config") / "surface.toml").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def calendar() -> SessionCalendar:
    return SessionCalendar.build(date(1990, 1, 1), date(2019, 12, 31))


@pytest.fixture(scope="module")
def market_of(calendar: SessionCalendar) -> MarketOf:
    """Return how to make the market of the built-in history under any parameters."""
    rules_text = (files("config") / "listings.toml").read_text(encoding="utf-8")
    listings = Listings(ListingRules.from_toml(rules_text), calendar)
    history = builtin_history()

    def made(params: SurfaceParams) -> ModelMarket:
        family = complete_family(history, params.family)
        return ModelMarket(history, calendar, listings, Surface(params), family, seed=7)

    return made


def snapshots(market: ModelMarket, calendar: SessionCalendar) -> list[Snapshot]:
    """Return three mornings with the model's chains of that day and the next session."""
    strikes = np.arange(2550.0, 2850.0, 5.0)
    found = []
    for at in MORNINGS:
        chains = tuple(
            market.chain_on_forward((TradingClass.SPXW, expiry), at, 2720.0, strikes)
            for expiry in (at.date(), calendar.next(at.date()))
        )
        found.append(Snapshot(f"{at}", "SPX", at, 2720.0, False, chains, {}))
    return found


def with_term(params: SurfaceParams, **changes: Any) -> SurfaceParams:
    return dataclasses.replace(params, spx_term=dataclasses.replace(params.spx_term, **changes))


def test_same_day_options_tell_the_share_of_the_trading_hours(
    params: SurfaceParams, calendar: SessionCalendar, market_of: MarketOf
) -> None:
    truth = with_term(params, trading_hours_share=0.6)
    sample = snapshots(market_of(truth), calendar)
    business = BusinessTime(calendar, (), params.spx_term)

    shares = trading_hours_shares(params.spx_term, business, calendar, sample)
    fitted = fit_hours(params, business, calendar, sample)

    assert shares == pytest.approx([0.6] * 3, rel=0.02)
    assert fitted == with_term(params, trading_hours_share=float(np.median(shares)))


def test_without_chains_within_a_session_nothing_is_fitted(
    params: SurfaceParams, calendar: SessionCalendar, market_of: MarketOf
) -> None:
    business = BusinessTime(calendar, (), params.spx_term)

    assert fit_hours(params, business, calendar, []) == params
    assert fit_under_way(params, market_of, calendar, []) == params


def test_the_level_of_the_next_session_within_one_is_found_again(
    params: SurfaceParams, calendar: SessionCalendar, market_of: MarketOf
) -> None:
    truth = with_term(params, under_way_log=0.10)
    start = with_term(params, under_way_log=0.0)
    sample = snapshots(market_of(truth), calendar)

    logs = under_way_logs(market_of(start), calendar, sample)
    fitted = fit_under_way(start, market_of, calendar, sample)

    assert logs == pytest.approx([0.10] * 3, rel=0.05)
    assert fitted.spx_term.under_way_log == pytest.approx(0.10, rel=0.05)


def test_on_another_level_a_smile_keeps_its_shape_by_sds(
    params: SurfaceParams, calendar: SessionCalendar, market_of: MarketOf
) -> None:
    market = market_of(params)
    chain = snapshots(market, calendar)[0].chains[1]
    forward = np.array([chain.forward])
    atm_iv = float(iv_at(market, chain, forward)[0])
    near, far = np.array([2680.0]), 2720.0 * (np.array([2680.0]) / 2720.0) ** 2

    doubled = iv_at_level(market, chain, np.append(forward, far), 2.0 * atm_iv)

    assert doubled[0] == pytest.approx(2.0 * atm_iv)
    assert doubled[1] == pytest.approx(2.0 * float(iv_at(market, chain, near)[0]))
