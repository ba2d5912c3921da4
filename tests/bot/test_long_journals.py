"""Journals of runs in which everything happens: tilts, recycled calls, shifts of one side."""

from datetime import date
from pathlib import Path

import pytest
from bot_samples import replay

from bot.journal.store import JournalReader
from bot.settings import load_settings
from bot.world import World


def test_a_year_with_tilts_and_harvests_keeps_a_journal(world: World, tmp_path: Path) -> None:
    path = tmp_path / "year.db"

    replay(world, date(2018, 1, 2), date(2018, 12, 31), journal=path)

    with JournalReader(path) as reader:
        assert reader.verify() > 5_000
        campaigns = {row["campaign"] for row in reader.table("hedge_layers")}
    assert campaigns == {"alvh", "alvh-tilt", "alvh-recycled"}


@pytest.mark.parametrize("preset", ["losing_side", "stop_2x"])
def test_other_ways_of_living_on_keep_one_too(world: World, tmp_path: Path, preset: str) -> None:
    settings = load_settings(
        preset,
        overrides=[
            "capital.wacc_enabled=false",
            "shift.irr_gate_enabled=false",
            "shift.cushion_frac=0",
            "shift.threat_delta=0.15",
            "fills.partial_share=1.0",
        ],
    )

    result = replay(
        world, date(2018, 1, 2), date(2018, 12, 31), settings=settings, journal=tmp_path / "j.db"
    )

    purposes = {state.order.intent.purpose for state in result.rig.book.orders.values()}
    wanted = {"stop"} if preset == "stop_2x" else {"shift_close"}
    unwanted = {"shift_close"} if preset == "stop_2x" else {"stop"}
    assert wanted <= purposes
    assert not unwanted & purposes
    with JournalReader(tmp_path / "j.db") as reader:
        assert reader.verify() > 5_000
