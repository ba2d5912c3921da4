"""The price diary, latency, random rejections and the drift after a fill."""

from datetime import timedelta
from decimal import Decimal
from importlib.resources import files

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sample_venue import (
    ALWAYS,
    AT,
    CONDOR,
    LONG_PUT,
    NEVER,
    VIX_CALL,
    approved,
    calendar,
    fee_schedule,
    quotes,
)

from brokers.sim.admission import RejectionCode
from brokers.sim.broker import regular_hours
from brokers.sim.exchange import SimExchange
from brokers.sim.fills import FillModel
from market.errors import ConfigError
from market.orders import (
    BrokerEvent,
    FillReviewed,
    Leg,
    LookVerdict,
    OrderAccepted,
    OrderFilled,
    OrderLooked,
    OrderRejected,
    OrderRepriced,
    PriceWalk,
)

SECOND = timedelta(seconds=1)
WALK = PriceWalk(step_points=Decimal("0.05"), every=30 * SECOND, times=1)
NATURAL, MID = Decimal("1.40"), Decimal("1.70")


def shipped() -> str:
    return files("config").joinpath("fills.toml").read_text("utf-8")


def venue(fills: FillModel, vix: float | None = 17.0, *, keeps_diary: bool = True) -> SimExchange:
    sessions = calendar()
    return SimExchange(
        cash_usd=Decimal(100_000),
        fees=fee_schedule(),
        fills=fills,
        trading_ends_at=lambda c: sessions.trading_ends_at(c.trading_class, c.expiry),
        is_open=regular_hours(sessions),
        is_listed=lambda _contract, _at: True,
        vix_at=lambda _at: vix,
        keeps_diary=keeps_diary,
    )


def look(seconds: int, limit: str, verdict: LookVerdict) -> OrderLooked:
    at = AT + seconds * SECOND
    return OrderLooked(at, "test-entry", Decimal(limit), NATURAL, MID, verdict)


def test_the_diary_tells_each_step_of_an_order_with_its_prices() -> None:
    desk = venue(NEVER)

    events = [*desk.submit(approved("1.75", walk=WALK), AT, quotes())]
    events += desk.on_market(AT + 30 * SECOND, quotes(AT + 30 * SECOND))
    events += desk.on_market(AT + 40 * SECOND, quotes(AT + 40 * SECOND, {LONG_PUT: None}))

    assert events == [
        OrderAccepted(AT, "test-entry"),
        look(0, "1.75", LookVerdict.ABOVE_MID),
        OrderRepriced(AT + 30 * SECOND, "test-entry", Decimal("1.70")),
        look(30, "1.70", LookVerdict.NOT_DRAWN),
        OrderLooked(
            AT + 40 * SECOND, "test-entry", Decimal("1.70"), None, None, LookVerdict.NO_PRICE
        ),
    ]


def test_a_look_that_only_repeats_the_last_one_is_not_written() -> None:
    desk = venue(NEVER)
    desk.submit(approved("1.75"), AT, quotes())

    again = desk.on_market(AT + SECOND, quotes(AT + SECOND))
    moved = desk.on_market(AT + 2 * SECOND, quotes(AT + 2 * SECOND, {LONG_PUT: (1.10, 1.35)}))

    assert again == ()
    assert [type(event) for event in moved] == [OrderLooked]


def test_a_fill_is_the_last_line_of_its_diary() -> None:
    desk = venue(ALWAYS)

    _, seen, filled = desk.submit(approved("1.65"), AT, quotes())

    assert seen == look(0, "1.65", LookVerdict.FILLED)
    assert isinstance(filled, OrderFilled)


def test_a_closed_market_and_a_missing_mid_are_told_apart() -> None:
    desk = venue(NEVER)
    later = AT + 5 * timedelta(hours=1)

    desk.submit(approved("1.65", good_until=later + timedelta(days=1)), AT, quotes())
    no_mid = desk.on_market(AT + SECOND, quotes(AT + SECOND, {LONG_PUT: (None, 1.35)}))
    closed = desk.on_market(later, quotes(later))

    verdicts = [e.verdict for e in (*no_mid, *closed) if isinstance(e, OrderLooked)]
    assert verdicts == [LookVerdict.NO_MID, LookVerdict.CLOSED]


def test_without_a_diary_the_other_events_are_the_same() -> None:
    def events(*, keeps_diary: bool) -> list[BrokerEvent]:
        desk = venue(ALWAYS, keeps_diary=keeps_diary)
        told = [*desk.submit(approved("1.65"), AT, quotes())]
        told += desk.on_market(AT + 60 * SECOND, quotes(AT + 60 * SECOND))
        return [event for event in told if not isinstance(event, OrderLooked)]

    assert events(keeps_diary=True) == events(keeps_diary=False)


def test_an_order_meets_the_market_only_after_its_latency() -> None:
    desk = venue(FillModel(seed=1, ladder=((1.0, 1.0),), latency=2 * SECOND))

    sent = desk.submit(approved("1.65"), AT, quotes())
    early = desk.on_market(AT + SECOND, quotes(AT + SECOND))
    due = desk.due()
    met = desk.on_market(AT + 2 * SECOND, quotes(AT + 2 * SECOND))

    assert sent == (OrderAccepted(AT, "test-entry"),)
    assert early == ()
    assert due == AT + 2 * SECOND
    assert [type(event) for event in met] == [OrderLooked, OrderFilled]


def test_what_the_market_does_within_the_latency_counts() -> None:
    desk = venue(FillModel(seed=1, ladder=((1.0, 1.0),), latency=SECOND))
    desk.submit(approved("1.65"), AT, quotes())

    (gone,) = desk.on_market(AT + SECOND, quotes(AT + SECOND, {LONG_PUT: (1.50, 1.60)}))

    assert isinstance(gone, OrderLooked)
    assert gone.verdict is LookVerdict.ABOVE_MID


def test_a_share_of_orders_is_turned_down_for_no_reason() -> None:
    desk = venue(FillModel(seed=3, ladder=((1.0, 0.0),), reject_share=0.25))

    answers = [
        desk.submit(approved("1.75", name=f"{number}"), AT, quotes())[0] for number in range(30)
    ]

    refused = [event for event in answers if isinstance(event, OrderRejected)]
    assert 2 <= len(refused) <= 15
    assert {event.code for event in refused} == {RejectionCode.VENUE}
    assert len(desk.open_orders()) == 30 - len(refused)


def test_shares_of_rejections_are_met_and_none_by_default() -> None:
    some, none = FillModel(seed=1, reject_share=0.1), FillModel(seed=1)
    names = [f"order-{number}" for number in range(5000)]

    assert sum(map(some.is_turned_down, names)) / 5000 == pytest.approx(0.1, abs=0.015)
    assert not any(map(none.is_turned_down, names))


def model(**changes: float) -> FillModel:
    return FillModel.from_toml(shipped(), seed=1, **changes)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("underlying", "vix", "mean"),
    [
        ("SPX", 12.0, 0.025),
        ("SPX", 15.0, 0.05),
        ("SPX", 24.9, 0.10),
        ("SPX", 25.0, 0.20),
        ("SPX", 60.0, 0.375),
        ("VIX", 60.0, 0.015),
    ],
)
def test_the_drift_after_a_fill_is_half_of_the_slippage_table(
    underlying: str, vix: float, mean: float
) -> None:
    drifts = [float(model().drift_points(underlying, vix, f"fill-{n}")) for n in range(4000)]

    assert min(drifts) >= 0.0
    assert sum(drifts) / 4000 == pytest.approx(mean, rel=0.06)


def test_the_drift_can_be_switched_off_and_needs_a_vix() -> None:
    assert model(adverse_scale=0.0).drift_points("SPX", 17.0, "a") == 0
    assert model().drift_points("SPX", None, "a") == 0
    assert FillModel(seed=1).drift_points("SPX", 17.0, "a") == 0


@pytest.mark.parametrize(
    ("legs", "limit"), [(CONDOR, "1.40"), ((Leg(VIX_CALL, 1),), "-0.80")], ids=["sold", "bought"]
)
def test_the_drift_goes_against_us_on_either_side_and_is_told_apart(
    legs: tuple[Leg, ...], limit: str
) -> None:
    desk = venue(FillModel.from_toml(shipped(), seed=1, partial_share=0.0), vix=35.0)
    desk.submit(approved(limit, legs=legs), AT, quotes())
    later = AT + 60 * SECOND

    (review,) = [e for e in desk.on_market(later, quotes(later)) if isinstance(e, FillReviewed)]

    mid = MID if legs is CONDOR else Decimal("-0.75")
    assert review.drift_points > 0
    assert review.mid_credit == mid + review.drift_points
    assert review.adverse_selection_points == review.mid_credit - Decimal(limit)


def test_the_shipped_table_holds_the_ladder_of_the_design() -> None:
    assert model().ladder == ((0.25, 0.85), (0.50, 0.65), (0.75, 0.45), (1.00, 0.25))
    assert model().oldest_quote == 10 * SECOND


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("[ladder]", "[lader]"),
        ("chance = 0.85", "chance = 1.85"),
        ("up_to_frac = 1.00", "up_to_frac = 0.90"),
        ("below_vix = 25.0", "below_vix = 14.0"),
        ("{ points = 0.375 }", "{ points = -0.1 }"),
        ("{ points = 0.375 }", "{ below_vix = 40.0, points = 0.1 }"),
        ("redraw_seconds = 30", "redraw_seconds = 0"),
        ("[timing]", "[timing"),
    ],
)
def test_a_malformed_table_is_refused(old: str, new: str) -> None:
    text = shipped()
    assert old in text

    with pytest.raises(ConfigError, match=r"fills.toml is malformed .*; restore the shipped file"):
        FillModel.from_toml(text.replace(old, new), seed=1)


SIDES = st.tuples(st.integers(0, 400), st.integers(1, 60)).map(
    lambda pair: (pair[0] / 20, (pair[0] + pair[1]) / 20)
)


@given(
    sides=st.tuples(SIDES, SIDES, SIDES, SIDES),
    limit=st.integers(-400, 400).map(lambda n: Decimal(n) / 20),
    seed=st.integers(0, 50),
)
def test_no_fill_lies_outside_bid_and_ask(
    sides: tuple[tuple[float, float], ...], limit: Decimal, seed: int
) -> None:
    shown = dict(zip((leg.contract for leg in CONDOR), sides, strict=True))
    desk = venue(FillModel(seed=seed, partial_share=0.0))

    events = desk.submit(approved(str(limit)), AT, quotes(AT, shown))

    for fill in (event for event in events if isinstance(event, OrderFilled)):
        assert fill.mid_credit is not None
        assert fill.mid_credit >= fill.credit >= limit
        for leg, price, (bid, ask) in zip(CONDOR, fill.leg_prices, sides, strict=True):
            assert Decimal(str(bid)) <= price <= Decimal(str(ask)), leg
        total = sum(leg.ratio * p for leg, p in zip(CONDOR, fill.leg_prices, strict=True))
        assert total == -fill.credit
