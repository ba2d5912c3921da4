"""Series are told apart by class, id and local symbol; what does not fit is objected to."""

from dataclasses import replace
from datetime import date

import pytest
from ib_samples import SHORT_PUT, VIX_CALL, option_seen

from brokers.ib.contracts import (
    ContractCache,
    SeriesListing,
    listing_of,
    objection,
    parse_local_symbol,
)
from brokers.ib.messages import DetailsSeen
from market.instruments import OptionContract, TradingClass


@pytest.mark.parametrize(
    ("symbol", "series"),
    [
        ("SPX   200117P03205000", "SPX 2020-01-17 3205 P"),
        ("SPXW  200117P03205000", "SPXW 2020-01-17 3205 P"),
        ("VIX   180214C00016500", "VIX 2018-02-14 16.5 C"),
        ("VIXW  180207C00016000", "VIXW 2018-02-07 16 C"),
    ],
)
def test_a_local_symbol_names_class_expiry_and_strike(symbol: str, series: str) -> None:
    assert parse_local_symbol(symbol) == OptionContract.parse(series)


@pytest.mark.parametrize(
    "symbol", ["28812380", "", "SPXW  209917P03205000", "AAPL  200117C00100000", "VIX"]
)
def test_what_is_no_series_of_ours_is_nothing(symbol: str) -> None:
    assert parse_local_symbol(symbol) is None


def test_an_am_series_trades_last_on_the_day_before_its_expiry() -> None:
    seen = option_seen(VIX_CALL, last_trade="20180213")

    assert objection(seen, VIX_CALL, date(2018, 2, 13)) is None
    assert objection(seen, VIX_CALL, date(2018, 2, 14)) is not None


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"con_id": 0}, "no contract id"),
        ({"trading_class": "SPX"}, "calls the class SPX"),
        ({"local_symbol": "SPXW  180206P02725000"}, "local symbol"),
        ({"last_trade": "20180206"}, "trades last on 20180206"),
    ],
)
def test_a_contract_that_does_not_fit_is_objected_to(change: dict[str, object], words: str) -> None:
    seen = replace(option_seen(SHORT_PUT, "20180205"), **change)  # type: ignore[arg-type]

    assert words in (objection(seen, SHORT_PUT, SHORT_PUT.expiry) or "")


def test_of_two_classes_on_one_last_trading_day_only_the_one_asked_for_is_listed() -> None:
    pm = OptionContract.parse("SPXW 2026-12-17 6000 P")
    am = OptionContract.parse("SPX 2026-12-18 6000 P")
    rows = [
        DetailsSeen(replace(option_seen(each, "20261217"), con_id=number), "", (67,), ("SMART",))
        for number, each in ((1, pm), (2, am))
    ]

    listing = listing_of(rows, TradingClass.SPXW, pm.expiry, date(2026, 12, 17))

    assert listing == SeriesListing(
        {pm: 1}, ("'SPX   261218P06000000' is not of SPXW 2026-12-17",), (67,)
    )


def test_listings_are_forgotten_with_the_session_and_ids_are_not() -> None:
    cache = ContractCache()
    cache.begin(date(2018, 2, 2))
    cache.keep((TradingClass.SPXW, SHORT_PUT.expiry), SeriesListing({SHORT_PUT: 12}, ()))

    cache.begin(date(2018, 2, 5))

    assert cache.listings == {}
    assert cache.con_id(SHORT_PUT) == 12
    assert cache.contract(option_seen(SHORT_PUT)) == SHORT_PUT
