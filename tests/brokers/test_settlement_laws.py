"""What any combo pays at settlement, and fills over recorded minute quotes."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sample_venue import AT, MONDAY, MONDAY_CLOSE, approved, exchange, fee_schedule

from brokers.sim.exchange import SimExchange
from brokers.sim.fills import FillModel
from brokers.sim.margin import margin_usd
from market.instruments import OptionContract, Right, TradingClass
from market.orders import Leg, OrderFilled, PositionSettled
from market.quotes import Quote

STRIKES = tuple(Decimal(strike) for strike in range(2600, 2900, 25))
SERIES = (TradingClass.SPXW, MONDAY)


@st.composite
def covered_combos(draw: st.DrawFn) -> tuple[Leg, ...]:
    """Return verticals and condors of any strikes, and single longs, as one combo."""
    legs: dict[OptionContract, int] = {}
    for right in draw(st.sets(st.sampled_from(Right), min_size=1)):
        long, short = draw(st.tuples(st.sampled_from(STRIKES), st.sampled_from(STRIKES)))
        legs[OptionContract(*SERIES, long, right)] = 1
        if short != long:
            legs[OptionContract(*SERIES, short, right)] = -1
    return tuple(Leg(contract, ratio) for contract, ratio in legs.items())


@given(
    legs=covered_combos(),
    quantity=st.integers(1, 9),
    spx=st.integers(0, 400_000).map(lambda n: Decimal(n) / 100),
)
def test_a_combo_pays_the_sum_of_its_legs_in_closed_form(
    legs: tuple[Leg, ...], quantity: int, spx: Decimal
) -> None:
    venue = exchange(cash_usd="10000000")
    shown = {leg.contract: Quote(AT, 10.0, 10.1) for leg in legs}
    limit = "-400.00"  # below any pay-off, so that no combo is refused as riskless
    venue.submit(approved(limit, legs=legs, quantity=quantity), AT, shown)
    assert set(venue.positions()) == {leg.contract for leg in legs}
    assert margin_usd(venue.positions()) is not None

    events = venue.settle(SERIES, spx, MONDAY_CLOSE, is_official=True)

    def payoff(leg: Leg) -> Decimal:
        beyond = spx - leg.contract.strike
        value = max(beyond if leg.contract.right is Right.CALL else -beyond, Decimal(0))
        return leg.ratio * value

    paid = sum((e.cash_usd for e in events if isinstance(e, PositionSettled)), Decimal(0))
    assert paid == sum(map(payoff, legs), Decimal(0)) * 100 * quantity
    assert venue.positions() == {}


def test_no_fill_over_recorded_quotes_lies_outside_them(data_folder: Path) -> None:
    """Single legs and verticals worked at every limit over a morning of recorded minutes."""
    minutes = recorded_minutes(data_folder)
    venue = SimExchange(
        cash_usd=Decimal(100_000_000),
        fees=fee_schedule(),
        fills=FillModel(seed=1, partial_share=0.0),
        trading_ends_at=lambda _contract: datetime(2021, 12, 31, tzinfo=UTC),
        is_open=lambda _contract, _at: True,
        is_listed=lambda _contract, _at: True,
    )
    fills = 0
    for number, (at, shown) in enumerate(minutes.items()):
        for contract, quote in shown.items():
            if not quote.bid or not quote.ask:
                continue
            tenths = (int(quote.bid * 10) + number % 12) or 1
            order = approved(
                f"{-tenths / 10:.2f}",
                legs=(Leg(contract, 1),),
                name=f"{number}-{contract.symbol}",
                good_until=at + timedelta(minutes=1),
            )
            for event in venue.submit(order, at, shown):
                if isinstance(event, OrderFilled):
                    fills += 1
                    assert Decimal(str(quote.bid)) <= -event.credit <= Decimal(str(quote.ask))
    assert fills > 50


def recorded_minutes(folder: Path) -> dict[datetime, dict[OptionContract, Quote]]:
    """Return minute quotes of SPXW on one recorded morning."""
    import duckdb  # noqa: PLC0415

    query = (
        'SELECT ts, expiry::DATE, strike, "right", bid, ask FROM read_parquet(?)'
        " WHERE root = 'SPXW' AND ts BETWEEN '2021-01-05 10:00' AND '2021-01-05 12:00'"
        " AND ask > bid AND bid >= 3 ORDER BY ts"
    )
    with duckdb.connect() as connection:
        path = str(folder / "spx_option_minute_quotes_lean.parquet")
        rows = connection.execute(query, [path]).fetchall()
    found: dict[datetime, dict[OptionContract, Quote]] = {}
    for ts, expiry, strike, right, bid, ask in rows:
        at = ts.replace(tzinfo=ZoneInfo("America/New_York")).astimezone(UTC)
        expires = date(expiry.year, expiry.month, expiry.day)
        contract = OptionContract(
            TradingClass.SPXW, expires, Decimal(str(strike)), Right(right[0].upper())
        )
        found.setdefault(at, {})[contract] = Quote(at, bid, ask)
    if not found:
        pytest.skip("the folder holds no minute quotes of 2021-01-05")
    return found
