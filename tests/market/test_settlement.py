"""Settlement values of every class: twins of one date, half days, recorded and drawn VIX values."""

import dataclasses
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from importlib.resources import files
from pathlib import Path

import numpy as np
import pytest

from market.family import complete_family
from market.history import History, VxTable, builtin_history, load_history
from market.history_files import VxColumns
from market.instruments import OptionContract, Right, TradingClass
from market.listings import ListingRules, Listings
from market.model import ModelMarket
from market.sessions import SessionCalendar
from market.settlement import modelled_vix_settlement
from market.surface import Surface
from market.surface_params import SurfaceParams

SPX, SPXW, VIX = TradingClass.SPX, TradingClass.SPXW, TradingClass.VIX
THIRD_FRIDAY = date(2018, 2, 16)
BLACK_FRIDAY = date(2018, 11, 23)
FEBRUARY, MARCH, APRIL = date(2018, 2, 14), date(2018, 3, 21), date(2018, 4, 18)

Build = Callable[[History], ModelMarket]


@pytest.fixture(scope="module")
def calendar() -> SessionCalendar:
    return SessionCalendar.build(date(1990, 1, 1), date(2027, 12, 31))


@pytest.fixture(scope="module")
def build(calendar: SessionCalendar) -> Build:
    """Return how to make a market of a history, everything else as shipped."""
    shipped = files("config")
    rules = ListingRules.from_toml((shipped / "listings.toml").read_text(encoding="utf-8"))
    params = SurfaceParams.from_toml((shipped / "surface.toml").read_text(encoding="utf-8"))

    def market_of(history: History) -> ModelMarket:
        family = complete_family(history, params.family)
        listings = Listings(rules, calendar)
        return ModelMarket(history, calendar, listings, Surface(params), family, seed=7)

    return market_of


@pytest.fixture(scope="module")
def market(build: Build) -> ModelMarket:
    return build(builtin_history())


def test_the_twins_of_a_third_friday_stop_and_settle_apart(
    market: ModelMarket, calendar: SessionCalendar
) -> None:
    # 2018-02-16: SPX opened at 2727.14 and closed at 2732.22.
    values = [market.settlement_points(each, THIRD_FRIDAY) for each in (SPX, SPXW)]

    assert values == [Decimal("2727.14"), Decimal("2732.22")]
    assert calendar.trading_ends_at(SPX, THIRD_FRIDAY) == datetime(2018, 2, 15, 21, 15, tzinfo=UTC)
    assert calendar.trading_ends_at(SPXW, THIRD_FRIDAY) == datetime(2018, 2, 16, 21, tzinfo=UTC)
    noon = datetime(2018, 2, 16, 17, tzinfo=UTC)
    assert market.settlement_known(SPX, THIRD_FRIDAY, noon)
    assert not market.settlement_known(SPXW, THIRD_FRIDAY, noon)


def test_on_the_day_only_the_twin_that_trades_is_quoted(market: ModelMarket) -> None:
    noon = datetime(2018, 2, 16, 17, tzinfo=UTC)
    am, pm = (OptionContract(each, THIRD_FRIDAY, Decimal(2730), Right.PUT) for each in (SPX, SPXW))

    assert set(market.quotes([am, pm], noon)) == {pm}


def test_the_evening_before_both_twins_are_quoted_and_the_longer_one_costs_more(
    market: ModelMarket,
) -> None:
    evening = datetime(2018, 2, 15, 21, 10, tzinfo=UTC)
    am, pm = (OptionContract(each, THIRD_FRIDAY, Decimal(2730), Right.PUT) for each in (SPX, SPXW))

    quotes = market.quotes([am, pm], evening)

    am_mid, pm_mid = quotes[am].mid, quotes[pm].mid
    assert am_mid is not None
    assert pm_mid is not None
    assert am_mid < pm_mid


def test_a_half_day_settles_on_its_own_close(market: ModelMarket) -> None:
    struck_at = datetime(2018, 11, 23, 18, tzinfo=UTC)

    assert market.settlement_points(SPXW, BLACK_FRIDAY) == Decimal("2632.56")
    assert market.settlement_known(SPXW, BLACK_FRIDAY, struck_at)
    assert not market.settlement_known(SPXW, BLACK_FRIDAY, struck_at - timedelta(seconds=1))


def test_drawn_values_lie_as_far_from_the_open_as_recorded_ones_did() -> None:
    days = [date(2004, 1, 1) + timedelta(days=number) for number in range(4000)]

    misses = np.array([modelled_vix_settlement(19.82, day, seed=7) - 19.82 for day in days])

    # Recorded: mean absolute difference 0.35 at a mean VIX of 19.82 (126 expiries, so ± 0.025).
    assert np.abs(misses).mean() == pytest.approx(0.35, abs=0.03)
    assert misses.mean() == pytest.approx(0.0, abs=0.03)
    assert np.abs(misses).max() < 2.2


def test_drawn_values_follow_from_seed_and_expiry_alone() -> None:
    drawn = [
        modelled_vix_settlement(20.0, day, seed) for day in (FEBRUARY, MARCH) for seed in (1, 2)
    ]

    assert drawn[0] == modelled_vix_settlement(20.0, FEBRUARY, 1)
    assert len(set(drawn)) == 4


def test_recorded_final_settlements_are_used_to_the_cent(
    data_folder: Path, build: Build, calendar: SessionCalendar
) -> None:
    history = load_history(data_folder, calendar)
    market = build(history)

    settled = {day: market.settlement_points(VIX, day) for day in history.vix_settlements}

    # Published by Cboe: May 2004, November 2008 (67.22), July 2026.
    assert settled[date(2008, 11, 19)] == Decimal("67.22")
    assert settled[date(2026, 7, 22)] == Decimal("17.22")
    assert len(settled) > 120
    for day, value in settled.items():
        assert value is not None
        assert abs(float(value) - history.vix_settlements[day]) <= 0.00501


def test_vix_calls_reprice_with_their_future_and_not_with_spot(build: Build) -> None:
    """Spot up, future flat: no price moves; future up, spot flat: calls gain."""
    plain, row = builtin_history(), builtin_history().index(date(2018, 2, 2))
    evening = datetime(2018, 2, 2, 21, 10, tzinfo=UTC)
    call = OptionContract(VIX, MARCH, Decimal(18), Right.CALL)

    def mid(vix: float, march: float) -> float:
        closes, vvix = plain.vix_close.copy(), plain.vvix.copy()
        closes[row], vvix[row] = vix, 110.0
        rows = [(FEBRUARY, 15.6), (MARCH, march), (APRIL, 14.9)]
        session = np.full(3, date(2018, 2, 2).toordinal())
        columns = VxColumns(
            session, np.array([day.toordinal() for day, _ in rows]), np.array([p for _, p in rows])
        )
        history = dataclasses.replace(plain, vix_close=closes, vvix=vvix, vx=VxTable(columns))
        quote = build(history).quotes([call], evening)[call]
        assert quote.mid is not None
        return quote.mid

    flat = mid(17.31, 15.0)

    # Half a tick may come from the wider quotes of a higher VIX.
    assert mid(19.5, 15.0) == pytest.approx(flat, abs=0.026)
    assert mid(17.31, 16.0) > flat + 0.2
