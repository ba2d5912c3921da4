"""What a sweep runs: every point of the grid, under every listing, on history and drawn markets."""

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from bot.settings import ListingMode, known_keys
from bot.study.runs import RunSpec, Source, run_hash, synthetic_source, synthetic_window
from market.errors import ConfigError

LISTING_KEY = "market.listing"
FIRST_SEED = 1


@dataclass(frozen=True, slots=True)
class Axis:
    """One parameter with the values it takes."""

    key: str
    values: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Job:
    """One run of a sweep: a name that is the hash of all it depends on, and where it belongs."""

    name: str
    spec: RunSpec
    world: str
    listing: str
    point: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Worlds:
    """The markets of a sweep: history with its window and seed, and how many drawn ones of what
    length."""

    history: Source | None
    first: date
    last: date
    seed: int
    seeds: int
    sessions: int


def axis_of(text: str) -> Axis:
    """Return an axis written as key=a,b,c.

    Raises:
        ConfigError: it is not of that form, the key is unknown, or a value stands twice.
    """
    key, equals, listed = text.partition("=")
    values = tuple(value.strip() for value in listed.split(","))
    if not equals or not all(values):
        raise ConfigError(f"--grid {text} is not of the form section.key=a,b,c.")
    key = key.strip()
    if key not in known_keys():
        raise ConfigError(
            f"--grid {text}: {key} is no known key; `alvh config --schema` lists all."
        )
    if len(set(values)) < len(values):
        raise ConfigError(f"--grid {text} names a value twice; name each once.")
    if key == LISTING_KEY:
        raise ConfigError(f"--grid {text}: say --listing listed, hypothetical or both instead.")
    return Axis(key, values)


def points(
    presets: Sequence[str], axes: Sequence[Axis]
) -> list[tuple[str, tuple[tuple[str, str], ...]]]:
    """Return every preset with every point of the grid, in the order given.

    Raises:
        ConfigError: a key stands on two axes.
    """
    keys = [axis.key for axis in axes]
    twice = next((key for key in keys if keys.count(key) > 1), None)
    if twice is not None:
        raise ConfigError(f"--grid names {twice} twice; give all its values at once.")
    grid = itertools.product(*(axis.values for axis in axes))
    return [
        (preset, tuple(zip(keys, values, strict=True)))
        for preset, values in itertools.product(presets, grid)
    ]


def jobs_of(
    presets: Sequence[str],
    axes: Sequence[Axis],
    listings: Sequence[ListingMode],
    worlds: Worlds,
    overrides: tuple[str, ...] = (),
) -> list[Job]:
    """Return all jobs in order, each once.

    Raises:
        ConfigError: a value is refused; the sweep then has not begun.
    """
    markets: list[tuple[str, Source, date, date, int]] = []
    if worlds.history is not None:
        markets.append(("history", worlds.history, worlds.first, worlds.last, worlds.seed))
    if worlds.seeds:
        drawn, span = synthetic_source(worlds.sessions), synthetic_window(worlds.sessions)
        seeds = range(FIRST_SEED, FIRST_SEED + worlds.seeds)
        markets += [("synthetic", drawn, *span, seed) for seed in seeds]
    found: dict[str, Job] = {}
    for (preset, point), listing in itertools.product(points(presets, axes), listings):
        extra = (*overrides, *(f"{key}={value}" for key, value in point))
        settings = (*extra, f'{LISTING_KEY}="{listing}"')
        for world, source, first, last, seed in markets:
            spec = RunSpec(preset, settings, source, first, last, seed)
            job = Job(run_hash(spec), spec, world, str(listing), point)
            found.setdefault(job.name, job)
    return list(found.values())


def label_of(preset: str, point: Mapping[str, str], many_presets: bool) -> str:
    """Return how tables call a point of the grid."""
    told = [f"{key.partition('.')[2]} {value}" for key, value in point.items()]
    return ", ".join(([preset] if many_presets or not told else []) + told)
