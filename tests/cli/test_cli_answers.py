"""What the commands answer: the objects that scripts rely on, and the texts that people read."""

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from cli_samples import Alvh

DOCUMENTED = Path(__file__).parents[2] / "docs" / "json.md"
JANUARY = ("--from", "2018-01-02", "--to", "2018-01-31")


@pytest.fixture
def documented() -> Callable[[str], set[str]]:
    """Return the keys that docs/json.md names in the section of a command."""

    def keys(command: str) -> set[str]:
        text = DOCUMENTED.read_text(encoding="utf-8")
        section = text.split(f"## `alvh {command} --json`")[1].split("\n## ")[0]
        return set(re.findall(r"`([a-z_]+)`", section))

    return keys


def test_backtest_answers_with_the_documented_object(
    alvh: Alvh, documented: Callable[[str], set[str]]
) -> None:
    answer = alvh("backtest", *JANUARY, "--json")

    result = json.loads(answer.out)
    assert answer.code == 0
    assert set(result) <= documented("backtest")
    assert result["simulated"] is True
    assert result["condors_opened"] + sum(result["condors_skipped"].values()) == 21
    assert result["sessions"] == 21
    without = result["unhedged"]
    gap = result["end_nlv_usd"] - without["end_nlv_usd"]
    assert result["net_hedge_pnl_usd"] == pytest.approx(gap, abs=0.011)


def test_the_same_backtest_twice_gives_the_same_numbers(alvh: Alvh) -> None:
    first, second = (json.loads(alvh("backtest", *JANUARY, "--json").out) for _ in range(2))

    del first["wall_s"], second["wall_s"]
    assert first == second


def test_decide_agrees_with_the_journal_of_a_backtest(
    alvh: Alvh, tmp_path: Path, documented: Callable[[str], set[str]]
) -> None:
    journal = tmp_path / "january.db"
    alvh("backtest", *JANUARY, "--journal", journal)

    replayed = json.loads(
        alvh("decide", "--as-of", "2018-01-26", "--from", "2018-01-02", "--json").out
    )
    recorded = json.loads(
        alvh("decide", "--as-of", "2018-01-26", "--journal", journal, "--json").out
    )

    assert replayed.pop("would_change") is not None
    assert recorded.pop("would_change") is None
    assert replayed == recorded
    assert {*replayed, "would_change"} <= documented("decide")
    assert replayed["candidates"]["puts"]
    assert replayed["sentence"].startswith("Sell ")


def test_plan_knows_half_days_holidays_and_releases(
    alvh: Alvh, documented: Callable[[str], set[str]]
) -> None:
    plan = json.loads(alvh("plan", "--as-of", "2026-11-23", "--days", "40", "--json").out)

    assert set(plan) <= documented("plan")
    sessions = {planned["session"]: planned for planned in plan["sessions"]}
    assert "2026-11-26" not in sessions
    assert "2026-12-25" not in sessions
    for day in ("2026-11-27", "2026-12-24"):
        moments = {moment["name"]: moment["at"] for moment in sessions[day]["moments"]}
        assert sessions[day]["is_half_day"]
        assert moments["cash_close"] == f"{day}T18:00:00Z"
        assert moments["option_close"] == f"{day}T18:15:00Z"
    entry = {m["name"]: m["at"] for m in sessions["2026-11-23"]["moments"]}["entry"]
    assert entry == "2026-11-23T21:10:00Z"
    releases = {(event["kind"], event["date"]) for event in plan["macro"]}
    wanted = {("FOMC", "2026-12-09"), ("CPI", "2026-12-10"), ("PPI", "2026-12-15")}
    assert wanted <= releases


def test_journal_verify_names_the_first_bad_row(alvh: Alvh, tmp_path: Path) -> None:
    import sqlite3  # noqa: PLC0415 - to tamper with the file as a stranger would

    journal = tmp_path / "january.db"
    alvh("backtest", *JANUARY, "--journal", journal)
    assert alvh("journal", "verify", journal).code == 0

    with sqlite3.connect(journal) as connection:
        connection.execute("delete from events where seq = 11")
    connection.close()

    answer = alvh("journal", "verify", journal)
    assert answer.code == 4
    assert "event 11 is missing" in answer.err


def test_status_shows_positions_and_warns_when_the_calendar_ends(
    alvh: Alvh, tmp_path: Path, documented: Callable[[str], set[str]]
) -> None:
    journal = tmp_path / "january.db"
    alvh("backtest", *JANUARY, "--journal", journal)

    status = json.loads(alvh("status", "--journal", journal, "--json").out)

    assert set(status) <= documented("status")
    assert status["profile"] == "replay"
    assert status["last_moment"] == "2018-01-31 hedge_review at 2018-01-31T21:20:00Z"
    assert len(status["positions"]) == 3
    assert set(status["macro_coverage"]) == {"FOMC", "CPI", "PPI", "NFP"}


def test_run_writes_picture_summary_journal_and_log(alvh: Alvh, tmp_path: Path) -> None:
    folder = tmp_path / "out"

    answer = alvh("run", "--pace", "0", *JANUARY, "--out", folder)

    assert answer.code == 0
    assert sorted(path.name for path in folder.iterdir()) == [
        "bot.log",
        "equity.png",
        "journal.db",
        "summary.json",
    ]
    assert (folder / "equity.png").read_bytes().startswith(b"\x89PNG")
    assert json.loads((folder / "summary.json").read_text())["sessions"] == 21
    decided = [json.loads(line) for line in (folder / "bot.log").read_text().splitlines()]
    assert any(line["event"] == "order_filled" for line in decided)
    assert "21 sessions" in answer.out


def test_every_setting_is_listed_with_its_meaning(alvh: Alvh) -> None:
    shown = alvh("config", "--schema").out

    lines = [line for line in shown.splitlines() if " = " in line]
    assert "wing_width_points = 25" in shown
    assert all(re.search(r"# \S", line) for line in lines)


@pytest.mark.parametrize(
    "command", ["run", "backtest", "decide", "plan", "status", "journal", "config"]
)
def test_every_command_helps_with_an_example(alvh: Alvh, command: str) -> None:
    words = ("journal", "verify") if command == "journal" else (command,)

    answer = alvh(*words, "--help")

    assert answer.code == 0
    assert "alvh " in answer.out.split("Example")[1]
