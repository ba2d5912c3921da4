"""One decision asked for by date agrees with the replay that made it, or that would go on."""

from datetime import date
from pathlib import Path

import pytest
from bot_samples import Replayed, book_state, replay

from bot.decision import Recording, decide_on_book, decide_on_replay, restore
from bot.events import RunStarted
from bot.journal.store import JournalReader
from bot.replay import replay_rig, window
from bot.settings import Settings, load_settings
from bot.world import World, historical_world
from brokers.unsuspended import run_now
from market.errors import ConfigError, InvariantBroken, NoSuchSession
from market.schedule import MomentName
from strategies.base import Decision

START = date(2018, 1, 2)


def entry(replayed: Replayed, session: date) -> Decision:
    """Return the entry decision of a session of a replay."""
    (found,) = (
        each
        for each in replayed.decisions
        if each.session == session and each.strategy == "condor" and each.moment == MomentName.ENTRY
    )
    return found


@pytest.mark.parametrize("day", [2, 17, 31])
def test_a_replay_with_the_same_start_gives_the_same_decision(
    world: World, quarter: Replayed, day: int
) -> None:
    session = date(2018, 1, day)

    assert decide_on_replay(Settings(), world, session, START, 7).decision == entry(
        quarter, session
    )


def test_without_a_start_the_replay_leads_in_over_sixty_sessions(world: World) -> None:
    session = date(2018, 1, 31)
    lead_in = replay(world, date(2017, 11, 2), session)

    decision = decide_on_replay(Settings(), world, session, None, 7).decision

    assert world.calendar.index(session) - world.calendar.index(date(2017, 11, 2)) == 60
    assert decision == entry(lead_in, session)


def test_near_the_start_of_history_the_lead_in_is_shorter(world: World) -> None:
    decision = decide_on_replay(Settings(), world, date(2014, 1, 6), None, 7).decision

    assert (decision.action, decision.reason) == ("SKIP", "WARMUP")


def test_a_decision_in_the_journal_is_returned_as_it_was_made(
    world: World, quarter: Replayed
) -> None:
    assert quarter.journal is not None
    session = date(2018, 2, 5)

    assert decide_on_book(Settings(), world, session, quarter.journal).decision == entry(
        quarter, session
    )


# The sessions after these: a re-strike and a sale; a sale; a settlement at the close and a sale;
# the shock; a roll under STRESS; a roll and a sale; a roll of the long layer and a sale.
ENDS = (
    date(2018, 1, 29),
    date(2018, 1, 31),
    date(2018, 2, 1),
    date(2018, 2, 2),
    date(2018, 2, 5),
    date(2018, 2, 14),
    date(2018, 3, 14),
)


@pytest.mark.parametrize("last", ENDS)
def test_the_book_of_a_journal_decides_as_the_replay_that_goes_on(
    world: World, quarter: Replayed, tmp_path: Path, last: date
) -> None:
    journal = tmp_path / "j.db"
    replay(world, START, last, journal=journal)
    session = world.calendar.next(last)

    assert decide_on_book(Settings(), world, session, journal).decision == entry(quarter, session)


def test_a_restored_run_has_the_same_book_and_exchange(world: World, quarter: Replayed) -> None:
    assert quarter.journal is not None
    with JournalReader(quarter.journal) as reader:
        started, *records = reader.records()
    assert isinstance(started, RunStarted)

    rig = restore(Settings(), world, Recording(quarter.journal, started, records))

    assert book_state(rig.book) == book_state(quarter.rig.book)
    theirs, ours = quarter.rig.broker, rig.broker
    assert run_now(ours.positions()) == run_now(theirs.positions())
    assert run_now(ours.account()) == run_now(theirs.account())
    assert ours.due() == theirs.due()


def test_other_settings_of_the_method_may_be_asked_of_a_recorded_book(
    world: World, quarter: Replayed, tmp_path: Path
) -> None:
    journal = tmp_path / "j.db"
    replay(world, START, date(2018, 1, 22), journal=journal)
    narrow = load_settings(overrides=["condor.wing_width_points=10"])

    decision = decide_on_book(narrow, world, date(2018, 1, 23), journal).decision

    (order,) = decision.orders
    put_side = [leg.contract.strike for leg in order.legs[:2]]
    assert abs(put_side[0] - put_side[1]) == 10


def test_a_journal_of_another_seed_is_refused(quarter: Replayed) -> None:
    assert quarter.journal is not None
    other = historical_world(Settings(), None, 8)

    with pytest.raises(ConfigError, match=r"recorded on another market; give the --seed \(7\)"):
        decide_on_book(Settings(), other, date(2018, 4, 2), quarter.journal)


@pytest.mark.parametrize("session", [date(2018, 4, 3), date(2017, 12, 29)])
def test_a_session_out_of_reach_of_the_journal_is_refused(
    world: World, quarter: Replayed, session: date
) -> None:
    assert quarter.journal is not None

    with pytest.raises(ConfigError) as refused:
        decide_on_book(Settings(), world, session, quarter.journal)

    assert str(refused.value) == (
        f"{quarter.journal} holds the sessions 2018-01-02 … 2018-03-29, so it can be asked for the "
        f"entries decided in them and for 2018-04-02, not for {session}."
    )


def test_a_day_without_session_is_the_users_mistake(world: World, quarter: Replayed) -> None:
    assert quarter.journal is not None

    with pytest.raises(NoSuchSession):
        decide_on_replay(Settings(), world, date(2018, 2, 3), None, 7)
    with pytest.raises(NoSuchSession):
        decide_on_book(Settings(), world, date(2018, 2, 3), quarter.journal)


def test_a_start_after_the_session_is_the_users_mistake(world: World) -> None:
    with pytest.raises(ConfigError, match="--from 2018-02-06 lies after --as-of 2018-02-05"):
        decide_on_replay(Settings(), world, date(2018, 2, 5), date(2018, 2, 6), 7)


def test_switched_off_condors_decide_nothing(world: World) -> None:
    off = load_settings(overrides=["condor.enabled=false"])

    with pytest.raises(ConfigError, match=r"condor\.enabled = False"):
        decide_on_replay(off, world, date(2018, 2, 5), None, 7)


def test_a_journal_without_records_is_refused(world: World, tmp_path: Path) -> None:
    path = tmp_path / "j.db"
    rig = replay_rig(Settings(), world, window(world, START, START), 7, path)
    rig.journal.close()

    with pytest.raises(ConfigError, match="holds no session"):
        decide_on_book(Settings(), world, START, path)


def test_a_changed_journal_does_not_rebuild_a_wrong_book(world: World, quarter: Replayed) -> None:
    assert quarter.journal is not None
    with JournalReader(quarter.journal) as reader:
        started, *records = reader.records()
    assert isinstance(started, RunStarted)
    twice = [record for record in records for _ in range(2)]

    with pytest.raises((InvariantBroken, ConfigError)):
        restore(Settings(), world, Recording(quarter.journal, started, twice))
