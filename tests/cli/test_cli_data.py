"""`alvh data`: status, import and download as a shell calls them."""

import json
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest
import stamina
from cli_samples import Alvh
from data_samples import BLS_PATH, VIX_CSV, VIX_PATH, VVIX_CSV, VVIX_PATH, contents, ical
from data_server import Reply, Server, serving

from bot.world import config_text

SPX = """Date,Close/Last,Open,High,Low
02/06/2018,"2,695.14","2,614.78","2,701.04","2,593.07"
02/05/2018,"2,648.94","2,741.06","2,763.39","2,638.17"
02/02/2018,"2,762.13","2,808.92","2,808.92","2,759.97"
"""


@pytest.fixture(autouse=True)
def _no_waiting() -> Iterator[None]:
    with stamina.set_testing(True, attempts=2):
        yield


@pytest.fixture
def server() -> Iterator[Server]:
    with serving() as running:
        yield running


@pytest.fixture
def history(tmp_path: Path) -> Path:
    return tmp_path / "history"


@pytest.fixture
def vendor_file(tmp_path: Path) -> Path:
    file = tmp_path / "vendor.csv"
    file.write_text(SPX, encoding="utf-8")
    return file


def test_a_vendors_file_becomes_a_file_of_the_folder(
    alvh: Alvh, vendor_file: Path, history: Path
) -> None:
    answer = alvh("data", "import", vendor_file, "--as", "spx_daily", "--data", history)

    assert (answer.code, answer.err) == (0, "")
    assert answer.out == f"{history / 'spx_daily.csv'}: written.\n"
    assert (history / "spx_daily.csv").read_text() == (
        "date,open,high,low,close\n"
        "2018-02-02,2808.92,2808.92,2759.97,2762.13\n"
        "2018-02-05,2741.06,2763.39,2638.17,2648.94\n"
        "2018-02-06,2614.78,2701.04,2593.07,2695.14\n"
    )


def test_a_file_that_is_there_is_replaced_on_request_only(
    alvh: Alvh, vendor_file: Path, history: Path
) -> None:
    alvh("data", "import", vendor_file, "--as", "spx_daily", "--data", history)
    vendor_file.write_text(SPX.replace("2,648.94", "2,648.95"), encoding="utf-8")

    refused = alvh("data", "import", vendor_file, "--as", "spx_daily", "--data", history)
    done = alvh("data", "import", vendor_file, "--as", "spx_daily", "--data", history, "--replace")

    assert (refused.code, refused.out) == (2, "")
    assert refused.err == (
        f"alvh: spx_daily.csv is there already in {history}; add --replace to put vendor.csv in"
        " its place.\n"
    )
    assert done.code == 0
    assert "2648.95" in (history / "spx_daily.csv").read_text()


@pytest.mark.parametrize(
    ("text", "name", "sentence"),
    [
        (
            SPX.replace('"2,763.39"', '"2,463.39"'),
            "spx_daily",
            "vendor.csv, 2018-02-05: high 2463.39 is below low 2638.17; correct the two values.",
        ),
        (
            SPX.replace("02/05/2018", "02/04/2018"),
            "spx_daily",
            "vendor.csv, 2018-02-04: a number on a day that is no NYSE session; remove the row.",
        ),
        (
            SPX.replace(",Open,", ",Opening,"),
            "spx_daily",
            "vendor.csv: spx_daily.csv has no column 'open' (it has date, high, low, close); add"
            " the column.",
        ),
        (SPX, "spx", "'spx' is no file of history; choose among spx_daily, vix_daily, vix9d_daily"),
        (SPX, "macro_events", "vendor.csv: macro_events.toml is no valid TOML: "),
        (SPX, "vx_term_structure_daily", "vendor.csv needs the columns trade_date, expiry_date"),
        ("PAR1 and no more", "vx_term_structure_daily", "vendor.csv: vx_term_structure_daily"),
    ],
)
def test_a_wrong_file_is_refused_with_one_sentence(
    alvh: Alvh, vendor_file: Path, history: Path, text: str, name: str, sentence: str
) -> None:
    vendor_file.write_text(text, encoding="utf-8")

    answer = alvh("data", "import", vendor_file, "--as", name, "--data", history)

    assert (answer.code, answer.out) == (2, "")
    assert answer.err.startswith(f"alvh: {sentence}")
    assert answer.err.count("\n") == 1
    assert not history.exists() or contents(history) == {}


def test_settlements_of_futures_come_in_as_csv_too(
    alvh: Alvh, vendor_file: Path, history: Path
) -> None:
    vendor_file.write_text(
        "trade_date,expiry_date,settle\n2018-02-05,2018-02-14,33.225\n2018-02-05,2018-03-21,24.4\n"
    )

    answer = alvh(
        "data",
        "import",
        vendor_file,
        "--as",
        "vx_term_structure_daily",
        "--data",
        history,
        "--json",
    )

    path = history / "vx_term_structure_daily.parquet"
    assert json.loads(answer.out)["is_changed"] is True
    rows = duckdb.execute("SELECT position, settle FROM read_parquet(?) ORDER BY 1", [str(path)])
    assert rows.fetchall() == [(1, 33.225), (2, 24.4)]


def test_a_file_of_releases_comes_in_as_it_is(alvh: Alvh, vendor_file: Path, history: Path) -> None:
    vendor_file.write_text(config_text("macro_events.toml"), encoding="utf-8")

    answer = alvh("data", "import", vendor_file, "--as", "macro_events", "--data", history)

    assert answer.code == 0
    assert (history / "macro_events.toml").read_text("utf-8") == config_text("macro_events.toml")


def test_a_file_that_cannot_be_read_is_named(alvh: Alvh, history: Path) -> None:
    answer = alvh("data", "import", "no-such.csv", "--as", "vix_daily", "--data", history)

    assert (answer.code, answer.out) == (2, "")
    assert answer.err == (
        "alvh: no-such.csv cannot be read (No such file or directory); name the file to import.\n"
    )


def test_download_fetches_what_is_named(alvh: Alvh, server: Server, history: Path) -> None:
    server.on(VIX_PATH, Reply(VIX_CSV))
    server.on(VVIX_PATH, Reply(status=503), Reply(VVIX_CSV))

    answer = alvh("data", "download", "vix", "vvix", "--data", history, "--base-url", server.url)

    assert answer.code == 0
    assert answer.out == (
        "vix: vix_daily.csv written until 2018-02-07\n"
        "vvix: vvix_daily.csv written until 2018-02-05\n"
    )
    assert answer.err == f"{server.url}{VVIX_PATH} answers 503; next try in 0 s\n"
    assert set(contents(history)) == {"vix_daily.csv", "vvix_daily.csv", "data_manifest.json"}


def test_what_cannot_be_had_ends_with_three_and_a_sentence(
    alvh: Alvh, server: Server, history: Path
) -> None:
    server.on(VIX_PATH, Reply(VIX_CSV))

    answer = alvh(
        "data", "download", "vvix", "vix", "--data", history, "--base-url", server.url, "--json"
    )

    told = json.loads(answer.out)
    assert answer.code == 3
    assert [row["state"] for row in told["series"]] == ["failed", "written"]
    assert answer.err == (
        f"alvh: vvix: {server.url}{VVIX_PATH} answers 404: there is no such file;"
        " vvix_daily.csv was not written.\n"
    )


def test_a_run_reads_the_releases_that_were_fetched(
    alvh: Alvh, server: Server, history: Path
) -> None:
    names = ("Consumer Price Index", "Producer Price Index", "Employment Situation")
    server.on(BLS_PATH, Reply(ical(*((name, "20270113T083000") for name in names))))

    fetched = alvh("data", "download", "macro", "--data", history, "--base-url", server.url)
    file = history / "macro_events.toml"
    plan = alvh(
        "plan",
        "--as-of",
        "2027-01-12",
        "--days",
        "2",
        "--set",
        f"market.macro_file={file}",
        "--json",
    )

    assert fetched.code == 0
    assert f"use them with --set market.macro_file={file}" in fetched.out
    assert plan.code == 0
    assert "2027-01-13T13:30:00" in plan.out


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (
            ("vix", "--offline"),
            "--offline forbids the network, so vix cannot be fetched; leave it out, or bring files"
            " with `alvh data import`.",
        ),
        (
            ("spx",),
            "'spx' cannot be downloaded; choose among vix, vix9d, vix3m, vix6m, vix1d, vvix, skew,"
            " vx, rates, macro (other files come in by `alvh data import`).",
        ),
    ],
)
def test_a_download_that_cannot_be_meant_is_refused(
    alvh: Alvh, history: Path, arguments: tuple[str, ...], sentence: str
) -> None:
    answer = alvh("data", "download", *arguments, "--data", history)

    assert (answer.code, answer.out, answer.err) == (2, "", f"alvh: {sentence}\n")
    assert not history.exists()


def test_a_folder_that_is_a_file_is_refused(alvh: Alvh, server: Server, tmp_path: Path) -> None:
    (tmp_path / "history").write_text("no folder")

    answer = alvh(
        "data", "download", "vix", "--data", tmp_path / "history", "--base-url", server.url
    )

    assert answer.code == 2
    assert "history cannot be made a folder (File exists); name another one." in answer.err


def test_status_tells_what_was_fetched_and_what_is_modelled(
    alvh: Alvh, server: Server, history: Path
) -> None:
    server.on(VVIX_PATH, Reply(VVIX_CSV))
    alvh("data", "download", "vvix", "--data", history, "--base-url", server.url)

    answer = alvh("data", "status", "--data", history)

    lines = answer.out.splitlines()
    (vvix,) = [line for line in lines if line.startswith("  vvix")]
    assert answer.code == 0
    assert "2018-02-02 … 2018-02-05, 2 values; Cboe Global Indices, history of the VVIX" in vvix
    assert "  vx              modelled" in lines
    assert "Releases known until (shipped):" in lines


def test_status_of_the_built_in_history_is_one_json_object(alvh: Alvh) -> None:
    answer = alvh("data", "status", "--json")

    told = json.loads(answer.out)
    assert answer.code == 0
    assert told["folder"] is None
    assert [row["name"] for row in told["series"] if row["state"] == "real"] == ["spx", "vix"]
