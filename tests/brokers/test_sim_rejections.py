from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from sample_venue import (
    AT,
    CONDOR,
    CONDOR_BOUGHT_BACK,
    LONG_CALL,
    LONG_PUT,
    MONDAY_CLOSE,
    NEVER,
    SHORT_CALL,
    SHORT_PUT,
    VIX_CALL,
    VIX_CALL_LATER,
    approved,
    exchange,
    quotes,
)

from market.orders import BrokerEvent, Leg, OrderAccepted, OrderRejected, PriceWalk


def rejected(code: str, reason: str, at: datetime = AT) -> tuple[BrokerEvent, ...]:
    return (OrderRejected(at, "test-entry", code, reason),)


def test_an_order_without_a_listing_is_refused() -> None:
    events = exchange(listed=False).submit(approved("1.25"), AT, quotes())

    assert events == rejected("UNKNOWN_CONTRACT", "SPXW 2018-02-05 2815 C is not listed.")


def test_a_strike_that_the_market_does_not_quote_is_refused() -> None:
    events = exchange().submit(approved("1.25"), AT, quotes(AT, {LONG_CALL: None}))

    assert events == rejected("UNKNOWN_CONTRACT", "no quotes exist for SPXW 2018-02-05 2815 C.")


def test_a_contract_of_last_week_is_refused_as_expired() -> None:
    at = datetime(2018, 2, 12, 15, 0, tzinfo=UTC)

    events = exchange().submit(approved("1.25"), at, quotes(at))

    assert events == rejected("EXPIRED", "SPXW 2018-02-05 has expired.", at)


def test_an_expiring_series_is_refused_from_the_cash_close_on() -> None:
    order = approved("1.25", good_until=MONDAY_CLOSE + timedelta(minutes=10))

    events = exchange().submit(order, MONDAY_CLOSE, quotes(MONDAY_CLOSE))

    assert events == rejected("EXPIRED", "SPXW 2018-02-05 no longer trades.", MONDAY_CLOSE)


def test_an_order_whose_good_until_has_passed_is_refused() -> None:
    events = exchange().submit(approved("1.25", good_until=AT), AT, quotes())

    assert events == rejected("EXPIRED", "the order's good-until lies in the past.")


@pytest.mark.parametrize(
    "at",
    [
        datetime(2018, 2, 2, 14, 29, 59, tzinfo=UTC),
        datetime(2018, 2, 2, 21, 15, tzinfo=UTC),
        datetime(2018, 2, 3, 16, 0, tzinfo=UTC),
    ],
    ids=["before the open", "at the option close", "on a Saturday"],
)
def test_an_order_outside_hours_is_refused(at: datetime) -> None:
    order = approved("1.25", good_until=at + timedelta(minutes=5))

    events = exchange().submit(order, at, quotes(at))

    assert events == rejected("MARKET_CLOSED", "the market of SPXW 2018-02-05 is closed.", at)


@pytest.mark.parametrize(
    ("limit", "legs", "reason"),
    [
        ("1.23", CONDOR, "limit 1.23 is not on the 0.05 grid."),
        (
            "0.01",
            (Leg(VIX_CALL, -1), Leg(VIX_CALL_LATER, 1)),
            "limit 0.01 is not on the 0.05 grid.",
        ),
        ("-3.15", (Leg(SHORT_PUT, 1),), "limit -3.15 is not on the 0.10 grid."),
        ("-0.77", (Leg(VIX_CALL, 1),), "limit -0.77 is not on the 0.05 grid."),
        ("0.80", (Leg(VIX_CALL, 1),), "a single option is paid for when bought, paid when sold."),
        ("0", (Leg(VIX_CALL, 1),), "a single option is paid for when bought, paid when sold."),
    ],
)
def test_a_limit_off_the_legal_grid_is_refused(
    limit: str, legs: tuple[Leg, ...], reason: str
) -> None:
    events = exchange().submit(approved(limit, legs=legs), AT, quotes())

    assert events == rejected("BAD_TICK", reason)


def test_a_combo_across_underlyings_is_refused() -> None:
    legs = (Leg(LONG_PUT, 1), Leg(VIX_CALL, 1))

    events = exchange().submit(approved("-2.50", legs=legs), AT, quotes())

    assert events == rejected("BAD_COMBO", "the legs of a combo share one underlying.")


def test_a_combo_without_a_unit_leg_is_refused() -> None:
    legs = (Leg(SHORT_PUT, -2), Leg(LONG_PUT, 2))

    events = exchange().submit(approved("1.00", legs=legs), AT, quotes())

    assert events == rejected("BAD_COMBO", "a combo has a leg of ratio 1 or −1.")


@pytest.mark.parametrize("limit", ["25.00", "30.00"])
def test_a_credit_of_the_wing_width_or_more_is_riskless_and_refused(limit: str) -> None:
    events = exchange().submit(approved(limit), AT, quotes())

    assert events == rejected("RISKLESS", f"limit {limit} cannot lose: a riskless combo.")


def test_buying_a_condor_for_nothing_is_riskless_too() -> None:
    events = exchange().submit(approved("0", legs=CONDOR_BOUGHT_BACK), AT, quotes())

    assert events == rejected("RISKLESS", "limit 0 cannot lose: a riskless combo.")


@pytest.mark.parametrize(
    ("legs", "limit", "reason"),
    [
        ((Leg(SHORT_PUT, -1),), "2.00", "1 short P of SPXW 2018-02-05 could be left uncovered."),
        ((Leg(VIX_CALL, -1),), "0.75", "1 short C of VIX 2018-02-14 could be left uncovered."),
        (
            (Leg(VIX_CALL, -1), Leg(VIX_CALL_LATER, 1)),
            "-0.90",
            "1 short C of VIX 2018-02-14 could be left uncovered.",
        ),
        (
            (Leg(SHORT_PUT, -2), Leg(LONG_PUT, 1)),
            "2.00",
            "1 short P of SPXW 2018-02-05 could be left uncovered.",
        ),
    ],
    ids=["naked put", "naked call", "calendar", "ratio spread"],
)
def test_an_order_that_leaves_a_short_uncovered_is_refused(
    legs: tuple[Leg, ...], limit: str, reason: str
) -> None:
    events = exchange().submit(approved(limit, legs=legs), AT, quotes())

    assert events == rejected("UNCOVERED", reason)


def test_a_wing_cannot_be_sold_away_from_its_short() -> None:
    venue = exchange()
    venue.submit(approved("1.25", name="condor"), AT, quotes())

    events = venue.submit(approved("1.20", legs=(Leg(LONG_PUT, -1),)), AT, quotes())

    assert events == rejected("UNCOVERED", "1 short P of SPXW 2018-02-05 could be left uncovered.")


def test_one_long_covers_one_working_order_only() -> None:
    venue = exchange(fills=NEVER)
    venue.submit(approved("-0.80", legs=(Leg(VIX_CALL, 1),), name="buy"), AT, quotes())
    venue.submit(approved("0.90", legs=(Leg(VIX_CALL, -1),), name="sell"), AT, quotes())

    events = venue.submit(approved("0.95", legs=(Leg(VIX_CALL, -1),)), AT, quotes())

    assert events == rejected("UNCOVERED", "1 short C of VIX 2018-02-14 could be left uncovered.")


def test_a_working_purchase_covers_nothing_before_it_fills() -> None:
    venue = exchange(fills=NEVER)
    venue.submit(approved("-0.05", legs=(Leg(VIX_CALL, 1),), name="buy"), AT, quotes())

    events = venue.submit(approved("0.75", legs=(Leg(VIX_CALL, -1),)), AT, quotes())

    assert events == rejected("UNCOVERED", "1 short C of VIX 2018-02-14 could be left uncovered.")


def test_a_condor_beyond_the_cash_is_refused() -> None:
    # 2,500 margin − 140 credit + at most 5.61 fees (1.00 minimum, 4 × 1.147, TAF, 0.01).
    events = exchange(cash_usd="2365").submit(approved("1.40"), AT, quotes())

    assert events == rejected("NO_MARGIN", "the order needs 2365.60 USD, 2365.00 USD are free.")


def test_a_walk_needs_the_cash_of_its_last_limit() -> None:
    walk = PriceWalk(step_points=Decimal("0.05"), every=timedelta(seconds=30), times=3)

    events = exchange(cash_usd="2370").submit(approved("1.40", walk=walk), AT, quotes())

    assert events == rejected("NO_MARGIN", "the order needs 2380.60 USD, 2370.00 USD are free.")


def test_a_condor_that_the_cash_just_covers_is_taken() -> None:
    events = exchange(cash_usd="2365.61").submit(approved("1.40"), AT, quotes())

    assert events[0] == OrderAccepted(AT, "test-entry")


def test_working_orders_reserve_what_they_may_need() -> None:
    venue = exchange(cash_usd="4000", fills=NEVER)
    venue.submit(approved("1.50", name="first"), AT, quotes())

    refused = venue.submit(approved("1.50"), AT, quotes())
    venue.cancel("test-first", AT)
    taken = venue.submit(approved("1.50", name="second"), AT, quotes())

    assert refused == rejected("NO_MARGIN", "the order needs 2355.60 USD, 1644.40 USD are free.")
    assert taken == (OrderAccepted(AT, "test-second"),)


def test_a_hedge_beyond_the_cash_is_refused() -> None:
    order = approved("-0.80", legs=(Leg(VIX_CALL, 1),), quantity=4)

    events = exchange(cash_usd="320").submit(order, AT, quotes())

    assert isinstance(events[0], OrderRejected)
    assert events[0].code == "NO_MARGIN"


def test_the_same_order_again_changes_nothing_and_says_nothing() -> None:
    venue = exchange()
    order = approved("1.25")
    venue.submit(order, AT, quotes())
    cash = venue.account()

    same_object = venue.submit(order, AT, quotes())
    equal_order = venue.submit(approved("1.25"), AT + timedelta(seconds=1), quotes())

    assert (same_object, equal_order) == ((), ())
    assert venue.account() == cash
    assert venue.positions()[SHORT_CALL] == -1


def test_a_used_order_id_with_another_content_is_refused() -> None:
    venue = exchange()
    venue.submit(approved("1.25"), AT, quotes())

    events = venue.submit(approved("1.30"), AT, quotes())

    assert events == rejected(
        "DUPLICATE", "order id test-entry was already used for a different order."
    )
    assert venue.positions()[SHORT_CALL] == -1


def test_a_refused_order_leaves_no_trace_on_the_account() -> None:
    venue = exchange(cash_usd="100")

    venue.submit(approved("1.25"), AT, quotes())

    assert venue.open_orders() == ()
    assert venue.due() is None
    assert venue.account().cash_usd == Decimal(100)
