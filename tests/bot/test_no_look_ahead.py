"""With all history after a session replaced by nonsense, no decision up to it changes."""

from dataclasses import fields, replace
from datetime import date
from typing import Any

import numpy as np
import pytest
from bot_samples import Replayed, replay

from bot.events import EntryClosed, Record
from bot.journal.codec import encode
from bot.settings import Settings
from bot.world import World, world_of
from market.history import History
from market.quotes import FloatArray

FIRST, LAST = date(2018, 1, 2), date(2018, 2, 28)
FRIDAY = date(2018, 2, 2)


def poisoned(history: History, after: date, seed: int) -> History:
    """Return the history with every column beyond a session shuffled and scaled, each by its own.

    The prices of one SPX day stay together, so that highs stay above lows; all stay positive.
    """
    draw = np.random.default_rng(seed)
    first = history.index(after) + 1
    count = len(history.sessions) - first
    order = draw.permutation(count)
    scales = {name: draw.uniform(0.3, 3.0, count) for name in ("spx", "vix", "other")}
    changed: dict[str, Any] = {}
    for name in (each.name for each in fields(history)):
        column = getattr(history, name)
        if isinstance(column, np.ndarray):
            family = name[:3] if name[:3] in scales else "other"
            changed[name] = _spoiled(column, first, order, scales[family])
    return replace(history, **changed)


def _spoiled(column: FloatArray, first: int, order: Any, scale: FloatArray) -> FloatArray:
    future = column[first:][order] * scale
    return np.concatenate([column[:first], future])


@pytest.fixture(scope="module", params=[1, 2])
def nonsense(world: World, request: pytest.FixtureRequest) -> Replayed:
    """Return the replay over a history that is nonsense from 5 February 2018 on."""
    history = poisoned(world.history, FRIDAY, request.param)
    return replay(world_of(Settings(), world.calendar, history, world.seed), FIRST, LAST)


def up_to(records: tuple[Record, ...], session: date) -> list[tuple[str, str]]:
    """Return the records up to the end of a session, as text."""
    end = next(
        number
        for number, record in enumerate(records)
        if getattr(record, "session", session) > session
    )
    return [encode(record) for record in records[:end]]


def test_the_poison_reaches_every_later_session(world: World) -> None:
    spoiled, first = poisoned(world.history, FRIDAY, 1), world.history.index(FRIDAY) + 1

    for name in ("spx_open", "spx_high", "spx_low", "spx_close", "vix_close"):
        before, after = getattr(world.history, name), getattr(spoiled, name)
        assert np.array_equal(before[:first], after[:first], equal_nan=True)
        known = ~np.isnan(before[first:])
        assert np.mean(before[first:][known] == after[first:][known]) < 0.01
        assert not (after <= 0).any()


def test_no_record_up_to_the_session_is_changed(quarter: Replayed, nonsense: Replayed) -> None:
    assert up_to(nonsense.records, FRIDAY) == up_to(quarter.records, FRIDAY)


def test_every_decision_up_to_the_session_is_equal(quarter: Replayed, nonsense: Replayed) -> None:
    past = [each for each in quarter.decisions if each.session <= FRIDAY]

    assert [each for each in nonsense.decisions if each.session <= FRIDAY] == past
    assert len(past) > 60


def test_the_future_itself_did_change(quarter: Replayed, nonsense: Replayed) -> None:
    def outcomes(replayed: Replayed) -> list[EntryClosed]:
        return [each for each in replayed.of(EntryClosed) if FRIDAY < each.session <= LAST]

    assert len(outcomes(nonsense)) == len(outcomes(quarter)) == 17
    assert outcomes(nonsense) != outcomes(quarter)
