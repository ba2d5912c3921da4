"""Faults and sizes of quotes: how many, and the same however they are asked for."""

import dataclasses
from collections import Counter
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from functools import cache
from importlib.resources import files

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from market.errors import ConfigError
from market.family import complete_family
from market.history import builtin_history
from market.instruments import OptionContract, Right, TradingClass
from market.listings import ListingRules, Listings
from market.model import ModelMarket
from market.quotes import Chain, Quote
from market.quoting import FaultShares, Quoting
from market.sessions import SessionCalendar
from market.surface import Surface
from market.surface_params import SurfaceParams

SPX, SPXW, VIX, VIXW = TradingClass.SPX, TradingClass.SPXW, TradingClass.VIX, TradingClass.VIXW
MONDAY = date(2018, 2, 5)
SERIES = (
    (SPXW, MONDAY),
    (SPXW, date(2018, 2, 28)),
    (SPX, date(2018, 2, 16)),
    (VIX, date(2018, 2, 14)),
    (VIX, date(2018, 5, 16)),
    (VIXW, date(2018, 2, 7)),
)
AT = datetime(2018, 2, 2, 21, 10, tzinfo=UTC)
COLUMNS = tuple(f"{right}_{side}" for right in ("put", "call") for side in ("bid", "ask"))


def shipped(name: str) -> str:
    return (files("config") / name).read_text(encoding="utf-8")


@cache
def sessions() -> SessionCalendar:
    return SessionCalendar.build(date(1999, 1, 4), date(2020, 12, 31))


def market_with(quoting: Quoting | None) -> ModelMarket:
    """Return the market of the built-in history, quoted so."""
    history, calendar = builtin_history(), sessions()
    listings = Listings(ListingRules.from_toml(shipped("listings.toml")), calendar)
    params = SurfaceParams.from_toml(shipped("surface.toml"))
    family = complete_family(history, params.family)
    return ModelMarket(history, calendar, listings, Surface(params), family, 7, quoting=quoting)


def chain_of(market: ModelMarket, at: datetime = AT) -> Chain:
    chain = market.chain(SPXW, MONDAY, at)
    assert chain is not None
    return chain


def quoting(
    stale: float = 0.0, crossed: float = 0.0, missing: float = 0.0, seed: int = 7
) -> Quoting:
    return Quoting.from_toml(shipped("quotes.toml"), seed, FaultShares(stale, crossed, missing))


@pytest.fixture(scope="module")
def perfect() -> ModelMarket:
    return market_with(None)


@pytest.fixture(scope="module")
def faulty() -> ModelMarket:
    return market_with(quoting(0.1, 0.1, 0.1))


def faults_of(chain: Chain) -> Counter[str]:
    """Return how many series of a chain are stale, crossed and missing."""
    found = Counter[str](stale=len(chain.stale))
    for bid, ask in ((chain.put_bid, chain.put_ask), (chain.call_bid, chain.call_ask)):
        found["crossed"] += int((bid > ask).sum())
        found["missing"] += int(np.isnan(bid).sum())
    found["missing"] -= len(chain.stale)
    return found


def test_without_faults_every_number_is_what_it_was(perfect: ModelMarket) -> None:
    switched_off = chain_of(market_with(quoting()))

    for name in (*COLUMNS, "strikes", "put_iv", "call_delta"):
        np.testing.assert_array_equal(
            getattr(switched_off, name), getattr(chain_of(perfect), name), strict=True
        )
    assert switched_off.stale == {}


def test_shares_of_faults_are_met_over_many_instants(perfect: ModelMarket) -> None:
    chain, rule = chain_of(perfect), quoting(0.02, 0.01, 0.03)
    counts, series = Counter[str](), 0

    for second in range(300):
        shown = rule.shown(dataclasses.replace(chain, at=AT + timedelta(seconds=second)), 17.0)
        counts += faults_of(shown)
        series += 2 * len(chain.strikes)

    shares = {name: count / series for name, count in counts.items()}
    assert shares == pytest.approx({"stale": 0.02, "crossed": 0.01, "missing": 0.03}, rel=0.1)


@given(
    shares=st.tuples(*(st.sampled_from((0.0, 0.05, 0.3)),) * 3),
    seed=st.integers(-(2**40), 2**40),
    second=st.integers(0, 600),
)
def test_a_single_quote_is_the_same_whatever_else_is_quoted(
    perfect: ModelMarket, shares: tuple[float, float, float], seed: int, second: int
) -> None:
    rule = quoting(*shares, seed=seed)
    whole = dataclasses.replace(chain_of(perfect), at=AT + timedelta(seconds=second))
    part = {name: getattr(whole, name)[40:60] for name in _ROWS}

    shown, alone = rule.shown(whole, 17.0), rule.shown(dataclasses.replace(whole, **part), 17.0)

    for strike in part["strikes"].tolist():
        for right in Right:
            exact = Decimal(str(strike))
            assert shown.quote(exact, right) == alone.quote(exact, right)


_ROWS = ("strikes", *COLUMNS, "put_iv", "call_iv", "put_delta", "call_delta")


def test_chain_and_single_quotes_tell_the_same() -> None:
    market = market_with(quoting(0.1, 0.1, 0.1))
    chain = chain_of(market)
    contracts = [
        OptionContract(SPXW, MONDAY, Decimal(str(strike)), right)
        for strike in chain.strikes.tolist()
        for right in Right
    ]

    quotes = market.quotes(contracts, AT)

    assert len(quotes) == len(contracts)
    assert all(quotes[each] == chain.quote(each.strike, each.right) for each in contracts)


@given(
    st.lists(
        st.tuples(
            st.sampled_from(SERIES),
            st.integers(0, 60),
            st.sampled_from(list(Right)),
        ),
        min_size=1,
        max_size=12,
    ),
    st.integers(0, 10**9),
)
def test_contracts_of_many_expiries_are_quoted_at_once_as_in_their_chains(
    faulty: ModelMarket,
    drawn: list[tuple[tuple[TradingClass, date], int, Right]],
    microseconds: int,
) -> None:
    at = AT + timedelta(microseconds=microseconds)
    contracts, shown = [], []
    for (kind, expiry), row, right in drawn:
        chain = faulty.chain(kind, expiry, at)
        assert chain is not None
        strike = Decimal(str(float(chain.strikes[row % len(chain.strikes)])))
        contracts.append(OptionContract(kind, expiry, strike, right))
        shown.append(chain.quote(strike, right))

    quotes = faulty.quotes(contracts, at)

    assert [quotes[contract] for contract in contracts] == shown


def test_each_fault_looks_as_it_should(perfect: ModelMarket) -> None:
    clean, shown = chain_of(perfect), quoting(0.1, 0.1, 0.1).shown(chain_of(perfect), 17.0)
    kinds = Counter[str]()

    for strike in clean.strikes.tolist():
        exact = Decimal(str(strike))
        for right in Right:
            was, is_now = clean.quote(exact, right), shown.quote(exact, right)
            assert was is not None
            assert is_now is not None
            kinds[_kind(was, is_now)] += 1
            assert (is_now.iv, is_now.delta) == (was.iv, was.delta)

    assert set(kinds) == {"sound", "stale", "crossed", "missing"}


def _kind(was: Quote, is_now: Quote) -> str:
    if is_now.at < was.at:
        assert timedelta(seconds=15) <= was.at - is_now.at <= timedelta(minutes=15)
        assert is_now.bid is not None
        assert is_now.ask is not None
        assert 0.0 <= is_now.bid < is_now.ask
        return "stale"
    if is_now.bid is None:
        assert (is_now.ask, is_now.mid) == (None, None)
        return "missing"
    assert is_now.ask == was.ask
    assert is_now.ask is not None
    if is_now.bid > is_now.ask:
        assert is_now.mid is None
        return "crossed"
    assert is_now.bid == was.bid
    return "sound"


def test_sizes_shrink_with_price_delta_and_vix() -> None:
    sizes = quoting()._sizes["SPX"]

    calm, wild = sizes.at(12.0), sizes.at(48.0)

    # 350 × 1.5 / (1 + 0.5 / 4) × (1 − 0.5 × 0.1), and so on.
    assert calm.contracts(0.5, 0.1) == round(350 * 1.5 / 1.125 * 0.95)
    assert wild.contracts(0.5, 0.1) == round(350 * 0.5 / 1.125 * 0.95)
    by_price = [wild.contracts(price, 0.1) for price in (0.05, 1.0, 10.0, 100.0, 10_000.0)]
    assert by_price == sorted(by_price, reverse=True)
    assert by_price[-1] == 1
    assert wild.contracts(5.0, -0.9) < wild.contracts(5.0, -0.1)


def test_quotes_show_sizes_and_none_where_nobody_bids() -> None:
    market = market_with(quoting())
    near, far = (OptionContract(SPXW, MONDAY, Decimal(k), Right.PUT) for k in (2750, 1500))

    quotes = market.quotes([near, far], AT)

    assert quotes[near].bid_size == quotes[near].ask_size
    assert 20 < (quotes[near].bid_size or 0) < 350
    assert (quotes[far].bid, quotes[far].bid_size) == (0.0, 0)
    assert (quotes[far].ask_size or 0) > 300


def test_sizes_are_those_of_recorded_quotes(data_folder: object) -> None:
    """Mean displayed size by price against minute quotes of SPXW in January 2021."""
    import duckdb  # noqa: PLC0415

    query = (
        "WITH q AS (SELECT (bid + ask) / 2 AS mid, ask_size FROM read_parquet(?)"
        " WHERE root = 'SPXW' AND ts < '2022-01-01' AND ask > 0)"
        " SELECT avg(mid), avg(ask_size) FROM q GROUP BY mid >= 1, mid >= 3, mid >= 10 ORDER BY 1"
    )
    with duckdb.connect() as connection:
        path = f"{data_folder}/spx_option_minute_quotes_lean.parquet"
        rows = connection.execute(query, [path]).fetchall()
    rule = quoting()._sizes["SPX"].at(24.0)

    for mid, size in rows[:3]:
        assert rule.contracts(mid, 0.1) == pytest.approx(size, rel=0.35)
    assert rule.contracts(rows[3][0], 0.5) < 60


@pytest.mark.parametrize("shares", [(-0.1, 0.0, 0.0), (0.5, 0.4, 0.2)])
def test_impossible_shares_are_refused(shares: tuple[float, float, float]) -> None:
    with pytest.raises(ValueError):
        FaultShares(*shares)


@pytest.mark.parametrize("text", ["", "[size.SPX]\nmost_contracts = 0", "["])
def test_a_malformed_table_of_sizes_is_refused(text: str) -> None:
    with pytest.raises(ConfigError, match=r"quotes.toml is malformed .*; restore the shipped file"):
        Quoting.from_toml(text, 7)
