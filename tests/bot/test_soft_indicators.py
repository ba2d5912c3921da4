"""The tape's soft indicators: what each session knew, and no more (R-08, R-09, R-29, R-30)."""

from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any

import numpy as np
import pytest
from bot_samples import FRIDAY

from bot.tape import Tape
from bot.world import World
from market.history import History
from market.technical import relative_strength
from strategies.base import Indicators
from strategies.params import FilterParams, VixGateParams

THURSDAY = date(2018, 2, 1)
SEED = 20180202


@pytest.fixture(scope="module")
def rich(world: World) -> History:
    """Return the built-in history with made-up breadth, rates and exchange rate."""
    draw = np.random.default_rng(SEED)
    count = len(world.history.sessions)
    months = [date(1999 + number // 12, number % 12 + 1, 1) for number in range(240)]
    return replace(
        world.history,
        advances=draw.integers(500, 2500, count).astype(float),
        declines=draw.integers(500, 2500, count).astype(float),
        rate_frac=0.02 + np.cumsum(draw.normal(0, 0.0002, count)),
        ecb_rate_frac=np.full(count, 0.005),
        reer=tuple((day, day + timedelta(days=80), 100.0 + day.month) for day in months),
    )


def tape_of(history: History, world: World, **filters: float | bool) -> Tape:
    params = FilterParams.model_validate(filters)
    return Tape(history, world.calendar, VixGateParams(), params, world.family.vix9d)


def close(world: World, session: date) -> datetime:
    return world.calendar.session(session).cash_close_at


def test_at_the_close_the_session_s_own_row_is_known(rich: History, world: World) -> None:
    row = rich.index(FRIDAY)
    tape = tape_of(rich, world)

    seen = tape.indicators(FRIDAY, close(world, FRIDAY))

    spx, vix9d = rich.spx_close, world.family.vix9d
    assert seen.rsi_spx == relative_strength(spx)[row]
    assert seen.rsi_vix == relative_strength(rich.vix_close)[row]
    high = spx[row - 251 : row + 1].max()
    assert seen.below_year_high_frac == pytest.approx(1 - spx[row] / high)
    moves = np.diff(vix9d[row - 20 : row + 1])
    assert seen.vix9d_sd_points == pytest.approx(np.std(moves, ddof=1))


def test_rates_are_those_of_the_session_before(rich: History, world: World) -> None:
    row = rich.index(FRIDAY)

    seen = tape_of(rich, world).indicators(FRIDAY, close(world, FRIDAY))

    assert seen.bill_frac == rich.rate_frac[row - 1]
    assert seen.ird_proxy_frac == pytest.approx(rich.rate_frac[row - 1] - 0.005)
    assert seen.ird_z is not None


def test_the_exchange_rate_is_the_newest_published(rich: History, world: World) -> None:
    """November's value of 111 became usable on 20 January, December's on 19 February."""
    seen = tape_of(rich, world).indicators(FRIDAY, close(world, FRIDAY))

    assert seen.reer_deviation_frac == pytest.approx(111 / 106.5 - 1)
    assert seen.reer_change_frac == pytest.approx(111 / 108 - 1)


def test_an_open_session_shows_the_row_before(rich: History, world: World) -> None:
    tape = tape_of(rich, world)
    before = tape.indicators(THURSDAY, close(world, THURSDAY))

    seen = tape.indicators(FRIDAY, close(world, FRIDAY) - timedelta(seconds=1))

    assert seen == replace(before, was_hold=seen.was_hold, calm_closes=seen.calm_closes)


def test_absent_series_are_unknown(world: World) -> None:
    seen = tape_of(world.history, world).indicators(FRIDAY, close(world, FRIDAY))

    assert (seen.has_divergence, seen.hedge_prearm) == (None, None)
    assert (seen.reer_deviation_frac, seen.reer_change_frac) == (None, None)
    assert (seen.ird_proxy_frac, seen.ird_z, seen.bill_frac) == (None, None, None)


@pytest.mark.parametrize(
    ("filters", "prearmed", "stretched"),
    [
        ({"vix_rsi_low": 100.0, "vix_rsi_high": 100.0}, True, False),
        ({"vix_rsi_low": 0.0, "vix_rsi_high": 0.0}, False, True),
        ({"vix_rsi_low": 100.0, "breadth_enabled": False, "vix_rsi_high": 0.0}, None, True),
        ({"vix_rsi_low": 100.0, "rsi_enabled": False}, None, None),
    ],
)
def test_the_flags_for_the_hedge_follow_vix_s_rsi(
    rich: History,
    world: World,
    filters: dict[str, float | bool],
    prearmed: bool | None,
    stretched: bool | None,
) -> None:
    """On these settings every close with a lead of the price counts as a divergence."""
    easy = {"breadth_gap": 0.0, "breadth_lag_sd": 0.0, "breadth_near_high_frac": 1.0}
    easy |= {"breadth_sessions": 1}
    tape = tape_of(rich, world, **easy, **filters)
    session = next(
        day
        for day in rich.sessions[rich.index(FRIDAY) - 60 :]
        if tape.indicators(day, close(world, day)).has_divergence
    )

    seen = tape.indicators(session, close(world, session))

    assert (seen.hedge_prearm, seen.fear_stretched) == (prearmed, stretched)


def test_no_indicator_changes_when_the_future_does(rich: History, world: World) -> None:
    first = rich.index(FRIDAY) + 1
    columns = {
        name: column
        for name in ("spx_close", "vix_close", "advances", "declines", "rate_frac", "ecb_rate_frac")
        if (column := getattr(rich, name)) is not None
    }
    spoiled: dict[str, Any] = {
        name: np.concatenate((column[:first], column[first:][::-1] * 1.7))
        for name, column in columns.items()
    }
    later = tuple((day, on, value * 2 if on > FRIDAY else value) for day, on, value in rich.reer)
    changed = replace(rich, reer=later, **spoiled)
    nonsense = Tape(changed, world.calendar, VixGateParams(), None, world.family.vix9d)
    truth = tape_of(rich, world)

    def seen(tape: Tape, day: date) -> Indicators:
        return tape.indicators(day, close(world, day))

    past = rich.sessions[first - 120 : first]
    assert [seen(nonsense, day) for day in past] == [seen(truth, day) for day in past]
    assert seen(nonsense, rich.sessions[first]) != seen(truth, rich.sessions[first])
