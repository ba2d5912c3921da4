"""What a folder has, told from the folder alone."""

from datetime import date
from pathlib import Path
from typing import Any

import pytest
from data_samples import calendar
from hypothesis import given
from hypothesis import strategies as st

from bot.data.status import data_status, holes_among
from bot.world import config_text
from market.errors import HistoryError
from market.macro import MacroCalendar

SHIPPED = MacroCalendar.from_toml(config_text("macro_events.toml"))
TODAY = date(2026, 11, 24)
VIX9D = b"date,close\n2018-01-31,12.1\n2018-02-01,\n2018-02-02,17.5\n2018-02-07,29.0\n"


def status(folder: Path | None) -> dict[str, Any]:
    return data_status(folder, calendar(), SHIPPED, TODAY)


def series(told: dict[str, Any], name: str) -> dict[str, Any]:
    (found,) = [row for row in told["series"] if row["name"] == name]
    return dict(found)


def test_the_built_in_history_has_spx_and_vix_and_models_the_rest() -> None:
    told = status(None)

    assert {row["name"]: row["state"] for row in told["series"]} == {
        "spx": "real",
        "vix": "real",
        "vix9d": "modelled",
        "vix3m": "modelled",
        "vix6m": "modelled",
        "vix1d": "absent",
        "vvix": "modelled",
        "skew": "absent",
        "vx": "modelled",
        "rates": "modelled",
        "breadth": "absent",
        "reer": "absent",
        "vix_settlements": "modelled",
    }
    assert series(told, "spx") == {
        "name": "spx",
        "file": None,
        "state": "real",
        "values": 5031,
        "first": "1999-01-04",
        "last": "2018-12-31",
        "holes": [],
        "origin": "built-in daily sets of the package arch",
        "fault": None,
    }


def test_releases_are_told_with_the_days_left() -> None:
    macro = status(None)["macro"]

    assert macro["file"] is None
    assert macro["coverage"] == {
        "FOMC": {"until": "2027-12-08", "days_left": 379},
        "CPI": {"until": "2026-12-10", "days_left": 16},
        "PPI": {"until": "2026-12-15", "days_left": 21},
        "NFP": {"until": "2026-12-04", "days_left": 10},
    }
    assert [warning.split()[0] for warning in macro["warnings"]] == ["CPI", "PPI", "NFP"]


def test_holes_are_sessions_without_a_value(tmp_path: Path) -> None:
    (tmp_path / "vix9d_daily.csv").write_bytes(VIX9D)

    assert series(status(tmp_path), "vix9d") == {
        "name": "vix9d",
        "file": "vix9d_daily.csv",
        "state": "real",
        "values": 3,
        "first": "2018-01-31",
        "last": "2018-02-07",
        "holes": [
            {"first": "2018-02-01", "last": "2018-02-01", "sessions": 1},
            {"first": "2018-02-05", "last": "2018-02-06", "sessions": 2},
        ],
        "origin": None,
        "fault": None,
    }


@given(st.sets(st.sampled_from(calendar().between(date(2018, 1, 2), date(2018, 3, 29)))))
def test_days_and_holes_together_are_all_sessions_between(days: set[date]) -> None:
    holes = holes_among(days, calendar())

    missing = {day for hole in holes for day in calendar().between(hole.first, hole.last)}
    assert not missing & days
    assert sum(hole.sessions for hole in holes) == len(missing)
    assert missing | days == set(calendar().between(min(days), max(days)) if days else ())


def test_one_wrong_file_is_told_beside_the_others(tmp_path: Path) -> None:
    (tmp_path / "vix9d_daily.csv").write_bytes(VIX9D)
    (tmp_path / "vvix_daily.csv").write_bytes(b"date,close\n2018-02-02,-1\n")
    (tmp_path / "macro_events.toml").write_bytes(b"[cpi\n")

    told = status(tmp_path)

    assert series(told, "vix9d")["state"] == "real"
    assert series(told, "vvix")["state"] == "wrong"
    assert series(told, "vvix")["fault"] == (
        "vvix_daily.csv, line 2 (2018-02-02): close is -1 but must be above 0; correct the value."
    )
    assert told["macro"]["fault"].startswith("macro_events.toml is no valid TOML: ")


def test_no_folder_is_the_users_mistake(tmp_path: Path) -> None:
    with pytest.raises(HistoryError, match="is no folder; make one by `alvh data download"):
        status(tmp_path / "absent")


def test_the_recorded_folder_is_read_whole(data_folder: Path) -> None:
    told = status(data_folder)

    assert {row["state"] for row in told["series"]} == {"real"}
    assert series(told, "vix")["first"] == "1990-01-02"
    assert series(told, "spx")["holes"] == []
