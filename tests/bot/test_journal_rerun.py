"""A recorded run gives the same decisions again, from its journal alone; what differs is named."""

import sqlite3
from datetime import date
from pathlib import Path

import pytest
from bot_samples import Replayed

from bot.bootstrap import Rig, RunIdentity, build_simulated
from bot.clock import SimulatedClock
from bot.events import MarketSeen
from bot.inputs import pack_reading, pack_snapshot, reading_of, unpack_reading, unpack_snapshot
from bot.journal.chain import GENESIS, chained, sealed
from bot.journal.check import verify
from bot.journal.reader import JournalReader
from bot.past import rerun_journal
from bot.replay import Window, backtest, continued_rig, replay_rig, walk
from bot.settings import Settings
from bot.world import World, synthetic_world
from brokers.unsuspended import run_now
from market.errors import JournalDamaged
from market.instruments import OptionContract, TradingClass
from market.quotes import SnapshotRequest

TODAY = date(2026, 3, 2)


def live_rig(path: Path, clock: SimulatedClock, world: World) -> Rig:
    """Return the daemon's own rig, durable and keeping inputs, on a clock that can jump."""
    first = world.calendar.on_or_after(TODAY)
    identity = RunIdentity("sim", "S", world.seed, clock.now(), first, first)
    return build_simulated(Settings(), world, clock, identity, path, durable=True)


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the journal of eight sessions of the synthetic live market."""
    path = tmp_path_factory.mktemp("live") / "journal.db"
    world = synthetic_world(Settings(), TODAY, 7)
    clock = SimulatedClock(world.calendar.session(TODAY).open_at)
    rig = live_rig(path, clock, world)
    days = world.calendar.between(TODAY, date(2026, 3, 11))
    run_now(walk(rig, days))
    rig.journal.close()
    return path


def test_a_live_session_is_made_again_from_what_its_journal_kept(live: Path) -> None:
    result = rerun_journal(live)

    assert result.first_difference is None
    assert result.events == verify(live)
    assert result.decisions > 20
    assert (result.kept_inputs > 20, result.regenerated_inputs) == (True, 0)


def test_a_replayed_quarter_is_made_again_from_history_and_seed(quarter: Replayed) -> None:
    assert quarter.journal is not None

    result = rerun_journal(quarter.journal)

    assert result.first_difference is None
    assert result.decisions == len(quarter.decisions)
    assert (result.kept_inputs, result.regenerated_inputs > 200) == (0, True)


def test_a_restart_is_made_again_too(world: World, tmp_path: Path) -> None:
    path = tmp_path / "parts.db"
    first = Window(date(2018, 1, 2), date(2018, 1, 31))
    backtest(replay_rig(Settings(), world, first, world.seed, path), first)
    second = Window(date(2018, 2, 1), date(2018, 2, 16))
    backtest(continued_rig(Settings(), world, second, world.seed, path), second)

    result = rerun_journal(path)

    assert (result.first_difference, result.events) == (None, verify(path))


def forge(source: Path, target: Path, kind: str, old: str, new: str) -> int:
    """Write a journal whose chain holds but in which one record says something else."""
    target.write_bytes(source.read_bytes())
    connection = sqlite3.connect(target)
    (changed,) = connection.execute(
        "SELECT min(seq) FROM events WHERE kind=? AND payload LIKE ?", (kind, f"%{old}%")
    ).fetchone()
    previous = GENESIS
    for seq, at, session, name, payload, recorded in connection.execute(
        "SELECT seq, at, session, kind, payload, recorded_at FROM events ORDER BY seq"
    ).fetchall():
        text = payload.replace(old, new, 1) if seq == changed else payload
        previous = chained(previous, seq, at, session, name, text)
        connection.execute(
            "UPDATE events SET payload=?, hash=?, seal=? WHERE seq=?",
            (text, previous, sealed(previous, recorded), seq),
        )
    connection.commit()
    connection.close()
    return int(changed)


FORGED = {
    "a decision's sentence": ("decision_made", "The hedge", "Thy hedge"),
    "an order's quantity": ("order_approved", '"quantity":', '"quantity":1'),
    "what VIX was": ("market_seen", '"vix":', '"vix":9'),
}


@pytest.mark.parametrize("name", FORGED)
def test_the_first_record_that_comes_out_otherwise_is_named(
    live: Path, tmp_path: Path, name: str
) -> None:
    path = tmp_path / "forged.db"
    seq = forge(live, path, *FORGED[name])

    found = rerun_journal(path).first_difference

    assert found is not None
    assert (found.seq, found.kind) == (seq, FORGED[name][0])


def test_a_missing_input_is_named(live: Path, tmp_path: Path) -> None:
    path = tmp_path / "poorer.db"
    path.write_bytes(live.read_bytes())
    with JournalReader(live) as reader:
        seen = next(each for each in reader.records() if isinstance(each, MarketSeen))
    with sqlite3.connect(path) as connection:
        connection.execute("DELETE FROM inputs WHERE digest=?", (seen.kept[0],))
    connection.close()

    with pytest.raises(JournalDamaged, match=rf"input {seen.kept[0]} of event \d+ is missing"):
        rerun_journal(path)


def test_a_snapshot_and_a_reading_come_back_bit_by_bit(world: World) -> None:
    session = date(2018, 2, 5)
    at = world.calendar.session(session).cash_close_at
    contracts = (OptionContract.parse("VIX 2018-03-21 16 C"),)
    request = SnapshotRequest(((TradingClass.SPXW, date(2018, 2, 7)),), contracts, 4)
    seen = world.market.snapshot(at, request)
    from bot.bootstrap import build_tape  # noqa: PLC0415

    reading = reading_of(build_tape(Settings(), world), session, at)

    packed, packed_reading = pack_snapshot(seen), pack_reading(reading)

    again = unpack_snapshot(packed)
    assert pack_snapshot(again) == packed
    assert (again.at, again.levels, again.curve, again.bars) == (
        seen.at,
        seen.levels,
        seen.curve,
        seen.bars,
    )
    assert dict(again.quotes) == dict(seen.quotes)
    assert [*again.chains] == [*seen.chains]
    assert pack_reading(unpack_reading(packed_reading)) == packed_reading
    assert unpack_reading(packed_reading).indicators == reading.indicators
