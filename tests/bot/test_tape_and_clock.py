"""The tape shows nothing of a session before it closed, and clocks do not run backwards."""

from datetime import UTC, date, datetime, timedelta
from math import isnan

import numpy as np
import pytest
from bot_samples import FRIDAY, MONDAY

from bot.clock import SimulatedClock, SystemClock
from bot.tape import Tape
from bot.world import World
from market.errors import InvariantBroken
from strategies.base import Indicators
from strategies.params import VixGateParams

NOON = datetime(2018, 2, 2, 17, tzinfo=UTC)
BEFORE_CLOSE = datetime(2018, 2, 2, 20, 59, 59, tzinfo=UTC)
CLOSE = datetime(2018, 2, 2, 21, tzinfo=UTC)
THURSDAY = date(2018, 2, 1)


@pytest.fixture(scope="module")
def tape(world: World) -> Tape:
    return Tape(world.history, world.calendar, VixGateParams())


def test_an_open_session_shows_the_indicators_of_the_one_before(tape: Tape) -> None:
    thursday_evening = tape.indicators(THURSDAY, CLOSE - timedelta(days=1))

    for at in (NOON, BEFORE_CLOSE):
        seen = tape.indicators(FRIDAY, at)
        assert (seen.hv20, seen.vix_sma5) == (thursday_evening.hv20, thursday_evening.vix_sma5)
        assert seen.vix_close_count == thursday_evening.vix_close_count


def test_from_the_cash_close_on_the_session_counts(tape: Tape, world: World) -> None:
    row = world.history.index(FRIDAY)
    closes = world.history.vix_close

    seen = tape.indicators(FRIDAY, CLOSE)

    assert seen.vix_sma5 == pytest.approx(float(np.mean(closes[row - 4 : row + 1])))
    before = tape.indicators(FRIDAY, BEFORE_CLOSE)
    assert seen.vix_close_count == before.vix_close_count + 1
    assert seen.hv20 != before.hv20


def test_vix_closes_end_with_the_last_closed_session(tape: Tape) -> None:
    before, after = tape.vix_closes(FRIDAY, BEFORE_CLOSE), tape.vix_closes(FRIDAY, CLOSE)

    assert before.get(THURSDAY) == 13.47
    assert before.get(FRIDAY) is None
    assert after.get(FRIDAY) == 17.31
    assert after.get(MONDAY) is None
    assert max(before) == THURSDAY
    assert max(after) == FRIDAY
    assert len(after) == len(list(after)) == len(before) + 1


def test_a_day_without_session_has_no_vix_close(tape: Tape) -> None:
    assert tape.vix_closes(FRIDAY, CLOSE).get(date(2018, 1, 15)) is None
    assert tape.vix_closes(FRIDAY, CLOSE).get(date(1980, 1, 1)) is None


def test_sessions_before_the_first_vix_are_absent(tape: Tape, world: World) -> None:
    closes = tape.vix_closes(FRIDAY, CLOSE)

    assert not any(isnan(value) for value in closes.values())
    assert min(closes) == world.history.sessions[world.history.first_index]


def test_on_the_very_first_session_nothing_is_known_before_its_close(world: World) -> None:
    tape = Tape(world.history, world.calendar, VixGateParams())
    first = world.history.sessions[0]
    opens_at = world.calendar.session(first).open_at

    assert tape.indicators(first, opens_at) == Indicators(0, None, None, False, 0)
    assert dict(tape.vix_closes(first, opens_at)) == {}
    assert tape.vix_closes(first, opens_at).get(first) is None


def test_the_memory_of_a_hold_is_that_of_the_session_before(tape: Tape, world: World) -> None:
    # VIX closed at 37.32 on 5 February 2018 and at 17.31 on the Friday before.
    tuesday = date(2018, 2, 6)

    assert not tape.indicators(MONDAY, world.calendar.session(MONDAY).option_close_at).was_hold
    assert tape.indicators(tuesday, world.calendar.session(tuesday).open_at).was_hold


def test_a_simulated_clock_stands_until_it_jumps() -> None:
    clock = SimulatedClock(NOON)

    assert clock.now() == NOON
    clock.jump(NOON)
    clock.jump(CLOSE)
    assert clock.now() == CLOSE


def test_a_simulated_clock_never_runs_backwards() -> None:
    clock = SimulatedClock(CLOSE)

    with pytest.raises(InvariantBroken, match="cannot run back"):
        clock.jump(BEFORE_CLOSE)
    assert clock.now() == CLOSE


def test_the_system_clock_is_aware_and_shifted_by_its_offset() -> None:
    offset = timedelta(hours=7)
    shifted = SystemClock(offset)

    before = SystemClock().now()
    shown = shifted.now()
    after = SystemClock().now()

    assert shown.tzinfo is UTC
    assert before + offset <= shown <= after + offset
    assert shifted.to_machine(NOON) == NOON - offset
