"""A small venue for examples: two weeks of February 2018, one condor, one VIX call."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from importlib.resources import files

from brokers.sim.broker import regular_hours
from brokers.sim.exchange import SimExchange
from brokers.sim.fees import FeeSchedule
from brokers.sim.fills import FillModel
from market.instruments import OptionContract, TradingClass
from market.orders import NO_WALK, ApprovedOrder, Leg, Order, OrderIntent, PriceWalk
from market.quotes import Quote
from market.sessions import Session, SessionCalendar

FRIDAY = date(2018, 2, 2)
MONDAY = date(2018, 2, 5)
AT = datetime(2018, 2, 2, 21, 10, tzinfo=UTC)
GOOD_UNTIL = datetime(2018, 2, 2, 21, 14, 30, tzinfo=UTC)
MONDAY_CLOSE = datetime(2018, 2, 5, 21, 0, tzinfo=UTC)

LONG_PUT = OptionContract.parse("SPXW 2018-02-05 2700 P")
SHORT_PUT = OptionContract.parse("SPXW 2018-02-05 2725 P")
SHORT_CALL = OptionContract.parse("SPXW 2018-02-05 2790 C")
LONG_CALL = OptionContract.parse("SPXW 2018-02-05 2815 C")
VIX_CALL = OptionContract.parse("VIX 2018-02-14 16 C")
VIX_CALL_LATER = OptionContract.parse("VIX 2018-03-21 16 C")

CONDOR = (Leg(SHORT_PUT, -1), Leg(LONG_PUT, 1), Leg(SHORT_CALL, -1), Leg(LONG_CALL, 1))
CONDOR_BOUGHT_BACK = tuple(Leg(leg.contract, -leg.ratio) for leg in CONDOR)

# Natural credit of the condor 2.00 − 1.35 + 1.80 − 1.05 = 1.40, mid credit 1.70.
PRICES: Mapping[OptionContract, tuple[float | None, float | None]] = {
    SHORT_PUT: (2.00, 2.20),
    LONG_PUT: (1.20, 1.35),
    SHORT_CALL: (1.80, 1.95),
    LONG_CALL: (0.95, 1.05),
    VIX_CALL: (0.70, 0.80),
    VIX_CALL_LATER: (1.50, 1.60),
}

ALWAYS = FillModel(seed=1, ladder=((1.0, 1.0),), partial_share=0.0)
NEVER = FillModel(seed=1, ladder=((1.0, 0.0),), partial_share=0.0)


def fee_schedule() -> FeeSchedule:
    """Return the schedule that ships with the program."""
    return FeeSchedule.from_toml(files("config").joinpath("fees.toml").read_text("utf-8"))


def calendar() -> SessionCalendar:
    """Return the sessions of February and March 2018 (Presidents' Day is the 19th)."""
    days = (date(2018, 2, 1) + timedelta(days=n) for n in range(58))
    open_days = [day for day in days if day.weekday() < 5 and day != date(2018, 2, 19)]
    return SessionCalendar(
        Session.between(
            datetime(day.year, day.month, day.day, 13 if is_summer else 14, 30, tzinfo=UTC),
            datetime(day.year, day.month, day.day, 20 if is_summer else 21, 0, tzinfo=UTC),
        )
        for day in open_days
        for is_summer in (day >= date(2018, 3, 11),)
    )


def exchange(
    *, cash_usd: str = "100000", fills: FillModel = ALWAYS, listed: bool = True
) -> SimExchange:
    """Return an exchange on the sample calendar."""
    sessions = calendar()
    return SimExchange(
        cash_usd=Decimal(cash_usd),
        fees=fee_schedule(),
        fills=fills,
        trading_ends_at=lambda c: sessions.trading_ends_at(c.trading_class, c.expiry),
        is_open=regular_hours(sessions),
        is_listed=lambda _contract, _at: listed,
    )


def approved(
    limit_credit: str,
    *,
    legs: tuple[Leg, ...] = CONDOR,
    quantity: int = 1,
    name: str = "entry",
    good_until: datetime = GOOD_UNTIL,
    walk: PriceWalk = NO_WALK,
) -> ApprovedOrder:
    """Return an approved order whose id ends in `name`."""
    intent = OrderIntent(
        strategy="condor",
        purpose=name,
        campaign="20180202",
        legs=legs,
        quantity=quantity,
        limit_credit=Decimal(limit_credit),
        good_until=good_until,
        walk=walk,
    )
    return ApprovedOrder(Order(f"test-{name}", FRIDAY, intent), approval="risk: ok")


def quotes(
    at: datetime = AT,
    changes: Mapping[OptionContract, tuple[float | None, float | None] | None] | None = None,
) -> dict[OptionContract, Quote]:
    """Return the sample quotes at `at`; a change to None takes the entry away."""
    prices = {**PRICES, **(changes or {})}
    return {c: Quote(at, *sides) for c, sides in prices.items() if sides is not None}


@dataclass
class StillMarket:
    """A market whose quotes stand still until they are changed by hand."""

    changes: dict[OptionContract, tuple[float | None, float | None] | None] = field(
        default_factory=dict
    )
    settlements: dict[tuple[TradingClass, date], tuple[Decimal, datetime]] = field(
        default_factory=dict
    )

    def quotes(
        self, contracts: Iterable[OptionContract], at: datetime
    ) -> Mapping[OptionContract, Quote]:
        """Return the quotes of `contracts` where there are any."""
        known = quotes(at, self.changes)
        return {contract: known[contract] for contract in contracts if contract in known}

    def settlement_points(self, trading_class: TradingClass, expiry: date) -> Decimal | None:
        """Return the official value where one was set."""
        value = self.settlements.get((trading_class, expiry))
        return None if value is None else value[0]

    def settlement_known(self, trading_class: TradingClass, expiry: date, at: datetime) -> bool:
        """Tell whether the value was published by `at`."""
        value = self.settlements.get((trading_class, expiry))
        return value is not None and value[1] <= at


@dataclass
class HandClock:
    """A clock that shows what it was last set to."""

    at: datetime = AT

    def __call__(self) -> datetime:
        return self.at
