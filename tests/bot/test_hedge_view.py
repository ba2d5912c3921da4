"""The hedge of one session: from a replay, from a journal, in JSON, in words and as a picture."""

import json
from datetime import date
from pathlib import Path

import numpy as np
import pytest
from bot_samples import Replayed
from click.testing import CliRunner

from bot.cli.hedge import as_text, command
from bot.hedge_json import as_json_object
from bot.hedge_picture import draw_hedge
from bot.hedge_view import HedgeView, hedge_on_book, hedge_on_replay
from bot.settings import Settings, load_settings
from bot.world import World, historical_world
from market.errors import ConfigError, NoSuchSession

START = date(2018, 1, 2)
SHOCK = date(2018, 2, 5)
CALM = date(2018, 1, 24)


@pytest.fixture(scope="module")
def shock(world: World) -> HedgeView:
    """Return the hedge after 5 February 2018; it is only read."""
    return hedge_on_replay(Settings(), world, SHOCK, START, 7)


@pytest.fixture(scope="module")
def calm(world: World) -> HedgeView:
    """Return the hedge after a quiet day; it is only read."""
    return hedge_on_replay(Settings(), world, CALM, START, 7)


def test_the_base_is_4_4_2_with_deltas_that_fall(calm: HedgeView) -> None:
    near, mid, long = calm.layers

    assert near.contracts == mid.contracts == 2 * long.contracts > 0
    assert near.delta is not None
    assert mid.delta is not None
    assert long.delta is not None
    assert 1 > near.delta > mid.delta > long.delta > 0
    assert [layer.expiry is not None and layer.expiry > CALM for layer in calm.layers] == [True] * 3


def test_calls_harvested_in_a_shock_count_as_base_and_are_taken_off_what_is_held(
    shock: HedgeView,
) -> None:
    near, mid, long = shock.layers

    assert near.contracts == mid.contracts == 2 * long.contracts > 0
    assert near.recycled_contracts < 0
    assert near.held_contracts == near.contracts + near.recycled_contracts
    assert (mid.recycled_contracts, long.recycled_contracts) == (0, 0)


def test_the_journal_tells_the_same_as_the_replay(
    world: World, quarter: Replayed, shock: HedgeView
) -> None:
    assert quarter.journal is not None

    told = hedge_on_book(Settings(), world, SHOCK, quarter.journal)

    assert as_json_object(told) == as_json_object(shock)


def test_the_json_has_every_key_of_the_contract(shock: HedgeView) -> None:
    found = json.loads(json.dumps(as_json_object(shock)))

    assert list(found) == [
        "session",
        "spx",
        "vix",
        "sentence",
        "layers",
        "shocks",
        "payoff_usd",
        "slope_usd",
        "curvature_usd",
        "steepening_ratio",
        "saturation_usd",
        "amm_depth",
        "amm_fit_rms",
        "amm_slope",
        "coverage",
        "coverage_basis",
        "coverage_condors",
        "condor_loss_usd",
        "simulated",
    ]
    assert [list(layer) for layer in found["layers"]] == [
        [
            "layer",
            "contracts",
            "tilt_contracts",
            "recycled_contracts",
            "held_contracts",
            "expiry",
            "strike",
            "delta",
            "mark_usd",
            "extrinsic_usd",
            "theta_usd_per_day",
            "gamma",
            "vega_usd_per_vol_point",
        ]
    ] * 3
    assert found["shocks"] == list(range(-5, 41))
    assert [len(found[key]) for key in ("payoff_usd", "slope_usd", "curvature_usd")] == [46, 45, 44]
    assert len(found["amm_slope"]) == 21
    assert (found["session"], found["simulated"]) == ("2018-02-05", True)


def test_after_the_shock_the_profile_is_nearly_straight_and_steep_before_it(
    shock: HedgeView, calm: HedgeView
) -> None:
    assert calm.profile is not None
    assert calm.profile.steepening_ratio is not None
    assert shock.profile is not None
    assert shock.profile.steepening_ratio is not None

    assert calm.profile.steepening_ratio > 1.4
    assert 1.0 <= shock.profile.steepening_ratio < 1.15


def test_coverage_is_gain_over_loss_where_condors_lose(calm: HedgeView) -> None:
    assert calm.profile is not None
    assert calm.covered is not None
    assert calm.coverage is not None

    for gain, loss, share in zip(
        calm.profile.payoff_usd, calm.covered.loss_usd, calm.coverage, strict=True
    ):
        assert share == (pytest.approx(gain / loss) if loss > 0 else None)
    assert calm.covered.basis in {"open", "planned"}
    assert np.all(np.diff(calm.covered.loss_usd[5:]) >= 0)


def test_an_open_condor_is_what_the_hedge_is_held_against(world: World, quarter: Replayed) -> None:
    assert quarter.journal is not None
    sold = [
        each.session
        for each in quarter.decisions
        if each.strategy == "condor" and each.action == "SELL"
    ]

    view = hedge_on_book(Settings(), world, sold[0], quarter.journal)

    assert view.covered is not None
    assert view.covered.basis == "open"
    assert view.covered.condors > 0


def test_the_text_says_in_figures_where_the_analogy_holds_and_breaks(calm: HedgeView) -> None:
    assert calm.profile is not None
    assert calm.profile.amm is not None

    text = as_text(calm)

    assert text.startswith("Hedge after the review of Wednesday 24 January 2018: SPX 2837.54")
    assert f"steepens {calm.profile.steepening_ratio:.2f} times" in text
    assert f"is {calm.profile.amm.depth:.1f} VIX points deep" in text
    assert f"a point brings ${calm.profile.saturation_usd:,.0f} through the futures" in text
    assert "not exponential" in text


def test_before_the_first_purchase_there_is_nothing_to_draw(world: World, tmp_path: Path) -> None:
    view = hedge_on_replay(Settings(), world, date(2014, 1, 6), None, 7)

    assert [layer.held_contracts for layer in view.layers] == [0, 0, 0]
    assert view.profile is None
    assert as_json_object(view)["steepening_ratio"] is None
    assert "No profile" in as_text(view)
    with pytest.raises(ConfigError, match="nothing to draw"):
        draw_hedge(view, tmp_path / "hedge.png")


def test_the_picture_is_a_png(calm: HedgeView, tmp_path: Path) -> None:
    path = tmp_path / "hedge.png"

    draw_hedge(calm, path)

    assert path.read_bytes().startswith(b"\x89PNG")


def test_the_command_prints_one_object(tmp_path: Path, shock: HedgeView) -> None:
    picture = tmp_path / "hedge.png"
    asked = ["--as-of", "2018-02-05", "--from", "2018-01-02", "--json", "--picture", str(picture)]

    result = CliRunner().invoke(command, asked, catch_exceptions=False)

    assert json.loads(result.output) == as_json_object(shock)
    assert picture.exists()


def test_mistakes_are_told_as_such(world: World, quarter: Replayed, tmp_path: Path) -> None:
    assert quarter.journal is not None
    journal = quarter.journal
    off = load_settings(overrides=["alvh.enabled=false"])

    with pytest.raises(ConfigError, match=r"alvh\.enabled = False"):
        hedge_on_replay(off, world, SHOCK, None, 7)
    with pytest.raises(ConfigError, match="--from 2018-02-06 lies after --as-of 2018-02-05"):
        hedge_on_replay(Settings(), world, SHOCK, date(2018, 2, 6), 7)
    with pytest.raises(NoSuchSession):
        hedge_on_replay(Settings(), world, date(2018, 2, 3), None, 7)
    with pytest.raises(ConfigError, match="holds no hedge review of 2018-04-03"):
        hedge_on_book(Settings(), world, date(2018, 4, 3), journal)
    with pytest.raises(ConfigError, match=r"give the --seed \(7\)"):
        hedge_on_book(Settings(), historical_world(Settings(), None, 8), SHOCK, journal)
    with pytest.raises(ConfigError, match="is no file"):
        hedge_on_book(Settings(), world, SHOCK, tmp_path / "none.db")
    with pytest.raises(ConfigError, match="cannot be written"):
        draw_hedge(hedge_on_book(Settings(), world, SHOCK, journal), tmp_path / "no" / "hedge.png")
