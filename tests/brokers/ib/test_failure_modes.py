"""What broke in other systems, row by row of the list of failure modes that concern a broker."""

import asyncio
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from math import nan

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ib_bench import Bench, bench_at
from ib_samples import (
    AT,
    CON_IDS,
    CONDOR,
    CREDIT,
    LEG_PRICES,
    REF,
    SHORT_PUT,
    approved,
    call_order,
    condor_order,
    leg_execution,
    open_seen,
    option_seen,
    status_seen,
)

from bot.world import World
from brokers.ib.broker import KnownOrder
from brokers.ib.contracts import ContractCache, listing_of, parse_local_symbol
from brokers.ib.feed import SETTLEMENT_INDEX
from brokers.ib.ledger import OrderLedger, Reading
from brokers.ib.library import client_library
from brokers.ib.messages import DetailsSeen, ErrorSeen, Tick
from brokers.ib.session import BackOff, Phase, outage_sentence, quiet_reason
from brokers.ib.settling import SettlingBook
from brokers.ib.shown import LineShown, Veto, apart_veto
from brokers.ib.tracked import Stage
from brokers.ib.translate import limit_order, order_contract, order_side, tick_value
from brokers.ib.walk import limit_after
from brokers.ib.wire import Wire
from market.errors import BrokerUnavailable, MarketDataError, OrderRefused
from market.instruments import COMBO_TICK, OptionContract, Settlement, TradingClass, tick_size
from market.orders import (
    BrokerEvent,
    FillCharged,
    LineChanged,
    LineState,
    OrderAccepted,
    OrderCancelled,
    OrderFilled,
    OrderRejected,
    OrderRepriced,
)
from market.quotes import SnapshotRequest

# At this hour the condor of the samples has a natural credit near 3.45, so 6.00 rests.
RESTING = condor_order(credit="6.00")
FILLING = condor_order(credit="1.00")


def told(events: tuple[BrokerEvent, ...], kind: type) -> list[BrokerEvent]:
    return [event for event in events if isinstance(event, kind)]


async def rest(bench: Bench) -> None:
    await bench.broker.submit(approved(RESTING))
    assert told(bench.broker.drain(), OrderAccepted)


async def test_row_01_no_limit_is_changed_while_the_line_is_down(world: World) -> None:
    async with bench_at(world, AT) as bench:
        await rest(bench)
        await bench.say(1100)

        during = await bench.pass_time(31)
        await bench.say(1102)
        after = await bench.pass_time(31)

        assert told(during, OrderRepriced) == []
        assert len(told(after, OrderRepriced)) == 1
        assert [(t.perm_id, t.revision) for t in bench.tickets()] == [
            (bench.tickets()[0].perm_id, 1)
        ]


async def test_row_02_a_restart_with_persisted_state_sends_nothing_twice(world: World) -> None:
    async with bench_at(world, AT) as bench:
        await rest(bench)
        await bench.broker.close()
        again, _ = bench.fresh()
        again.restore([KnownOrder(RESTING, (), True, RESTING.intent.limit_credit)], {})

        await again.connect()
        await again.submit(approved(RESTING))

        assert [ticket.wire.order_ref for ticket in bench.tickets()] == [REF]
        assert await again.open_orders() == (RESTING,)
        await again.close()


async def test_row_03_fills_during_a_break_are_read_after_it(world: World) -> None:
    async with bench_at(world, AT) as bench:
        await bench.broker.submit(approved(FILLING))
        bench.server.drop_clients()
        await asyncio.sleep(0.01)
        bench.clock.jump(AT + timedelta(seconds=2))
        bench.server.pulse()
        assert not bench.broker.line.is_ready

        events = await bench.pass_time(2)

        fills = [*told(events, OrderFilled)]
        assert [fill.quantity for fill in fills if isinstance(fill, OrderFilled)] == [1]
        assert bench.broker.line.phase is Phase.READY


async def test_row_04_a_disconnected_adapter_says_so_and_refuses_by_name(world: World) -> None:
    async with bench_at(world, AT) as bench:
        await bench.server.stop()
        await asyncio.sleep(0.01)

        await bench.broker.submit(approved(RESTING))

        events = bench.broker.drain()
        lines = [e.state for e in events if isinstance(e, LineChanged)]
        refused = [e.code for e in events if isinstance(e, OrderRejected)]
        assert lines[0] is LineState.DOWN
        assert refused == ["LINE"]


def test_row_05_an_order_of_the_second_the_gateway_restarts_is_looked_for_twice() -> None:
    ledger = OrderLedger(ContractCache().contract)
    ledger.begin(condor_order(), tws_order_id=5)
    ledger.doubt_all()

    first = ledger.conclude(Reading((), ()), AT)
    second = ledger.conclude(Reading((), ()), AT + timedelta(seconds=10))

    assert first == ()
    assert [event.code for event in second if isinstance(event, OrderRejected)] == ["LOST"]


async def test_row_06_a_nightly_reset_is_waited_through(world: World) -> None:
    async with bench_at(world, datetime(2018, 2, 2, 5, 20, tzinfo=UTC)) as bench:
        for _ in range(5):
            await bench.say(1100)
        cut = bench.broker.drain()

        await bench.say(1102)

        assert [e.state for e in cut if isinstance(e, LineChanged)] == [LineState.DOWN]
        assert bench.broker.line.phase is Phase.READY
        assert len(bench.server._clients) == 1


def test_row_07_a_log_in_that_nobody_makes_is_told_to_a_person() -> None:
    since = datetime(2026, 11, 30, 14, 0, tzinfo=UTC)

    sentence = outage_sentence(since, since + timedelta(minutes=30), "connection refused")

    assert sentence.endswith("look at the Gateway's window: it may ask for a log-in.")


@pytest.mark.parametrize("code", [399, 2109, 10349])
async def test_row_08_a_notice_never_ends_a_live_order(world: World, code: int) -> None:
    async with bench_at(world, AT) as bench:
        await rest(bench)
        number = bench.tickets()[0].wire.order_id

        await bench.say(code, "TIF was set to DAY", request_id=number)

        assert bench.broker.drain() == ()
        assert await bench.broker.open_orders() == (RESTING,)


def test_row_09_a_fill_after_a_confirmed_cancel_is_booked() -> None:
    ledger = OrderLedger(ContractCache().contract)
    ledger.begin(condor_order(), tws_order_id=5)
    ledger.open_order(open_seen(), AT)
    ledger.status(status_seen("Cancelled"), AT)
    ended = ledger.conclude(Reading((), (open_seen("Cancelled"),)), AT)

    events: list[BrokerEvent] = []
    for index in range(4):
        events += ledger.execution(leg_execution(index, "late"), AT)

    assert told(ended, OrderCancelled)
    assert [fill.credit for fill in events if isinstance(fill, OrderFilled)] == [CREDIT]


@pytest.mark.parametrize("code", [10147, 10148])
async def test_row_10_a_refused_cancel_is_not_a_cancel(world: World, code: int) -> None:
    async with bench_at(world, AT) as bench:
        await rest(bench)
        number = bench.tickets()[0].wire.order_id

        await bench.say(code, "cannot be cancelled", request_id=number)

        assert bench.broker.drain() == ()
        assert bench.broker.ledger.orders[REF].stage is Stage.WORKING


async def test_row_11_details_of_a_bag_are_never_asked_for() -> None:
    api = client_library()
    wire = Wire(api, lambda _event: None, lambda: None)

    with pytest.raises(OrderRefused, match="a bag has no contract details"):
        await wire.details(order_contract(api, condor_order().intent, CON_IDS))


def test_row_12_leg_executions_before_the_package_give_the_right_net_price() -> None:
    ledger = OrderLedger(ContractCache().contract)
    ledger.begin(condor_order(), tws_order_id=5)
    events: list[BrokerEvent] = []

    for index in (3, 0, 2, 1):
        events += ledger.execution(leg_execution(index, "a"), AT)

    (fill,) = (event for event in events if isinstance(event, OrderFilled))
    assert (fill.credit, fill.leg_prices) == (CREDIT, LEG_PRICES)


@given(sizes=st.lists(st.integers(1, 4), min_size=1, max_size=5))
def test_row_13_partial_combo_fills_sum_to_their_parts(sizes: list[int]) -> None:
    ledger = OrderLedger(ContractCache().contract)
    ledger.begin(condor_order(sum(sizes)), tws_order_id=5)
    events: list[BrokerEvent] = []

    for number, size in enumerate(sizes):
        for index in range(4):
            seen = leg_execution(index, f"p{number}", quantity=size)
            events += ledger.execution(seen, AT)

    fills = [event for event in events if isinstance(event, OrderFilled)]
    assert sum(fill.quantity for fill in fills) == sum(sizes)
    assert ledger.active() == ()


async def test_row_14_four_legs_go_out_without_leg_prices_and_guaranteed() -> None:
    api, order = client_library(), condor_order()

    sent = limit_order(api, order, CREDIT, account="DU1234567")

    assert (sent.orderComboLegs, sent.smartComboRoutingParams) == ([], [])


async def test_row_15_a_credit_condor_brings_cash_in(world: World) -> None:
    async with bench_at(world, AT) as bench:
        before = await bench.broker.account()
        await bench.broker.submit(approved(FILLING))
        await bench.pass_time(2)

        after = await bench.broker.account()

        assert order_side(FILLING.intent, Decimal("1.00")) == ("BUY", Decimal("-1.00"))
        assert after.cash_usd > before.cash_usd


async def test_row_16_a_package_with_a_missing_leg_is_not_sent(world: World) -> None:
    strange = OptionContract.parse("SPXW 2018-02-05 2703 P")
    legs = (replace(CONDOR[0], contract=strange), *CONDOR[1:])
    order = replace(RESTING, intent=replace(RESTING.intent, legs=legs))
    async with bench_at(world, AT) as bench:
        await bench.broker.submit(approved(order))

        (event,) = bench.broker.drain()
        assert isinstance(event, OrderRejected)
        assert event.code == "UNKNOWN_CONTRACT"
        assert bench.tickets() == []


def test_row_17_nan_is_no_price_and_no_zero() -> None:
    shown = LineShown(values={"bid": tick_value("bid", nan), "ask": tick_value("ask", 0.0)})

    quote = shown.quote(AT)

    assert (quote.bid, quote.ask, quote.mid) == (None, None, None)
    assert shown.veto(AT, timedelta(minutes=1), accepts_delayed=False) is Veto.NO_BID


def test_row_18_spxw_on_a_third_friday_is_settled_in_the_afternoon() -> None:
    weekly = parse_local_symbol("SPXW  260116P06000000")
    monthly = parse_local_symbol("SPX   260116P06000000")

    assert weekly is not None
    assert weekly.spec.settlement is Settlement.PM
    assert monthly is not None
    assert monthly.spec.settlement is Settlement.AM


def test_row_19_am_series_are_valued_at_the_opening_quotation() -> None:
    assert SETTLEMENT_INDEX[TradingClass.SPX] == "SET"
    assert SETTLEMENT_INDEX[TradingClass.VIX] == "VRO"
    assert SETTLEMENT_INDEX[TradingClass.SPXW] == "SPX"


def test_row_20_a_half_day_expiry_settles_at_one_in_the_afternoon(world: World) -> None:
    expiry = date(2018, 7, 3)
    book = SettlingBook(world.calendar.settles_at)

    book.restore({OptionContract(TradingClass.SPXW, expiry, Decimal(2700), SHORT_PUT.right): -1})

    assert book.due() == datetime(2018, 7, 3, 17, 0, tzinfo=UTC)


async def test_row_21_an_am_series_is_asked_for_by_its_last_trading_day(world: World) -> None:
    async with bench_at(world, AT) as bench:
        listing = await bench.broker.finder.listing(TradingClass.VIX, date(2018, 2, 14))

        assert OptionContract.parse("VIX 2018-02-14 20 C") in listing.con_ids
        assert listing.objections == ()


def test_row_22_classes_that_share_a_last_trading_day_are_told_apart() -> None:
    pm = OptionContract.parse("SPXW 2026-12-17 6000 P")
    am = OptionContract.parse("SPX 2026-12-18 6000 P")
    rows = [
        DetailsSeen(replace(option_seen(each, "20261217"), con_id=number), "", (), ())
        for number, each in ((1, pm), (2, am))
    ]

    of_pm = listing_of(rows, TradingClass.SPXW, pm.expiry, date(2026, 12, 17))
    of_am = listing_of(rows, TradingClass.SPX, am.expiry, date(2026, 12, 17))

    assert (dict(of_pm.con_ids), dict(of_am.con_ids)) == ({pm: 1}, {am: 2})


async def test_row_23_a_flapping_farm_makes_quotes_stale_and_keeps_the_socket(
    world: World,
) -> None:
    async with bench_at(world, AT) as bench:
        for _ in range(10):
            await bench.say(2103, "Market data farm connection is broken:usopt")
            await bench.say(2104, "Market data farm connection is OK:usopt")
        await bench.say(2103, "Market data farm connection is broken:usopt")

        assert bench.broker.line.phase is Phase.DEGRADED
        assert len(bench.server._clients) == 1
        with pytest.raises(MarketDataError, match="degraded"):
            await bench.feed.snapshot(SnapshotRequest())


async def test_row_24_a_port_that_is_open_and_mute_is_not_a_line() -> None:
    is_over = asyncio.Event()

    async def mute(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()
        await writer.wait_closed()
        is_over.set()

    server = await asyncio.start_server(mute, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    wire = Wire(client_library(), lambda _event: None, lambda: None, answer_s=0.2)

    with pytest.raises(BrokerUnavailable, match="accepts connections but does not answer"):
        await wire.open("127.0.0.1", port, 7)

    wire.close()
    await asyncio.wait_for(is_over.wait(), 5)
    server.close()


def test_row_25_the_weekend_log_in_is_waited_for_without_end() -> None:
    sunday = datetime(2026, 11, 29, 15, 0, tzinfo=UTC)
    monday = datetime(2026, 11, 30, 15, 0, tzinfo=UTC)
    back_off = BackOff(attempts=500)

    assert quiet_reason(sunday) == "the weekly log-in"
    assert quiet_reason(monday) is None
    assert back_off.after_failure() == timedelta(seconds=60)


async def test_row_26_without_live_data_there_is_a_sentence_and_no_price(world: World) -> None:
    async with bench_at(world, AT, has_live_data=False) as bench:
        with pytest.raises(MarketDataError, match="not subscribed"):
            await bench.feed.snapshot(SnapshotRequest())

        assert bench.feed.board.lines_open == 0


async def test_row_27_orders_that_work_at_the_broker_are_seen_after_a_restart(
    world: World,
) -> None:
    async with bench_at(world, AT) as bench:
        await rest(bench)
        await bench.broker.close()
        forgetful, _ = bench.fresh()

        await forgetful.connect()

        assert forgetful.strangers() == (
            f"an order of 1 SPX that this bot never sent works at the broker (reference '{REF}')",
        )
        await forgetful.close()


async def test_row_28_a_filled_order_is_not_cancelled_again(world: World) -> None:
    async with bench_at(world, AT) as bench:
        await bench.broker.submit(approved(FILLING))
        await bench.pass_time(2)
        bench.broker.drain()

        for _ in range(3):
            await bench.broker.cancel(REF)

        assert bench.broker.drain() == ()
        assert bench.tickets()[0].status == "Filled"


async def test_row_29_the_balance_is_that_of_the_fills_to_the_cent(world: World) -> None:
    async with bench_at(world, AT) as bench:
        before = await bench.broker.account()
        await bench.broker.submit(approved(condor_order(3, credit="1.00")))
        events = await bench.pass_time(2)

        after = await bench.broker.account()

        fills = [event for event in events if isinstance(event, OrderFilled)]
        charges = [event for event in events if isinstance(event, FillCharged)]
        received = sum((fill.credit * 100 * fill.quantity for fill in fills), Decimal(0))
        paid = sum((charge.fees_usd for charge in charges), Decimal(0))
        assert len(charges) == len(fills) > 0
        assert after.cash_usd - before.cash_usd == received - paid


@given(credit=st.integers(-100, 100), steps=st.integers(0, 10), is_sold=st.booleans())
def test_row_32_every_limit_of_a_walk_is_on_its_grid(
    credit: int, steps: int, is_sold: bool
) -> None:
    combo = condor_order(credit=str(credit * COMBO_TICK)).intent
    price = Decimal(abs(credit) + 1) / 10
    single = call_order(-1 if is_sold else 1, str(price if is_sold else -price)).intent

    of_combo, of_single = limit_after(combo, steps), limit_after(single, steps)

    assert of_combo % COMBO_TICK == 0
    assert of_single % tick_size(TradingClass.VIX, of_single) == 0


async def test_row_33_no_decision_runs_on_quotes_of_a_line_that_is_cut(world: World) -> None:
    async with bench_at(world, AT) as bench:
        await bench.say(1100)

        with pytest.raises(MarketDataError, match="the line to the broker is cut"):
            await bench.feed.snapshot(SnapshotRequest())


def test_row_34_legs_seen_more_than_a_second_apart_are_no_package() -> None:
    early = LineShown(seen_at={"bid": AT, "ask": AT})
    later = LineShown(seen_at={"bid": AT + timedelta(seconds=2), "ask": AT})

    assert apart_veto([early, early]) is None
    assert apart_veto([early, later]) is Veto.DESYNCHRONISED


def test_errors_that_belong_to_no_order_touch_none() -> None:
    ledger = OrderLedger(ContractCache().contract)
    ledger.begin(condor_order(), tws_order_id=5)

    ledger.error(ErrorSeen(6, 201, "another request"))

    assert ledger.doubted == set()
    assert Tick(1, "bid", None).value is None
