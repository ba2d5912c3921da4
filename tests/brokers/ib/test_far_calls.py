"""A chain of VIX calls is looked at as far out as a rule may trade, not to its last strike."""

from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from ib_bench import bench_at
from ib_samples import AT

from bot.paper import least_aim
from bot.settings import Settings
from bot.world import World
from brokers.gateway.faults import read_faults
from brokers.ib.chains import is_far_out, wanted_parts, wanted_series
from brokers.ib.shown import LineShown
from market.instruments import OptionContract, Right, TradingClass
from strategies.base import Layer
from strategies.ladder import pick_call

CALM, WILD = datetime(2018, 2, 2, 16, 0, tzinfo=UTC), datetime(2018, 2, 6, 16, 0, tzinfo=UTC)
EXPIRIES = date(2018, 3, 21), date(2018, 5, 16), date(2018, 9, 19)
LEAST_DELTA = least_aim(Settings().alvh) / 2
DELTAS = 0.6, 0.5, 0.45, 0.3, 0.2, 0.15
LEVEL = 15.0
LISTED = [
    OptionContract(TradingClass.VIX, EXPIRIES[0], Decimal(strike), right)
    for strike in range(8, 100)
    for right in Right
]


@pytest.mark.parametrize("at", [CALM, WILD])
@pytest.mark.parametrize("expiry", EXPIRIES)
async def test_every_aim_picks_the_call_of_the_whole_chain(
    world: World, at: datetime, expiry: date
) -> None:
    key = (TradingClass.VIX, expiry)
    whole = world.market.chain(*key, at)
    assert whole is not None
    async with bench_at(world, at, least_delta=LEAST_DELTA) as bench:
        seen = await bench.feed.chain(key, await bench.feed.levels())

    assert seen is not None
    for delta in DELTAS:
        picks = [pick_call(c, Layer.NEAR, delta, Settings()) for c in (seen, whole)]
        contracts = [pick and pick.contract for pick in picks]
        assert contracts[0] == contracts[1] is not None


def test_the_least_aim_is_that_of_the_layers_or_of_the_fall_back() -> None:
    usual = Settings().alvh

    assert least_aim(usual) == usual.fallback_delta_min
    assert least_aim(usual.model_copy(update={"delta_mid": 0.1})) == 0.1


async def test_on_a_calm_day_a_third_of_the_strikes_are_not_asked_for(world: World) -> None:
    asked = listed = 0
    async with bench_at(world, CALM) as bench:
        for expiry in EXPIRIES:
            chain = await bench.feed.chain((TradingClass.VIX, expiry), await bench.feed.levels())
            whole = world.market.chain(TradingClass.VIX, expiry, CALM)
            assert chain is not None
            assert whole is not None
            asked += len(chain.strikes)
            listed += len(whole.strikes)

    assert asked < 2 / 3 * listed


async def test_where_no_line_shows_anything_no_further_ones_are_waited_for(world: World) -> None:
    script = '[[fault]]\nkind = "silent_data"\nat = 2018-02-02T11:00:00\nseconds = 60\n'
    async with bench_at(world, CALM, faults=read_faults(script, "script"), quote_s=0.01) as bench:
        levels = world.market.levels(CALM)
        await bench.pass_time(1)
        before = bench.broker.line.wire.next_id()

        assert await bench.feed.chain((TradingClass.VIX, EXPIRIES[0]), levels) is None

        assert bench.broker.line.wire.next_id() - before < 50


def line(bid: float | None, delta: float | None) -> LineShown:
    values = {"bid": bid, "ask": 0.1, "delta": delta}
    return LineShown(values, dict.fromkeys(values, AT))


def calls(*shown: LineShown) -> dict[OptionContract, LineShown]:
    wanted = [c for c in LISTED if c.right is Right.CALL and float(c.strike) > LEVEL]
    return dict(zip(wanted, shown, strict=False))


def test_three_worthless_calls_in_a_row_are_far_enough() -> None:
    worth, no_bid, tiny, silent = line(1.0, 0.3), line(None, None), line(0.05, 0.009), LineShown()

    assert is_far_out(calls(worth, no_bid, tiny, line(0.0, None)), LEVEL, 0.01)
    assert is_far_out(calls(worth, no_bid, tiny, silent), LEVEL, 0.01)
    assert not is_far_out(calls(worth, no_bid, tiny, worth), LEVEL, 0.01)
    assert not is_far_out(calls(no_bid, tiny, line(0.05, None)), LEVEL, 0.01)
    assert not is_far_out(calls(no_bid, tiny), LEVEL, 0.01)
    assert not is_far_out({}, LEVEL, 0.01)


def test_calls_below_the_level_and_other_classes_are_never_far() -> None:
    below = {c: line(None, None) for c in LISTED if float(c.strike) < LEVEL}
    spx = [replace(c, trading_class=TradingClass.SPXW, strike=c.strike + 2700) for c in LISTED]

    assert not is_far_out(below, LEVEL, 0.01)
    assert not is_far_out({c: line(None, None) for c in spx}, 2700.0, 0.01)


def test_the_parts_are_the_wanted_series_in_order() -> None:
    parts = wanted_parts(LISTED, LEVEL, 0.08)

    assert [c for part in parts for c in part] == wanted_series(LISTED, LEVEL, 0.08)
    assert [max(c.strike for c in part) for part in parts] == [30, 46, 62, 78, 94, 99]
    assert parts[-1][0].strike == 95
