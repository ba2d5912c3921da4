"""Series renewed from a server: what the folder holds after it behaved, and after it did not."""

import hashlib
import json
import tempfile
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path

import duckdb
import pytest
import stamina
from data_samples import (
    BLS_PATH,
    DGS3MO_CSV,
    DGS3MO_PATH,
    DTB3_CSV,
    DTB3_PATH,
    ECBDFR_CSV,
    ECBDFR_PATH,
    VIX_CSV,
    VIX_PATH,
    VVIX_CSV,
    VVIX_PATH,
    contents,
    ical,
    place,
    positions,
    sources,
)
from data_server import Reply, Server, serving
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.data.download import Outcome, Place, download
from bot.data.fetch import Fetcher, Patience
from bot.data.vx import contract_settles
from bot.world import config_text
from market.history_files import VIX_SHAPE, read_vx
from market.history_table import read_table
from market.macro import MacroCalendar, MacroKind

VIX_STORED = b"""date,open,high,low,close
2018-01-31,14.23,14.44,13.26,13.54
2018-02-01,13.64,14.07,12.50,13.47
2018-02-02,13.64,17.86,13.64,17.31
2018-02-05,18.44,38.80,16.80,37.32
2018-02-06,37.32,50.30,22.42,29.98
2018-02-07,31.64,31.64,21.17,27.73
"""


@pytest.fixture(autouse=True)
def _no_waiting() -> Iterator[None]:
    with stamina.set_testing(True, attempts=3):
        yield


@pytest.fixture
def server() -> Iterator[Server]:
    with serving() as running:
        yield running


def fetch(server: Server, where: Place, *names: str) -> list[Outcome]:
    patience = Patience(read_seconds=2.0, whole_seconds=2.0, most_bytes=10_000)
    with Fetcher(server.url, patience) as fetcher:
        return download(names, sources(), where, fetcher)


def test_an_index_history_becomes_a_file_of_the_folder(server: Server, tmp_path: Path) -> None:
    server.on(VIX_PATH, Reply(VIX_CSV, etag='"v1"'))

    outcomes = fetch(server, place(tmp_path), "vix")

    assert outcomes == [
        Outcome(
            series="vix",
            file="vix_daily.csv",
            state="written",
            source="Cboe Global Indices, history of the VIX index",
            urls=(server.url + VIX_PATH,),
            last=date(2018, 2, 7),
        )
    ]
    assert set(contents(tmp_path)) == {"vix_daily.csv", "data_manifest.json"}
    assert (tmp_path / "vix_daily.csv").read_bytes() == VIX_STORED


def test_the_manifest_tells_source_date_and_checksums(server: Server, tmp_path: Path) -> None:
    server.on(VIX_PATH, Reply(VIX_CSV, etag='"v1"'))

    fetch(server, place(tmp_path), "vix")

    manifest = json.loads((tmp_path / "data_manifest.json").read_bytes())
    assert manifest == {
        "files": {
            "vix_daily.csv": {
                "sha256": hashlib.sha256(VIX_STORED).hexdigest(),
                "source": "Cboe Global Indices, history of the VIX index",
                "licence": sources()["vix"].licence,
                "at": "2018-02-10T18:00:00Z",
                "parts": [
                    {
                        "url": server.url + VIX_PATH,
                        "sha256": hashlib.sha256(VIX_CSV).hexdigest(),
                        "bytes": len(VIX_CSV),
                        "etag": '"v1"',
                        "at": "2018-02-10T18:00:00Z",
                    }
                ],
            }
        }
    }


def test_what_has_not_changed_is_not_sent_again(server: Server, tmp_path: Path) -> None:
    server.on(VIX_PATH, Reply(VIX_CSV, etag='"v1"'))
    fetch(server, place(tmp_path), "vix")
    before = contents(tmp_path)

    (outcome,) = fetch(server, place(tmp_path), "vix")

    assert outcome.state == "unchanged"
    assert server.asked("if-none-match") == [None, '"v1"']
    assert contents(tmp_path) == before


def test_a_file_changed_by_hand_is_fetched_in_full(server: Server, tmp_path: Path) -> None:
    server.on(VIX_PATH, Reply(VIX_CSV, etag='"v1"'))
    fetch(server, place(tmp_path), "vix")
    (tmp_path / "vix_daily.csv").write_bytes(VIX_STORED.replace(b"37.32\n", b"37.99\n"))

    (outcome,) = fetch(server, place(tmp_path), "vix")

    assert outcome.state == "written"
    assert (tmp_path / "vix_daily.csv").read_bytes() == VIX_STORED


def test_dates_that_the_publisher_no_longer_serves_are_kept(server: Server, tmp_path: Path) -> None:
    old = b"date,open,close,ohlc_ok\n2018-01-30,14.00,14.79,True\n2018-01-31,1,1,False\n"
    (tmp_path / "vix_daily.csv").write_bytes(old)
    server.on(VIX_PATH, Reply(VIX_CSV))

    fetch(server, place(tmp_path), "vix")

    lines = (tmp_path / "vix_daily.csv").read_bytes().splitlines()
    assert lines[:3] == [
        b"date,open,high,low,close,ohlc_ok",
        b"2018-01-30,14.00,,,14.79,True",
        b"2018-01-31,14.23,14.44,13.26,13.54,False",
    ]
    assert len(lines) == 8


def test_an_impossible_open_is_left_empty(server: Server, tmp_path: Path) -> None:
    # As in Cboe's row of 2004-11-08: an open of 2.58 beside a low of 13.68.
    server.on(VIX_PATH, Reply(VIX_CSV.replace(b"02/05/2018,18.44", b"02/05/2018,2.58")))

    fetch(server, place(tmp_path), "vix")

    assert b"2018-02-05,,38.80,16.80,37.32\n" in (tmp_path / "vix_daily.csv").read_bytes()


def test_a_row_on_a_holiday_is_left_out(server: Server, tmp_path: Path) -> None:
    server.on(VIX_PATH, Reply(VIX_CSV + b"02/10/2018,29.06,29.06,29.06,29.06\n"))

    (outcome,) = fetch(server, place(tmp_path), "vix")

    assert (outcome.state, outcome.last) == ("written", date(2018, 2, 7))


def test_a_series_of_one_column_is_a_close(server: Server, tmp_path: Path) -> None:
    server.on(VVIX_PATH, Reply(VVIX_CSV))

    fetch(server, place(tmp_path), "vvix")

    stored = (tmp_path / "vvix_daily.csv").read_bytes()
    assert stored == b"date,close\n2018-02-02,131.33\n2018-02-05,180.610000\n"


def test_rates_of_three_files_become_one(server: Server, tmp_path: Path) -> None:
    server.on(DTB3_PATH, Reply(DTB3_CSV))
    server.on(DGS3MO_PATH, Reply(DGS3MO_CSV))
    server.on(ECBDFR_PATH, Reply(ECBDFR_CSV))

    (outcome,) = fetch(server, place(tmp_path), "rates")

    rows = [line.split(",") for line in (tmp_path / "rates_daily.csv").read_text().splitlines()]
    at = {name: rows[0].index(name) for name in rows[0]}
    told = [
        [
            row[at[name]]
            for name in ("date", "tbill_3m_dtb3", "treasury_3m_dgs3mo", "ecb_deposit_rate")
        ]
        for row in rows[1:]
    ]
    assert outcome.state == "written"
    assert told == [
        ["2018-02-02", "1.45", "1.48", ""],
        ["2018-02-03", "", "", "-0.40"],
        ["2018-02-05", "1.46", "1.49", "-0.40"],
        ["2018-02-19", "", "", ""],
    ]


def test_one_series_that_fails_does_not_stop_the_others(server: Server, tmp_path: Path) -> None:
    server.on(VVIX_PATH, Reply(VVIX_CSV))

    vix, vvix = fetch(server, place(tmp_path), "vix", "vvix")

    assert (vix.state, vvix.state) == ("failed", "written")
    assert vix.reason == (
        f"vix: {server.url}{VIX_PATH} answers 404: there is no such file;"
        " vix_daily.csv was not written."
    )


BAD_BODIES = {
    "nothing": b"",
    "a page": b"<!DOCTYPE html><html><body>Sign in</body></html>",
    "a header alone": b"DATE,OPEN,HIGH,LOW,CLOSE\n",
    "other columns": b"DATE,CLOSING\n02/05/2018,37.32\n",
    "bytes": bytes(range(256)) * 4,
    "a text for a number": VIX_CSV.replace(b"37.32\n", b"n/a\n"),
    "a price of zero": VIX_CSV.replace(b"37.32\n", b"0\n"),
    "a torn row": VIX_CSV[:-9],
    "a date that is none": VIX_CSV.replace(b"02/05/2018", b"02/31/2018"),
    "a date twice": VIX_CSV + b"02/07/2018,31.64,31.64,21.17,27.74\n",
    "an older file": VIX_CSV[: VIX_CSV.index(b"02/05")],
    "an endless file": VIX_CSV + b"\n" * 20_000,
}


@pytest.mark.parametrize("body", BAD_BODIES.values(), ids=BAD_BODIES.keys())
def test_a_wrong_body_changes_nothing(server: Server, tmp_path: Path, body: bytes) -> None:
    server.on(VIX_PATH, Reply(VIX_CSV), Reply(body))
    fetch(server, place(tmp_path), "vix")
    before = contents(tmp_path)

    (outcome,) = fetch(server, place(tmp_path), "vix")

    assert outcome.state == "failed"
    assert outcome.reason is not None
    assert outcome.reason.startswith("vix: ")
    assert outcome.reason.endswith("; vix_daily.csv stays as it was.")
    assert contents(tmp_path) == before


def test_a_history_with_a_hole_is_not_written(server: Server, tmp_path: Path) -> None:
    server.on(VIX_PATH, Reply(VIX_CSV.replace(b"02/05/2018,18.44,38.80,16.80,37.32\n", b"")))

    (outcome,) = fetch(server, place(tmp_path), "vix")

    assert outcome.reason == (
        "vix: vix_daily.csv, line 5 (2018-02-06): sessions missing between 2018-02-02 and this row:"
        " 1; add their rows; vix_daily.csv was not written."
    )
    assert contents(tmp_path) == {}


def test_a_wrong_file_in_the_folder_is_named_and_left(server: Server, tmp_path: Path) -> None:
    (tmp_path / "vix_daily.csv").write_bytes(b"no history at all\n")
    server.on(VIX_PATH, Reply(VIX_CSV))

    (outcome,) = fetch(server, place(tmp_path), "vix")

    assert outcome.state == "failed"
    assert outcome.reason is not None
    assert "vix_daily.csv has no column of dates (it begins with no_history_at_all)" in (
        outcome.reason
    )
    assert (tmp_path / "vix_daily.csv").read_bytes() == b"no history at all\n"


replies = st.builds(
    Reply,
    body=st.one_of(
        st.just(VIX_CSV),
        st.sampled_from(list(BAD_BODIES.values())),
        st.integers(0, len(VIX_CSV)).map(lambda end: VIX_CSV[:end]),
        st.binary(max_size=200),
    ),
    status=st.sampled_from([200, 200, 200, 206, 304, 404, 416, 429, 500]),
    sent=st.one_of(st.none(), st.none(), st.integers(0, 120)),
    etag=st.sampled_from([None, '"v1"', 'W/"v1"']),
    has_ranges=st.booleans(),
    tells_length=st.sampled_from([True, True, False]),
)


@settings(max_examples=60)
@given(st.lists(replies, min_size=1, max_size=5), st.booleans())
def test_whatever_the_server_does_the_folder_holds_whole_files_or_what_was_there(
    script: list[Reply], was_there: bool
) -> None:
    with serving() as server, tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        if was_there:
            server.on(VIX_PATH, Reply(VIX_CSV))
            fetch(server, place(folder), "vix")
        before = contents(folder)
        server.on(VIX_PATH, *script)

        (outcome,) = fetch(server, place(folder), "vix")

        after = contents(folder)
        assert set(after) <= {"vix_daily.csv", "data_manifest.json"}
        if outcome.state == "failed":
            assert after == before
        else:
            table = read_table(folder / "vix_daily.csv", VIX_SHAPE, positions())
            manifest = json.loads(after["data_manifest.json"])["files"]["vix_daily.csv"]
            assert len(table.ordinals) >= (6 if was_there else 1)
            assert manifest["sha256"] == hashlib.sha256(after["vix_daily.csv"]).hexdigest()


VX_URL = "/data/us/futures/market_statistics/historical_data/VX/VX_{}.csv"
VX_HEADER = "Trade Date,Futures,Open,High,Low,Close,Settle,Change,Total Volume,EFP,Open Interest\n"


def contract(*rows: tuple[str, str]) -> Reply:
    notice = "CFE data is compiled for the convenience of site visitors\n"
    lines = [f"{day},G (Feb 2018),0,0,0,0,{settle},0,0,0,0\n" for day, settle in rows]
    return Reply((notice + VX_HEADER + "".join(lines)).encode())


def listed_contracts(server: Server, *expiries: str) -> None:
    for number, expiry in enumerate(expiries):
        rows = ("2018-02-02", f"{15 + number}"), ("2018-02-05", f"{33.225 - number}")
        server.on(VX_URL.format(expiry), contract(*rows))


NEAR = ("2018-02-14", "2018-03-21", "2018-04-18", "2018-05-16", "2018-06-20")


@pytest.fixture
def vx_table(server: Server, tmp_path: Path) -> Place:
    """Return a place whose folder ends with one session of January 2018."""
    source = (
        "SELECT DATE '2018-01-31' AS trade_date, DATE '2018-02-14' AS expiry_date, 14.1 AS settle"
    )
    with duckdb.connect() as connection:
        path = tmp_path / "vx_term_structure_daily.parquet"
        connection.sql(source).write_parquet(str(path))
    return place(tmp_path)


def test_contracts_are_added_to_the_table(server: Server, vx_table: Place) -> None:
    listed_contracts(server, *NEAR, "2018-07-18")
    server.on(
        VX_URL.format("2018-02-14"),
        contract(("2018-01-31", "14.2"), ("02/02/2018", "15.5"), ("02/05/2018", "0")),
    )

    (outcome,) = fetch(server, vx_table, "vx")

    table = read_vx(vx_table.folder / outcome.file, positions())
    first = zip(table.sessions.tolist(), table.expiries.tolist(), table.settles, strict=True)
    rows = [(date.fromordinal(a), date.fromordinal(b), float(c)) for a, b, c in first]
    assert (outcome.state, outcome.last, outcome.reason) == ("written", date(2018, 2, 5), None)
    assert rows[:3] == [
        (date(2018, 1, 31), date(2018, 2, 14), 14.2),
        (date(2018, 2, 2), date(2018, 2, 14), 15.5),
        (date(2018, 2, 2), date(2018, 3, 21), 16.0),
    ]
    assert rows[-1] == (date(2018, 2, 5), date(2018, 7, 18), 28.225)
    assert len(rows) == 12


def test_a_near_contract_that_is_missing_changes_nothing(server: Server, vx_table: Place) -> None:
    before = contents(vx_table.folder)
    listed_contracts(server, *(expiry for expiry in NEAR if expiry != "2018-04-18"))

    (outcome,) = fetch(server, vx_table, "vx")

    assert outcome.state == "failed"
    assert "VX_2018-04-18.csv answers 404" in (outcome.reason or "")
    assert contents(vx_table.folder) == before


@pytest.mark.parametrize(
    "wrong",
    [
        Reply(b"<html></html>"),
        contract(("2018-04-19", "15")),
        contract(("2018-01-02", "15")),
        contract(("2018-02-05", "-3")),
        contract(("2018-02-05", "high")),
    ],
    ids=["a page", "after its expiry", "long ended", "below zero", "no number"],
)
def test_a_wrong_contract_changes_nothing(server: Server, vx_table: Place, wrong: Reply) -> None:
    before = contents(vx_table.folder)
    listed_contracts(server, *NEAR)
    server.on(VX_URL.format("2018-04-18"), wrong)

    (outcome,) = fetch(server, vx_table, "vx")

    assert outcome.state == "failed"
    assert contents(vx_table.folder) == before


def test_the_final_settlement_is_no_days_price() -> None:
    body = contract(("2018-02-13", "24.97"), ("2018-02-14", "23.29")).body

    settles = contract_settles(body, date(2018, 2, 14), "VX.csv", today=date(2018, 3, 1))

    assert settles == {(date(2018, 2, 13), date(2018, 2, 14)): 24.97}


NOVEMBER = datetime(2026, 11, 24, 15, 0, tzinfo=UTC)
COMING = (
    ("Employment Situation for November 2026", "20261204T083000"),
    ("Consumer Price Index for November 2026", "20261210T083000"),
    ("Producer Price Index for November 2026", "20261215T083000"),
    ("Employment Situation of Veterans", "20270318T100000"),
    ("Employment Situation", "20270108T083000"),
    ("Consumer Price Index", "20270113T083000"),
    ("Consumer Price Index", "20270210T100000"),
    ("Producer Price Index", "20270114T083000"),
)


def test_releases_are_added_behind_the_shipped_ones(server: Server, tmp_path: Path) -> None:
    server.on(BLS_PATH, Reply(ical(*COMING)))
    shipped = MacroCalendar.from_toml(config_text("macro_events.toml"))

    (outcome,) = fetch(server, place(tmp_path, NOVEMBER), "macro")

    renewed = MacroCalendar.from_toml((tmp_path / "macro_events.toml").read_text("utf-8"))
    added = [event for event in renewed.events if event not in shipped.events]
    assert outcome.state == "written"
    assert set(shipped.events) <= set(renewed.events)
    assert [(event.kind, event.at.isoformat()) for event in added] == [
        (MacroKind.NFP, "2027-01-08T13:30:00+00:00"),
        (MacroKind.CPI, "2027-01-13T13:30:00+00:00"),
        (MacroKind.PPI, "2027-01-14T13:30:00+00:00"),
        (MacroKind.CPI, "2027-02-10T15:00:00+00:00"),
    ]
    assert renewed.coverage() == {
        MacroKind.FOMC: date(2027, 12, 8),
        MacroKind.CPI: date(2027, 2, 10),
        MacroKind.PPI: date(2027, 1, 14),
        MacroKind.NFP: date(2027, 1, 8),
    }
    assert outcome.notes == ("2 CPI dates added", "1 PPI dates added", "1 NFP dates added")


def test_a_second_calendar_adds_to_the_first(server: Server, tmp_path: Path) -> None:
    later = (*COMING, ("Consumer Price Index", "20270310T083000"))
    server.on(BLS_PATH, Reply(ical(*COMING)), Reply(ical(*later)))
    fetch(server, place(tmp_path, NOVEMBER), "macro")

    (outcome,) = fetch(server, place(tmp_path, NOVEMBER), "macro")

    renewed = MacroCalendar.from_toml((tmp_path / "macro_events.toml").read_text("utf-8"))
    assert outcome.notes[0] == "1 CPI dates added"
    assert renewed.coverage()[MacroKind.CPI] == date(2027, 3, 10)


def test_a_date_that_moved_is_told_and_kept(server: Server, tmp_path: Path) -> None:
    moved = [(name, start.replace("20261210", "20261211")) for name, start in COMING]
    server.on(BLS_PATH, Reply(ical(*moved)))

    (outcome,) = fetch(server, place(tmp_path, NOVEMBER), "macro")

    assert outcome.notes == (
        "3 CPI dates added",
        "1 PPI dates added",
        "1 NFP dates added",
        "CPI of 2026-12-10 is kept, but the publisher does not list it.",
    )


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html></html>",
        ical(*COMING)[:-30],
        ical(*COMING[:2]),
        ical(*COMING, ("Consumer Price Index", "20270213T083000")),
        ical(*COMING, ("Consumer Price Index", "20290213T083000")),
        ical(*COMING).replace(b"20270113T083000", b"2027ABC"),
    ],
    ids=["nothing", "a page", "torn", "no PPI", "a Saturday", "years ahead", "no date"],
)
def test_a_wrong_calendar_is_refused(server: Server, tmp_path: Path, body: bytes) -> None:
    server.on(BLS_PATH, Reply(body))

    (outcome,) = fetch(server, place(tmp_path, NOVEMBER), "macro")

    assert outcome.state == "failed"
    assert contents(tmp_path) == {}
