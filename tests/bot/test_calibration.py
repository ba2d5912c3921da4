"""The market model against real chains that its fit has never seen, and against recorded VIX."""

from datetime import date, timedelta
from pathlib import Path

import duckdb
import numpy as np
import pytest

from bot.calibration import Calibration, calibrate, closing_snapshots
from bot.calibration_text import params_text
from bot.settings import Settings
from bot.world import World, historical_world, shipped_params
from market.calibration.chains import Snapshot, read_snapshots
from market.calibration.evaluation import evaluate, report
from market.calibration.split import is_held_out
from market.calibration.width_seen import seen_widths, width_errors
from market.errors import HistoryError
from market.instruments import TradingClass
from market.quotes import Chain
from market.surface_params import SurfaceParams

EVENING_HOUR_UTC = 19
CRASH_DAYS = (date(2008, 11, 20), date(2018, 2, 5), date(2020, 3, 16), date(2024, 8, 5))


@pytest.fixture(scope="module")
def world(data_folder: Path) -> World:
    return historical_world(Settings(), data_folder, seed=7)


def held_out(world: World, path: Path) -> list[Snapshot]:
    return [one for one in closing_snapshots(world, path) if is_held_out(one)]


def cboe_strip(chain: Chain) -> float:
    """Return the total variance of a chain's quotes by the formula of Cboe's VIX white paper."""
    strikes, forward = chain.strikes, chain.forward
    middle = int(np.searchsorted(strikes, forward, side="right")) - 1
    below = np.arange(len(strikes)) < middle
    price = np.where(below, chain.put_mid, chain.call_mid)
    price[middle] = 0.5 * (chain.put_mid[middle] + chain.call_mid[middle])
    bid = np.where(below, chain.put_bid, chain.call_bid)
    first = last = middle
    while first > 1 and bid[first - 2 : first].any():
        first -= 1
    while last < len(strikes) - 2 and bid[last + 1 : last + 3].any():
        last += 1
    kept = np.arange(first, last + 1)
    kept = kept[bid[kept] > 0.0]
    total = np.sum(np.gradient(strikes[kept]) / strikes[kept] ** 2 * price[kept])
    return float(2.0 / chain.discount * total - (forward / strikes[middle] - 1.0) ** 2)


def modelled_vix(world: World, session: date) -> float:
    """Return VIX as the modelled chains on both sides of 30 days give it, points."""
    at = world.calendar.session(session).option_close_at
    expiries = world.calendar.between(session + timedelta(23), session + timedelta(40))
    near = [day for day in expiries if (day - session).days <= 30][-1]
    far = next(day for day in expiries if (day - session).days > 30)
    spot = world.market.levels(at).spx
    # A grid of every 5 points, as deep as VIX counts bids.
    strikes = 5.0 * np.arange(np.ceil(0.2 * spot / 5), np.floor(1.8 * spot / 5), dtype=np.float64)
    times, strips = [], []
    for day in (near, far):
        chain = world.market.chain_on_forward((TradingClass.SPXW, day), at, spot, strikes)
        times.append(chain.years)
        strips.append(cboe_strip(chain))
    return float(100.0 * np.sqrt(np.interp(30 / 365, times, strips) / (30 / 365)))


def test_held_out_closing_chains_are_met_within_a_vol_point(
    world: World, data_folder: Path
) -> None:
    path = data_folder / "spx_chain_snapshots.parquet"

    told = report(evaluate(world.market, world.calendar, held_out(world, path)))["spx"]

    assert told["all"]["count"] > 9000
    assert told["all"]["median_absolute"] <= 1.0


def test_held_out_evenings_are_met_within_a_vol_point(world: World, data_folder: Path) -> None:
    path = data_folder / "spx_chain_intraday_2026.parquet"

    told = report(evaluate(world.market, world.calendar, held_out(world, path)))["spx"]

    assert told["all"]["median_absolute"] <= 1.0


def test_held_out_chains_within_a_session_are_met_within_a_vol_point(
    world: World, data_folder: Path
) -> None:
    path = data_folder / "spx_chain_intraday_2026.parquet"
    snapshots = read_snapshots(path, world.calendar, world.market.rate_frac)
    unseen = [one for one in snapshots if is_held_out(one) and not one.is_stale]
    unseen = [one for one in unseen if one.at.hour < EVENING_HOUR_UTC]

    told = report(evaluate(world.market, world.calendar, unseen))["spx"]

    assert told["all"]["count"] > 13_000
    assert told["all"]["median_absolute"] <= 1.0
    # The goal for condors is missed most here: 0.28 points, 26 %.
    assert told["condors"]["median_absolute"] <= 0.28
    assert told["condors"]["median_absolute_frac"] <= 0.27


def test_a_night_old_chain_is_met_too(world: World, data_folder: Path) -> None:
    """Snapshots with the spot of the evening before, some hours ahead of the open."""
    path = data_folder / "spx_chain_intraday_2026.parquet"
    snapshots = read_snapshots(path, world.calendar, world.market.rate_frac)
    unseen = [one for one in snapshots if is_held_out(one) and one.is_stale]

    told = report(evaluate(world.market, world.calendar, unseen))["spx"]

    assert told["all"]["count"] > 5000
    assert told["all"]["median_absolute"] <= 1.0


def test_held_out_condors_of_the_evening_are_met_within_a_sixth(
    world: World, data_folder: Path
) -> None:
    """The goal is 0.10 points or 15 %, and it is missed: 0.19 points, 16 %, on 12 days.

    Given the true vol at the money it would be 0.18 points, 15 %; docs/simulation.md tells more.
    """
    paths = (
        data_folder / "spx_chain_snapshots.parquet",
        data_folder / "spx_chain_intraday_2026.parquet",
    )
    unseen = [one for path in paths for one in held_out(world, path)]

    told = report(evaluate(world.market, world.calendar, unseen))["spx"]["condors"]

    assert told["count"] == 36
    assert told["median_absolute"] <= 0.19
    assert told["median_absolute_frac"] <= 0.17


def test_held_out_vix_calls_are_met_within_a_tenth(world: World, data_folder: Path) -> None:
    path = data_folder / "vix_chain_intraday_2026.parquet"
    snapshots = read_snapshots(path, world.calendar, world.market.rate_frac)
    unseen = [one for one in snapshots if is_held_out(one) and not one.is_stale]

    told = report(evaluate(world.market, world.calendar, unseen))["vix"]

    assert told["all"]["count"] > 400
    assert told["all"]["median_absolute"] <= 0.10
    assert told["within_10_percent_or_0.10"] >= 0.80
    # Strikes end near 27, so that of later expiries only what is nearest to the money is quoted.
    layers = told["by_layer"]
    assert {name: one["count"] for name, one in layers.items()} == {
        "near": 258,
        "mid": 47,
        "long": 4,
    }
    assert [one["least_delta"] for one in layers.values()] == [0.23, 0.41, 0.48]
    assert min(one["within_10_percent_or_0.10"] for one in layers.values()) >= 0.80


def test_held_out_quotes_are_as_wide_as_modelled(world: World, data_folder: Path) -> None:
    """Mean errors of the log of the half spread; before tenor, moneyness, hour and weekly series
    had a say they were 0.31 and 1.67 of SPX, 0.50, 0.68 and 0.68 of VIX."""
    files = ("spx_chain_snapshots", "spx_chain_intraday_2026", "vix_chain_intraday_2026")
    snapshots = [
        one
        for name in files
        for one in read_snapshots(
            data_folder / f"{name}.parquet", world.calendar, world.market.rate_frac
        )
        if is_held_out(one)
    ]

    spx, vix = (
        width_errors(
            widths,
            seen_widths(
                [one for one in snapshots if one.underlying == name],
                lambda at: world.market.levels(at).vix,
                world.calendar,
            ),
            name,
        )
        for name, widths in (
            ("SPX", shipped_params().spx_quotes),
            ("VIX", shipped_params().vix_quotes),
        )
    )

    assert (spx["snapshots"], vix["snapshots"]) == (28, 16)
    assert spx["out_of_the_money"] <= 0.24
    assert spx["in_the_money"] <= 0.51
    assert vix["out_of_the_money"] <= 0.29
    assert vix["in_the_money"] <= 0.35
    assert vix["calls_5_to_50_delta"] <= 0.37


def test_the_modelled_30_day_strip_is_worth_the_recorded_vix(world: World) -> None:
    history = world.history
    rows = range(history.index(date(2006, 1, 3)), history.last_index - 1, 15)
    sessions = [history.sessions[row] for row in rows] + list(CRASH_DAYS)

    misses = [
        modelled_vix(world, day) / history.vix_close[history.index(day)] - 1.0 for day in sessions
    ]

    assert np.abs(misses).max() < 0.02


def test_the_split_holds_out_whole_days_of_calm_and_nerves(world: World, data_folder: Path) -> None:
    path = data_folder / "spx_chain_snapshots.parquet"

    days = {one.at.date().isoformat() for one in held_out(world, path)}

    assert days == {"2011-01-05", "2022-02-04", "2023-02-07", "2023-09-14", "2025-01-22"}


def test_what_a_fit_writes_can_be_read_back() -> None:
    params = shipped_params()
    found = Calibration(
        params=params,
        sample={"spx": ["2020-09-04"], "vix": [], "vix1d_sessions": 0},
        held_out={},
        vix1d={"sessions": 0, "median_absolute_frac": None},
    )

    text = params_text(found, date(2026, 11, 24))

    assert SurfaceParams.from_toml(text) == params
    assert text.splitlines()[1] == "# Fitted on 2026-11-24. SPX chains of 2020-09-04."


def test_a_file_that_is_no_parquet_is_refused_in_one_sentence(tmp_path: Path) -> None:
    world = historical_world(Settings(), None, seed=7)
    path = tmp_path / "chains.parquet"
    path.write_text("not parquet")

    with pytest.raises(HistoryError, match=r"^chains\.parquet cannot be read"):
        read_snapshots(path, world.calendar, world.market.rate_frac)


def test_a_folder_whose_chains_cannot_be_used_is_refused_in_one_sentence(tmp_path: Path) -> None:
    world = historical_world(Settings(), None, seed=7)
    path = tmp_path / "spx_chain_snapshots.parquet"
    with duckdb.connect() as connection:
        connection.execute(
            "COPY (SELECT DATE '2018-02-02' AS quote_date, 2762.0 AS spot,"
            " DATE '2018-02-05' AS expiry, strike, 'P' AS \"right\", 1.0 AS bid, 1.2 AS ask"
            f" FROM range(2600, 2800, 5) AS t(strike)) TO '{path}' (FORMAT parquet)"
        )

    with pytest.raises(HistoryError) as told:
        calibrate(world, tmp_path, shipped_params())

    assert str(told.value) == (
        f"{tmp_path.name} holds no chain that could be fitted"
        " (no strike with both sides quoted: 1)."
    )


def test_chains_of_a_day_outside_the_history_are_left_out_of_a_refit(tmp_path: Path) -> None:
    world = historical_world(Settings(), None, seed=7)
    path = tmp_path / "spx_chain_snapshots.parquet"
    with duckdb.connect() as connection:
        connection.execute(
            "COPY (SELECT DATE '2021-02-02' AS quote_date, 3800.0 AS spot,"
            " DATE '2021-02-05' AS expiry, strike, side AS \"right\","
            " if(side = 'P', greatest(strike - 3800, 0), greatest(3800 - strike, 0)) + 5.0 AS bid,"
            " bid + 0.2 AS ask FROM range(3600, 4000, 5) AS t(strike), (VALUES ('C'), ('P')) AS"
            f" s(side)) TO '{path}' (FORMAT parquet)"
        )

    with pytest.raises(HistoryError, match=r"\(outside the market history: 1\)\.$"):
        calibrate(world, tmp_path, shipped_params())
