"""The model market over the built-in history: what stood where, when, and what is never seen."""

import dataclasses
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from importlib.resources import files
from pathlib import Path

import numpy as np
import pytest
from call_counts import calls_made

from market.errors import MarketDataError
from market.family import complete_family
from market.history import History, VxTable, builtin_history, load_history
from market.history_files import VxColumns
from market.instruments import OptionContract, Right, TradingClass
from market.listings import ListingRules, Listings
from market.model import ModelMarket
from market.quotes import FuturesCurve, SnapshotRequest
from market.sessions import SessionCalendar
from market.settlement import OPENING_QUOTATION_SD_FRAC, modelled_vix_settlement
from market.surface import Surface
from market.surface_params import SurfaceParams

SPXW, SPX, VIX, VIXW = TradingClass.SPXW, TradingClass.SPX, TradingClass.VIX, TradingClass.VIXW
FRIDAY, MONDAY, TUESDAY = date(2018, 2, 2), date(2018, 2, 5), date(2018, 2, 6)
VIX_WEEK = date(2018, 2, 21)
FEBRUARY, MARCH, APRIL = date(2018, 2, 14), date(2018, 3, 21), date(2018, 4, 18)
FRIDAY_OPEN = datetime(2018, 2, 2, 14, 30, tzinfo=UTC)
FRIDAY_NOON = datetime(2018, 2, 2, 17, 0, tzinfo=UTC)
FRIDAY_ENTRY = datetime(2018, 2, 2, 21, 10, tzinfo=UTC)
MONDAY_OPEN = datetime(2018, 2, 5, 14, 30, tzinfo=UTC)
MONDAY_NOON = datetime(2018, 2, 5, 17, 0, tzinfo=UTC)
MONDAY_CLOSE = datetime(2018, 2, 5, 21, 0, tzinfo=UTC)

Build = Callable[[History], ModelMarket]


@pytest.fixture(scope="module")
def calendar() -> SessionCalendar:
    return SessionCalendar.build(date(1990, 1, 1), date(2027, 12, 31))


@pytest.fixture(scope="module")
def history() -> History:
    return builtin_history()


@pytest.fixture(scope="module")
def params() -> SurfaceParams:
    return SurfaceParams.from_toml((files("config") / "surface.toml").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def build(calendar: SessionCalendar, params: SurfaceParams) -> Build:
    """Return how to make a market of a history, everything else as shipped."""
    rules_text = (files("config") / "listings.toml").read_text(encoding="utf-8")
    rules = ListingRules.from_toml(rules_text)
    listings = Listings(rules, calendar)

    def market_of(history: History) -> ModelMarket:
        family = complete_family(history, params.family)
        return ModelMarket(history, calendar, listings, Surface(params), family, seed=7)

    return market_of


@pytest.fixture(scope="module")
def market(build: Build, history: History) -> ModelMarket:
    return build(history)


def put(strike: int, expiry: date = MONDAY) -> OptionContract:
    return OptionContract(SPXW, expiry, Decimal(strike), Right.PUT)


def with_settles(history: History, settles: dict[date, tuple[tuple[date, float], ...]]) -> History:
    """Return the history with VIX futures settles recorded on some sessions."""
    rows = [
        (session.toordinal(), expiry.toordinal(), settle)
        for session, curve in settles.items()
        for expiry, settle in curve
    ]
    sessions, expiries, prices = zip(*rows, strict=True)
    columns = VxColumns(np.array(sessions), np.array(expiries), np.array(prices))
    return dataclasses.replace(history, vx=VxTable(columns))


def test_levels_before_the_open_are_those_of_the_previous_close(market: ModelMarket) -> None:
    closing = market.levels(FRIDAY_ENTRY)

    before_open = market.levels(MONDAY_OPEN - timedelta(seconds=1))

    assert (closing.spx, closing.vix) == (2762.13, 17.31)
    assert dataclasses.replace(before_open, at=FRIDAY_ENTRY) == closing


def test_levels_follow_the_path_within_a_session_and_are_the_close_after_it(
    market: ModelMarket,
) -> None:
    opening, noon = market.levels(MONDAY_OPEN), market.levels(MONDAY_NOON)
    closing = market.levels(MONDAY_CLOSE)

    assert opening.spx == 2741.06
    assert 2638.17 <= noon.spx <= 2763.39
    assert 17.31 < noon.vix < 37.32
    assert (closing.spx, closing.vix) == (2648.94, 37.32)
    assert closing.vix9d > closing.vix > closing.vix3m


@pytest.mark.parametrize(
    "at",
    [
        datetime(2013, 12, 31, 21, 10, tzinfo=UTC),
        datetime(1998, 1, 5, 16, 0, tzinfo=UTC),
        datetime(2019, 1, 4, 15, 0, tzinfo=UTC),
    ],
    ids=["before the first VIX", "before history", "after history"],
)
def test_an_instant_without_levels_is_refused_with_the_range_at_hand(
    market: ModelMarket, at: datetime
) -> None:
    with pytest.raises(MarketDataError, match=r"runs from 2014-01-03 to 2018-12-31"):
        market.levels(at)


def test_the_next_session_chain_is_quoted_at_the_entry(market: ModelMarket) -> None:
    chain = market.chain(SPXW, MONDAY, FRIDAY_ENTRY)

    assert chain is not None
    assert chain.years == pytest.approx((2 + 23 / 24 + 50 / 1440) / 365, rel=1e-9)
    assert chain.forward == pytest.approx(2762.0, abs=0.5)
    short_put = chain.quote(Decimal(2700), Right.PUT)
    assert short_put is not None
    assert short_put.bid is not None
    assert 1.0 < short_put.bid < 3.0


@pytest.mark.parametrize(
    ("trading_class", "expiry", "at"),
    [
        (SPXW, TUESDAY, FRIDAY_ENTRY),
        (SPXW, date(2018, 2, 3), FRIDAY_ENTRY),
        (SPXW, MONDAY, MONDAY_CLOSE),
        (VIX, FEBRUARY, datetime(2018, 2, 13, 21, 15, tzinfo=UTC)),
        (VIX, FEBRUARY, datetime(2018, 2, 14, 14, 0, tzinfo=UTC)),
        (SPX, date(2018, 2, 16), datetime(2018, 2, 16, 14, 0, tzinfo=UTC)),
        (VIX, date(2031, 2, 19), FRIDAY_ENTRY),
    ],
    ids=[
        "Tuesdays came in 2022",
        "a Saturday",
        "stopped at the cash close",
        "VIX after its last Tuesday",
        "VIX on its settlement morning",
        "SPX on its settlement morning",
        "beyond the calendar",
    ],
)
def test_a_series_that_does_not_trade_has_neither_chain_nor_quote(
    market: ModelMarket, trading_class: TradingClass, expiry: date, at: datetime
) -> None:
    contract = OptionContract(trading_class, expiry, Decimal(20), Right.CALL)

    assert market.chain(trading_class, expiry, at) is None
    assert market.quotes([contract], at) == {}


def test_an_expiring_series_trades_until_the_second_before_the_cash_close(
    market: ModelMarket,
) -> None:
    chain = market.chain(SPXW, MONDAY, MONDAY_CLOSE - timedelta(seconds=1))

    assert chain is not None
    assert chain.quote(Decimal(2640), Right.PUT) is not None


@pytest.mark.parametrize("at", [FRIDAY_OPEN, FRIDAY_NOON, FRIDAY_ENTRY], ids=str)
def test_quotes_are_the_numbers_of_the_chain(market: ModelMarket, at: datetime) -> None:
    contracts = [
        put(2640),
        put(2900),
        OptionContract(VIX, MARCH, Decimal(18), Right.CALL),
        OptionContract(VIXW, VIX_WEEK, Decimal(11), Right.CALL),
    ]

    quotes = market.quotes(contracts, at)

    chains = [market.chain(c.trading_class, c.expiry, at) for c in contracts]
    assert len(quotes) == len(contracts)
    assert list(quotes.values()) == [
        chain.quote(contract.strike, contract.right)
        for chain, contract in zip(chains, contracts, strict=True)
        if chain is not None
    ]


def test_quotes_are_wider_after_the_close_and_in_weekly_vix_series(market: ModelMarket) -> None:
    index = OptionContract(SPX, date(2018, 3, 16), Decimal(2750), Right.PUT)
    month = OptionContract(VIX, FEBRUARY, Decimal(14), Right.CALL)
    week = OptionContract(VIXW, VIX_WEEK, Decimal(14), Right.CALL)

    noon, evening = (
        {
            contract: (quote.ask or 0.0) - (quote.bid or 0.0)
            for contract, quote in market.quotes([index, month, week], at).items()
        }
        for at in (FRIDAY_NOON, FRIDAY_ENTRY)
    )

    assert all(evening[contract] > noon[contract] > 0.0 for contract in (index, month, week))
    assert all(spreads[week] > 2.0 * spreads[month] for spreads in (noon, evening))


def test_a_strike_the_market_moved_away_from_is_still_quoted(market: ModelMarket) -> None:
    far, off_grid = put(1500), put(2641)

    quotes = market.quotes([far, off_grid], FRIDAY_ENTRY)

    assert market.chain(SPXW, MONDAY, FRIDAY_ENTRY).row(Decimal(1500)) is None  # type: ignore[union-attr]
    assert (quotes[far].bid, quotes[far].ask) == (0.0, 0.05)
    assert off_grid not in quotes


def at_money_variance(market: ModelMarket, key: tuple[TradingClass, date], at: datetime) -> float:
    """Return the total variance of an expiry at SPX 2700."""
    strikes = np.array([2700.0])
    chain = market.chain_on_forward(key, at, 2700.0, strikes)
    return float(chain.call_iv[0]) ** 2 * chain.years


def test_the_night_passes_without_a_jump_of_its_own(
    market: ModelMarket, params: SurfaceParams
) -> None:
    key, opens_at = (SPXW, date(2018, 5, 16)), datetime(2018, 5, 16, 13, 30, tzinfo=UTC)

    evening, night, dawn = (
        at_money_variance(market, key, opens_at - before)
        for before in (timedelta(hours=17), timedelta(hours=9), timedelta(seconds=1))
    )

    assert evening > night > dawn
    # The trading hours are left; a shorter tenor has a slightly flatter smile.
    assert dawn / evening == pytest.approx(params.spx_term.trading_hours_share, rel=0.05)


def test_a_morning_series_on_its_last_evening_is_worth_the_night(
    market: ModelMarket, params: SurfaceParams
) -> None:
    thursday, friday = datetime(2018, 5, 17, 19, 59, 59, tzinfo=UTC), date(2018, 5, 18)

    morning, evening = (
        at_money_variance(market, (trading_class, friday), thursday)
        for trading_class in (SPX, SPXW)
    )

    assert morning / evening == pytest.approx(1.0 - params.spx_term.trading_hours_share, rel=0.05)


def test_the_curve_holds_the_next_eight_monthly_futures(market: ModelMarket) -> None:
    curve = market.curve(FRIDAY_ENTRY)

    assert len(curve.expiries) == len(curve.prices) == 8
    assert curve.expiries[:3] == (FEBRUARY, MARCH, APRIL)
    # CFE settled 15.625 and 14.975 that day; the model knows VIX alone.
    assert curve.prices[:2] == pytest.approx((15.625, 14.975), rel=0.12)


def test_recorded_settles_stand_from_the_close_on(build: Build, history: History) -> None:
    settles = ((FEBRUARY, 33.225), (MARCH, 27.975), (APRIL, 24.725))

    curve = build(with_settles(history, {MONDAY: settles})).curve(MONDAY_CLOSE)

    assert tuple(zip(curve.expiries, curve.prices, strict=True))[:3] == settles


def test_within_a_session_the_model_moves_the_last_settles(build: Build, history: History) -> None:
    friday = ((FEBRUARY, 15.625), (MARCH, 14.975), (APRIL, 15.075))
    poison = tuple((expiry, 90.0) for expiry, _ in friday)
    recorded = with_settles(history, {FRIDAY: friday, MONDAY: poison})

    noon = build(recorded).curve(MONDAY_NOON)
    unrecorded = build(history)

    moves = [
        at_noon / at_close
        for at_noon, at_close in zip(
            unrecorded.curve(MONDAY_NOON).prices,
            unrecorded.curve(datetime(2018, 2, 2, 21, 0, tzinfo=UTC)).prices,
            strict=True,
        )
    ]
    expected = [price * move for (_, price), move in zip(friday, moves, strict=False)]
    assert noon.prices[:3] == pytest.approx(expected, rel=1e-4)


def test_a_monthly_vix_chain_is_priced_on_its_own_future(market: ModelMarket) -> None:
    curve = market.curve(FRIDAY_ENTRY)

    chains = [market.chain(VIX, expiry, FRIDAY_ENTRY) for expiry in curve.expiries[:4]]

    assert [chain.forward for chain in chains if chain is not None] == list(curve.prices[:4])


def test_a_weekly_vix_chain_lies_between_its_neighbours_on_the_curve(market: ModelMarket) -> None:
    curve, levels = market.curve(FRIDAY_ENTRY), market.levels(FRIDAY_ENTRY)

    nearest = market.chain(VIXW, date(2018, 2, 7), FRIDAY_ENTRY)
    between = market.chain(VIXW, date(2018, 3, 7), FRIDAY_ENTRY)

    assert nearest is not None
    assert between is not None
    assert min(levels.vix, curve.m1) < nearest.forward < max(levels.vix, curve.m1)
    assert between.forward == pytest.approx(0.4 * curve.m1 + 0.6 * curve.m2, abs=1e-3)


def test_a_snapshot_computes_what_is_looked_at_and_lists_what_can_be_had(
    market: ModelMarket,
) -> None:
    request = SnapshotRequest(
        chains=((SPXW, MONDAY), (SPXW, TUESDAY)), contracts=(put(2640), put(2640, TUESDAY))
    )

    snapshot = market.snapshot(FRIDAY_ENTRY, request)

    assert list(snapshot.chains) == [(SPXW, MONDAY)]
    assert dict(snapshot.quotes) == market.quotes(request.contracts, FRIDAY_ENTRY)
    assert (SPXW, TUESDAY) not in snapshot.chains
    assert len(snapshot.quotes) == 1
    assert snapshot.levels == market.levels(FRIDAY_ENTRY)
    assert isinstance(snapshot.curve, FuturesCurve)


@pytest.mark.parametrize(
    ("trading_class", "expiry", "value"),
    [
        (SPXW, MONDAY, Decimal("2648.94")),
        (SPX, date(2018, 2, 16), Decimal("2727.14")),
        (SPXW, date(2019, 1, 4), None),
        (SPXW, date(2018, 2, 3), None),
        (VIX, date(2013, 12, 18), None),
    ],
    ids=["PM close", "AM open", "after history", "a Saturday", "before the first VIX"],
)
def test_settlement_values_come_from_close_or_open(
    market: ModelMarket, trading_class: TradingClass, expiry: date, value: Decimal | None
) -> None:
    assert market.settlement_points(trading_class, expiry) == value


def test_vix_settles_on_the_recorded_value_else_near_its_open(
    build: Build, history: History, market: ModelMarket
) -> None:
    recorded = build(dataclasses.replace(history, vix_settlements={FEBRUARY: 25.31}))

    modelled = market.settlement_points(VIX, FEBRUARY)

    assert recorded.settlement_points(VIX, FEBRUARY) == Decimal("25.31")
    opening = market.levels(datetime(2018, 2, 14, 14, 30, tzinfo=UTC)).vix
    drawn = modelled_vix_settlement(opening, FEBRUARY, seed=7)
    assert modelled == Decimal(f"{drawn:.2f}")
    assert drawn == pytest.approx(opening, rel=4.5 * OPENING_QUOTATION_SD_FRAC)


@pytest.mark.parametrize(
    ("trading_class", "expiry", "struck_at"),
    [
        (SPXW, MONDAY, MONDAY_CLOSE),
        (SPXW, date(2018, 11, 23), datetime(2018, 11, 23, 18, 0, tzinfo=UTC)),
        (VIX, FEBRUARY, datetime(2018, 2, 14, 14, 30, tzinfo=UTC)),
    ],
    ids=["close", "half day", "VIX open"],
)
def test_a_settlement_value_is_known_once_it_is_struck(
    market: ModelMarket, trading_class: TradingClass, expiry: date, struck_at: datetime
) -> None:
    before = struck_at - timedelta(seconds=1)

    known = [market.settlement_known(trading_class, expiry, at) for at in (before, struck_at)]

    assert known == [False, True]


def test_a_settlement_outside_history_is_never_known(market: ModelMarket) -> None:
    assert not market.settlement_known(SPXW, date(2019, 1, 4), MONDAY_CLOSE)


@pytest.mark.parametrize("at", [FRIDAY_ENTRY, MONDAY_NOON, MONDAY_CLOSE])
def test_nothing_depends_on_sessions_still_to_come(
    build: Build, history: History, at: datetime
) -> None:
    honest = with_settles(history, {FRIDAY: ((FEBRUARY, 15.625), (MARCH, 14.975))})
    future = honest.index(TUESDAY)
    columns = {}
    for name in ("spx_open", "spx_high", "spx_low", "spx_close", "vix_close"):
        columns[name] = getattr(honest, name).copy()
        columns[name][future:] = 1.0
    poisoned = dataclasses.replace(honest, **columns)

    seen, other = build(honest), build(poisoned)

    assert other.levels(at) == seen.levels(at)
    assert other.curve(at) == seen.curve(at)
    series = (put(2700, date(2018, 2, 7)), OptionContract(VIX, MARCH, Decimal(18), Right.CALL))
    assert other.quotes(series, at) == seen.quotes(series, at)
    assert len(seen.quotes(series, at)) == 2


def test_answers_do_not_depend_on_the_questions_before(build: Build, history: History) -> None:
    fresh, used = build(history), build(history)
    for hours in range(30):
        used.levels(MONDAY_OPEN - timedelta(hours=hours))
        used.chain(SPXW, MONDAY, FRIDAY_ENTRY - timedelta(hours=hours))

    contracts = [put(2640), OptionContract(VIX, APRIL, Decimal(20), Right.CALL)]

    assert used.quotes(contracts, MONDAY_NOON) == fresh.quotes(contracts, MONDAY_NOON)


def test_provenance_tells_what_is_modelled(market: ModelMarket) -> None:
    told = market.provenance

    assert (told["spx"], told["vix"]) == ("real", "real")
    modelled = ("vix9d", "vix3m", "vix6m", "vvix", "vx", "rates", "vix_settlements")
    assert {told[name] for name in modelled} == {"modelled"}
    assert told["breadth"] == "absent"


def test_a_session_of_questions_costs_no_more_after_years(
    market: ModelMarket, calendar: SessionCalendar
) -> None:
    """Counted in function calls, which no busy machine changes; whatever was looked up for earlier
    sessions neither helps nor hinders."""

    def asked(day: date) -> int:
        def ask() -> None:
            at = calendar.session(day).cash_close_at + timedelta(minutes=10)
            market.levels(at)
            for expiry in market.curve(at).expiries[:3]:
                market.chain(VIX, expiry, at)

        return calls_made(ask)

    early = [asked(day) for day in calendar.between(date(2015, 3, 2), date(2015, 3, 31))]
    late = [asked(day) for day in calendar.between(date(2018, 3, 1), date(2018, 3, 29))]

    # The first question looks up what belongs to the calendar, not to the session.
    assert max(early[1:] + late) < 500
    assert sum(late) / len(late) < 1.1 * sum(early[1:]) / len(early[1:])


def test_modelled_futures_stand_close_to_recorded_settles(
    build: Build, calendar: SessionCalendar, data_folder: Path
) -> None:
    full = load_history(data_folder, calendar)
    assert full.vx is not None
    blind = build(dataclasses.replace(full, vx=None))
    errors: list[list[float]] = [[] for _ in range(8)]

    for day in calendar.between(date(2014, 1, 3), date(2018, 12, 31))[::5]:
        settles = dict(full.vx.curve(day) or ())
        modelled = blind.curve(calendar.session(day).cash_close_at)
        for place, (expiry, price) in enumerate(
            zip(modelled.expiries, modelled.prices, strict=True)
        ):
            if expiry in settles:
                errors[place].append(abs(price / settles[expiry] - 1.0))

    assert [float(np.median(column)) < 0.05 for column in errors] == [True] * 8


def test_bars_end_at_the_instant_and_carry_the_mean_since_the_open(market: ModelMarket) -> None:
    at = datetime(2018, 2, 2, 17, 0, tzinfo=UTC)

    earlier, later = market.bars(at, 2)

    assert (earlier.at, later.at) == (at - timedelta(minutes=15), at)
    assert later.close == market.levels(at).spx
    path = [market.levels(later.at - timedelta(minutes=5 * n)).spx for n in range(30)]
    assert later.vwap == pytest.approx(sum(path) / 30)


def test_no_bar_ends_before_the_open(market: ModelMarket) -> None:
    at = datetime(2018, 2, 2, 14, 40, tzinfo=UTC)

    assert [bar.at for bar in market.bars(at, 2)] == [at]
    assert market.bars(at, 0) == ()
