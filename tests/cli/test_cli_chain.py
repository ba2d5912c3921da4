"""`alvh chain` and `alvh calibrate`, as a shell calls them."""

import json
from dataclasses import asdict
from pathlib import Path

import duckdb
import pytest
from cli_samples import Alvh

from bot.world import shipped_params
from market.surface_params import SurfaceParams


def test_a_chain_is_told_with_spot_forward_and_rows(alvh: Alvh) -> None:
    told = alvh(
        "chain", "--class", "SPXW", "--at", "2018-02-02T16:10", "--expiry", "2018-02-05", "--json"
    )

    chain = json.loads(told.out)
    assert told.code == 0
    assert (chain["class"], chain["spot"], chain["simulated"]) == ("SPXW", 2762.13, True)
    assert chain["forward"] == pytest.approx(2762.13, abs=1.0)
    assert list(chain["rows"][0]) == ["strike", "right", "bid", "ask", "mid", "iv", "delta"]
    assert all(row["bid"] < row["ask"] for row in chain["rows"])


def test_a_vix_chain_stands_on_its_future(alvh: Alvh) -> None:
    told = alvh("chain", "--class", "VIX", "--at", "2018-02-05T16:00", "--expiry", "2018-03-21")

    assert told.code == 0
    assert told.out.startswith("VIX expiring 2018-03-21, modelled: spot 37.32, forward ")


@pytest.mark.parametrize(
    ("arguments", "code", "sentence"),
    [
        (("--at", "noon", "--expiry", "2018-02-05"), 2, "--at noon is no time; write it in New"),
        (("--at", "2018-02-02T16:10", "--expiry", "2018-02-06"), 3, "no SPXW series expiring"),
        (("--at", "2031-02-02T16:10", "--expiry", "2018-02-05"), 3, "lies outside the market"),
    ],
)
def test_a_chain_that_cannot_be_had_is_told_in_one_sentence(
    alvh: Alvh, arguments: tuple[str, ...], code: int, sentence: str
) -> None:
    told = alvh("chain", "--class", "SPXW", *arguments)

    assert (told.code, told.out) == (code, "")
    assert sentence in told.err
    assert told.err.count("\n") == 1


@pytest.mark.parametrize(
    ("asked", "expiry", "listed"),
    [("VIX", "2018-02-07", "VIXW"), ("VIXW", "2018-03-21", "VIX"), ("SPX", "2018-02-05", "SPXW")],
)
def test_an_expiry_of_the_other_class_is_told_with_its_class(
    alvh: Alvh, asked: str, expiry: str, listed: str
) -> None:
    told = alvh("chain", "--class", asked, "--at", "2018-02-02T15:30", "--expiry", expiry)

    assert (told.code, told.out) == (3, "")
    assert told.err == (
        f"alvh: no {asked} series expiring {expiry} was listed and trading at 2018-02-02 15:30"
        f" New York time; that expiry is one of {listed}: --class {listed}.\n"
    )


def test_calibrate_wants_chains(alvh: Alvh) -> None:
    told = alvh("calibrate")

    assert told.code == 2
    assert "calibrate needs chains" in told.err


def test_a_refit_does_not_begin_where_it_could_not_be_written(
    alvh: Alvh, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "surface.toml").write_text("mine")

    existing = alvh("calibrate", "--data", tmp_path)
    nowhere = alvh("calibrate", "--data", tmp_path, "--out", tmp_path / "absent" / "new.toml")

    assert (existing.code, existing.err) == (
        2,
        "alvh: surface.toml exists; name the file to write with --out.\n",
    )
    assert nowhere.code == 2
    assert "cannot be written: its folder is not there." in nowhere.err
    assert (tmp_path / "surface.toml").read_text() == "mine"


def test_a_refit_writes_its_file_and_tells_sample_and_error_of_every_part(
    alvh: Alvh, data_folder: Path, tmp_path: Path
) -> None:
    out = tmp_path / "new.toml"

    told = json.loads(alvh("calibrate", "--data", data_folder, "--out", out, "--json").out)

    shipped = shipped_params()
    fitted = SurfaceParams.from_toml(out.read_text(encoding="utf-8"))
    assert told["written"] == str(out)
    assert [fit["part"] for fit in told["fits"]] == [
        "family.vix9d",
        "family.vix3m",
        "family.vix6m",
        "family.vvix",
        "vix_futures",
        "spx_term.rest_by_minute",
        "spx_term.window_power",
        "spx_quotes",
        "spx_quotes.in_money_frac",
        "spx_quotes.night_factor",
        "vix_quotes",
        "vix_quotes.in_money_frac",
        "vix_quotes.night_factor",
        "spx_quotes.open_factor",
    ]
    assert all(fit["line"] in out.read_text(encoding="utf-8") for fit in told["fits"])
    # The shipped parameters are those of the same command, but for the window.
    for name in ("vix9d", "vix3m", "vix6m", "vvix"):
        ours, theirs = getattr(shipped.family, name), getattr(fitted.family, name)
        assert asdict(theirs) == pytest.approx(asdict(ours), abs=0.01)
    assert asdict(fitted.vix_futures) == pytest.approx(asdict(shipped.vix_futures), rel=0.03)
    assert asdict(fitted.spx_smile) == pytest.approx(asdict(shipped.spx_smile), rel=0.02)
    assert fitted.spx_term.window_power == pytest.approx(shipped.spx_term.window_power, abs=0.06)
    for name in ("spx_quotes", "vix_quotes"):
        ours, theirs = asdict(getattr(shipped, name)), asdict(getattr(fitted, name))
        assert theirs.pop("era") == ours.pop("era")
        assert theirs == pytest.approx(ours, rel=0.02)
    rest, given = (dict(of.spx_term.rest_by_minute) for of in (fitted, shipped))
    assert rest == pytest.approx(given, abs=0.005)


def test_an_evaluation_tells_errors_by_snapshot_tenor_delta_and_condor(
    alvh: Alvh, data_folder: Path
) -> None:
    file = data_folder / "spx_chain_snapshots.parquet"

    told = json.loads(alvh("calibrate", "--evaluate", file, "--data", data_folder, "--json").out)

    assert len(told["snapshots"]) == 12
    assert {"all", "by_tenor_days", "by_delta", "condors", "half_spread"} < set(told["spx"])
    assert told["spx"]["condors"]["count"] == 27
    known, level = (
        told["spx"][key] for key in ("condors_at_real_level", "next_session_level_error_frac")
    )
    assert (known["count"], level["count"]) == (27, 9)
    assert known["median_absolute"] < told["spx"]["condors"]["median_absolute"]


def test_an_evaluation_of_days_outside_the_history_asks_for_data(
    alvh: Alvh, tmp_path: Path
) -> None:
    file = tmp_path / "chains.parquet"
    with duckdb.connect() as connection:
        connection.execute(
            "COPY (SELECT DATE '2021-02-02' AS quote_date, 3800.0 AS spot,"
            " DATE '2021-02-05' AS expiry, strike, side AS \"right\","
            " if(side = 'P', greatest(strike - 3800, 0), greatest(3800 - strike, 0)) + 5.0 AS bid,"
            " bid + 0.2 AS ask FROM range(3600, 4000, 5) AS t(strike), (VALUES ('C'), ('P')) AS"
            f" s(side)) TO '{file}' (FORMAT parquet)"
        )

    answer = alvh("calibrate", "--evaluate", file)

    left_out, advice = answer.out.splitlines()
    assert left_out.endswith("which runs from 2014-01-03 to 2018-12-31.")
    assert advice == (
        "Nothing could be measured; name a folder whose history has those days: --data."
    )
