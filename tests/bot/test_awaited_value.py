"""An official value that comes late: the expiry waits and says so, and the cash is right."""

import io
import json
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
from bot_samples import Replayed
from bot_samples import replay as replayed_of

from bot.events import EquityMarked
from bot.log import RunLog
from bot.settings import Settings
from bot.telling import tell
from bot.world import World, historical_world, shipped_params
from market.instruments import TradingClass
from market.model import ModelMarket
from market.orders import PositionSettled, SettlementAwaited
from market.surface import Surface

FIRST, LAST = date(2018, 1, 8), date(2018, 1, 19)
LATE = (TradingClass.SPXW, date(2018, 1, 12))
CLOSE = datetime(2018, 1, 12, 21, 0, tzinfo=UTC)
STRUCK_AT = CLOSE + timedelta(minutes=3)


class LateMarket(ModelMarket):
    """A market that strikes one official value three minutes after it is due."""

    def settlement_known(self, trading_class: TradingClass, expiry: date, at: datetime) -> bool:
        """Tell whether a value exists and has been struck; that of LATE is late."""
        is_late = (trading_class, expiry) == LATE and at < STRUCK_AT
        return not is_late and super().settlement_known(trading_class, expiry, at)


def market_of(kind: type[ModelMarket], world: World) -> ModelMarket:
    """Return a market of a world, of the plain kind or a late one."""
    return kind(
        world.history,
        world.calendar,
        world.listings,
        Surface(shipped_params()),
        world.family,
        world.seed,
        world.macro,
    )


@pytest.fixture(scope="module")
def plain() -> Replayed:
    world = historical_world(Settings(), None, seed=7)
    return replayed_of(replace(world, market=market_of(ModelMarket, world)), FIRST, LAST)


@pytest.fixture(scope="module")
def late() -> Replayed:
    world = historical_world(Settings(), None, seed=7)
    return replayed_of(replace(world, market=market_of(LateMarket, world)), FIRST, LAST)


def settled(replayed: Replayed) -> list[PositionSettled]:
    """Return what became of the positions of the late expiry."""
    return [
        each
        for each in replayed.of(PositionSettled)
        if (each.contract.trading_class, each.contract.expiry) == LATE
    ]


def test_the_expiry_waits_and_says_so_once(plain: Replayed, late: Replayed) -> None:
    assert plain.of(SettlementAwaited) == []
    assert late.of(SettlementAwaited) == [SettlementAwaited(CLOSE, *LATE, CLOSE)]


def test_a_minute_after_the_value_is_struck_the_same_cash_is_paid(
    plain: Replayed, late: Replayed
) -> None:
    assert {each.at for each in settled(plain)} == {CLOSE}
    assert len(settled(plain)) == 4
    assert settled(late) == [replace(each, at=STRUCK_AT) for each in settled(plain)]


def test_nothing_else_of_the_run_changes(plain: Replayed, late: Replayed) -> None:
    assert late.decisions == plain.decisions
    assert late.of(EquityMarked) == plain.of(EquityMarked)


def test_log_and_sentence_name_the_expiry(late: Replayed) -> None:
    file = io.StringIO()
    (record,) = late.of(SettlementAwaited)

    RunLog(file).watch(record)

    assert json.loads(file.getvalue()) == {
        "at": "2018-01-12T21:00:00+00:00",
        "trading_class": "SPXW",
        "expiry": "2018-01-12",
        "event": "settlement_awaited",
        "level": "warning",
    }
    assert tell(record).sentence == "SPXW 2018-01-12 waits for its official settlement value."
