"""All replays of a study, made once, on every core, and kept between studies."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures.process import BrokenProcessPool
from contextlib import suppress
from dataclasses import dataclass

from bot.study.pool import processes
from bot.study.runs import RunSpec, Shelf, attempt, missing
from bot.study.tables import Tables
from market.errors import ConfigError

Progress = Callable[[int, int, str], None]
Attempt = Callable[[RunSpec], Tables | str]


def quiet(_done: int, _total: int, _what: str) -> None:
    """Report nothing."""


@dataclass(frozen=True)
class Library:
    """The rows of the variants by name."""

    base: RunSpec
    tables: Mapping[str, Tables]

    def __getitem__(self, name: str) -> Tables:
        return self.tables[name]


def fill(shelf: Shelf, specs: Mapping[str, RunSpec], workers: int, progress: Progress) -> None:
    """Run what is not kept yet.

    Raises:
        ConfigError: a run could not be made; says which and why.
    """
    names = {spec: name for name, spec in reversed(list(specs.items()))}
    todo = missing(shelf, specs.values())
    if todo:
        progress(0, len(todo), f"begun, {min(workers, len(todo))} at a time")
    for done, (spec, found) in enumerate(attempts(todo, workers), start=1):
        if isinstance(found, str):
            raise ConfigError(f"the replay {names[spec]} could not be made: {found}")
        shelf.put(spec, found)
        progress(done, len(todo), names[spec])


def attempts(
    specs: Sequence[RunSpec], workers: int, run: Attempt = attempt
) -> Iterator[tuple[RunSpec, Tables | str]]:
    """Yield the rows of each run in order, or why it could not be made.

    When a process is killed, mostly for want of memory, the rest is run in this one, one by one.
    """
    done = 0
    if min(workers, len(specs)) > 1:
        with processes(min(workers, len(specs))) as pool, suppress(BrokenProcessPool):
            for spec, found in zip(specs, pool.map(run, specs), strict=True):
                yield spec, found
                done += 1
    for spec in specs[done:]:
        yield spec, run(spec)


def collect(
    shelf: Shelf, specs: Mapping[str, RunSpec], base: RunSpec, workers: int, progress: Progress
) -> Library:
    """Return the rows of all runs, running those that are not kept yet.

    Raises:
        ConfigError: a run could not be made.
    """
    fill(shelf, specs, workers, progress)
    found = {}
    for name, spec in specs.items():
        tables = shelf.get(spec)
        if tables is None:
            raise ConfigError(f"the kept replay {name} cannot be read back; remove the cache.")
        found[name] = tables
    return Library(base, found)
