"""A sweep from plan to page: run what is missing, keep each result, compare all."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from bot import __version__
from bot.report.page import rendered, written
from bot.study.library import Progress
from bot.study.model_error import model_error
from bot.study.runs import code_hash
from bot.sweep.jobs import Row
from bot.sweep.parquet import write_parquet
from bot.sweep.picture import spread_picture
from bot.sweep.plan import Job, label_of
from bot.sweep.ranking import groups_of, ranking
from bot.sweep.store import ResultStore

PARQUET, PAGE = "sweep.parquet", "sweep.html"
Engine = Callable[[Sequence[Job]], Iterator[Row]]


def sweep(jobs: Sequence[Job], out: Path, engine: Engine, progress: Progress) -> list[Row]:
    """Run the jobs that have no result yet; return the rows of all, in the order of the plan.

    Raises:
        ConfigError: the folder cannot be used.
    """
    store = ResultStore(out)
    todo = [job for job in jobs if not store.is_done(job.name)]
    kept = len(jobs) - len(todo)
    for number, row in enumerate(engine(todo) if todo else (), start=1):
        store.add(row)
        many = len({job.spec.preset for job in jobs}) > 1
        what = f"{label_of(row['preset'], row['point'], many)}, {row['world']} {row['seed']}"
        progress(kept + number, len(jobs), what if row["error"] is None else f"FAILED {what}")
    return [store.rows[job.name] for job in jobs]


def conclude(rows: Sequence[Row], out: Path, command: str) -> dict[str, Any]:
    """Write Parquet and page; return what the sweep came to."""
    many = len({row["preset"] for row in rows}) > 1
    rankings = [ranking(group, many) for group in groups_of(rows)]
    told = {
        "command": command,
        "version": __version__,
        "code": code_hash(),
        "is_simulated": True,
        "jobs": len(rows),
        "failed": [
            {
                name: row[name]
                for name in ("job", "preset", "world", "seed", "listing", "point", "error")
            }
            for row in rows
            if row["error"] is not None
        ],
        "rankings": rankings,
        "parquet": PARQUET,
        "page": PAGE,
    }
    write_parquet(out / PARQUET, rows)
    page = rendered(
        "sweep.html.j2",
        title="Sweep",
        side_by_side=side_by_side(rankings),
        model_error=model_error(),
        picture=spread_picture(rankings) if rankings else "",
        **told,
    )
    written(out / PAGE, page)
    return told


def side_by_side(rankings: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return per kind of market the points with one cell a listing, best of the first first."""
    found = []
    for world in dict.fromkeys(each["world"] for each in rankings):
        members = [each for each in rankings if each["world"] == world]
        names = dict.fromkeys(point["name"] for each in members for point in each["points"])
        cells = [{point["name"]: point for point in each["points"]} for each in members]
        found.append(
            {
                "world": world,
                "groups": members,
                "points": [
                    {"name": name, "cells": [cell.get(name) for cell in cells]} for name in names
                ],
            }
        )
    return found
