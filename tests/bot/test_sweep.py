"""Sweeps: plan, kept results, failures apart, and the same numbers on every engine."""

import json
import subprocess
import sys
from collections.abc import Iterator, Sequence
from datetime import date
from pathlib import Path

import duckdb
import pytest
from sweep_samples import deadly

from bot.settings import ListingMode
from bot.study.library import quiet
from bot.study.runs import history_source
from bot.sweep.engines import DIED, run_dask, run_local
from bot.sweep.jobs import Row, failed, run_job
from bot.sweep.parquet import write_parquet
from bot.sweep.plan import Job, Worlds, axis_of, jobs_of
from bot.sweep.ranking import groups_of, ranking
from bot.sweep.store import RESULTS, ResultStore
from bot.sweep.sweep import conclude, sweep
from market.errors import BrokerUnavailable, ConfigError

FIRST, LAST = date(2018, 2, 1), date(2018, 2, 9)
LISTED = (ListingMode.LISTED,)


def _jobs(grid: str = "alvh.delta_near=0.35,0.45", seeds: int = 1) -> list[Job]:
    worlds = Worlds(history_source(None), FIRST, LAST, 7, seeds, 60)
    return jobs_of(("seed_25",), (axis_of(grid),), LISTED, worlds)


@pytest.fixture(scope="module")
def jobs() -> list[Job]:
    """Return two points on seven sessions of history and on one drawn market."""
    return _jobs()


@pytest.fixture(scope="module")
def rows(jobs: list[Job]) -> list[Row]:
    """Return their rows, run in this process."""
    return [run_job(job) for job in jobs]


def test_every_point_runs_on_every_market_under_every_listing() -> None:
    worlds = Worlds(history_source(None), FIRST, LAST, 7, 3, 60)
    axes = (axis_of("alvh.delta_near=0.35,0.45"), axis_of("shift.min_vix=12,16"))

    jobs = jobs_of(("seed_25", "budget_50"), axes, tuple(ListingMode), worlds)

    assert len(jobs) == 2 * 4 * 2 * (1 + 3)
    assert len({job.name for job in jobs}) == len(jobs)
    assert jobs[0].point == (("alvh.delta_near", "0.35"), ("shift.min_vix", "12"))
    assert {job.listing for job in jobs} == {"listed", "hypothetical"}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("alvh.delta_near", "is not of the form"),
        ("alvh.delta_near=0.3,,0.4", "is not of the form"),
        ("alvh.delta_neer=0.3", "is no known key"),
        ("alvh.delta_near=0.3,0.3", "names a value twice"),
        ("market.listing=listed", "say --listing"),
    ],
)
def test_a_wrong_axis_is_refused_in_one_sentence(text: str, words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        axis_of(text)


def test_a_refused_value_stops_the_sweep_before_it_begins() -> None:
    with pytest.raises(ConfigError, match=r"alvh\.delta_near = 1\.5 is refused"):
        _jobs("alvh.delta_near=0.45,1.5")


def test_processes_give_the_same_rows_as_this_one(jobs: list[Job], rows: list[Row]) -> None:
    found = {row["job"]: row for row in run_local(jobs, 2)}

    assert [found[job.name] for job in jobs] == rows
    assert {row["error"] for row in rows} == {None}


@pytest.fixture
def scheduler(tmp_path: Path) -> Iterator[str]:
    """Start a dask scheduler and two workers as processes of their own; yield the address."""
    pytest.importorskip("distributed")
    told = tmp_path / "scheduler.json"
    head = ("dask_scheduler", "--host", "127.0.0.1", "--port", "0")
    hands = [
        ("dask_worker", "--nthreads", "1", "--no-nanny", "--local-directory", str(tmp_path / name))
        for name in ("first", "second")
    ]
    started: list[subprocess.Popen[bytes]] = []
    try:
        started += [_started(told, *words) for words in (head, *hands)]
        yield _address(told, started[0])
    finally:
        for process in reversed(started):
            process.kill()  # a busy machine lets a worker take its time to end by itself
        for process in started:
            process.wait(timeout=20)


def _started(told: Path, module: str, *words: str) -> "subprocess.Popen[bytes]":
    command = [sys.executable, "-m", f"distributed.cli.{module}", *words, "--no-dashboard"]
    return subprocess.Popen(
        [*command, "--scheduler-file", str(told)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


def _address(told: Path, process: "subprocess.Popen[bytes]") -> str:
    while process.poll() is None:
        try:
            address: str = json.loads(told.read_text(encoding="utf-8"))["address"]
        except (OSError, ValueError):
            try:
                process.wait(timeout=0.05)
            except subprocess.TimeoutExpired:
                continue
        else:
            return address
    raise AssertionError("the scheduler ended before it was up")


def test_a_cluster_gives_the_same_rows_to_the_last_digit(
    jobs: list[Job], rows: list[Row], scheduler: str
) -> None:
    found = {row["job"]: row for row in run_dask(jobs, scheduler, 2)}

    assert [found[job.name] for job in jobs] == rows


def test_no_scheduler_at_an_address_is_one_sentence(jobs: list[Job]) -> None:
    pytest.importorskip("distributed")
    with pytest.raises(BrokerUnavailable, match="no dask scheduler answers"):
        list(run_dask(jobs[:1], "tcp://127.0.0.1:9", 1, connect_seconds=1))


def test_a_sweep_that_was_killed_runs_the_rest_only(
    jobs: list[Job], rows: list[Row], tmp_path: Path
) -> None:
    store = ResultStore(tmp_path)
    store.add(rows[0])
    store.add(rows[2])
    with (tmp_path / RESULTS).open("a", encoding="utf-8") as stream:
        stream.write('{"job": "half a li')
    asked: list[str] = []

    def engine(todo: Sequence[Job]) -> Iterator[Row]:
        asked.extend(job.name for job in todo)
        return map(run_job, todo)

    found = sweep(jobs, tmp_path, engine, quiet)

    assert asked == [jobs[1].name, jobs[3].name]
    assert found == rows
    assert sweep(jobs, tmp_path, _never, quiet) == rows


def _never(_jobs: Sequence[Job]) -> Iterator[Row]:
    raise AssertionError("everything is there already")


def test_a_failure_is_listed_and_tried_again(
    jobs: list[Job], rows: list[Row], tmp_path: Path
) -> None:
    broken = failed(jobs[1], "ValueError: planted")

    found = sweep(jobs, tmp_path, lambda _todo: iter([rows[0], broken, *rows[2:]]), quiet)
    told = conclude(found, tmp_path, "alvh sweep")
    again = sweep(jobs, tmp_path, lambda todo: map(run_job, todo), quiet)

    assert [row["error"] for row in told["failed"]] == ["ValueError: planted"]
    assert "ValueError: planted" in (tmp_path / "sweep.html").read_text(encoding="utf-8")
    assert again == rows


def test_a_job_that_kills_its_process_fails_alone(jobs: list[Job]) -> None:
    found = {row["job"]: row["error"] for row in run_local(jobs, 2, deadly)}

    fatal = jobs[2].name
    assert found == {job.name: DIED if job.name == fatal else None for job in jobs}


def test_a_process_with_other_code_refuses_to_answer(jobs: list[Job]) -> None:
    foreign = Job("0" * 16, jobs[0].spec, "history", "listed", jobs[0].point)

    assert "runs other code" in run_job(foreign)["error"]


def test_the_parquet_file_holds_every_row_with_its_days_to_the_last_digit(
    rows: list[Row], tmp_path: Path
) -> None:
    path = tmp_path / "sweep.parquet"

    write_parquet(path, rows)

    columns = 'job, "alvh.delta_near", sharpe, end_nlv_usd, daily_usd'
    found = duckdb.connect().execute(f"select {columns} from '{path}'").fetchall()
    assert found == [
        (
            row["job"],
            float(row["point"]["alvh.delta_near"]),
            row["sharpe"],
            row["end_nlv_usd"],
            row["daily_usd"],
        )
        for row in rows
    ]


def test_every_ranking_stands_beside_its_guards(rows: list[Row]) -> None:
    found = [ranking(group, many_presets=False) for group in groups_of(rows)]

    assert [(each["world"], each["markets"]) for each in found] == [
        ("history", 1),
        ("synthetic", 1),
    ]
    drawn = found[1]
    assert drawn["overfitting_probability"] is not None
    assert set(drawn["walk_forward"]) == {
        "chosen_sharpe", "mean_sharpe", "hindsight_sharpe", "choices",
    }  # fmt: skip
    ratios = [point["sharpe"] for point in drawn["points"]]
    assert ratios == sorted(ratios, reverse=True)


def test_a_line_that_is_no_result_is_named(tmp_path: Path) -> None:
    (tmp_path / RESULTS).write_text('{"other": 1}\n', encoding="utf-8")

    with pytest.raises(ConfigError, match=r"results\.jsonl, line 1, is no result of a sweep"):
        ResultStore(tmp_path)
