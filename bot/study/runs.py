"""One replay as a value: what to run, a name for it that changes with everything it depends on,
and the rows it leaves behind.

The same specification gives the same rows on any machine, in any process.
"""

import hashlib
import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace
from datetime import date
from enum import StrEnum
from functools import lru_cache
from importlib.resources import files
from math import isnan
from pathlib import Path
from typing import Any

import msgspec

from bot.replay import backtest, replay_rig, window
from bot.settings import Settings, as_tree, load_settings
from bot.study.collector import Collector
from bot.study.coverage import Convexity
from bot.study.tables import TABLES_VERSION, SessionRow, Tables
from bot.world import (
    CALENDAR_FIRST,
    DATA_CALENDAR_FIRST,
    World,
    config_text,
    load_calendar,
    world_of,
)
from market.errors import AlvhError, ConfigError
from market.history import History, load_history
from market.indicators import historical_vol
from market.quotes import IndexLevels
from market.sessions import SessionCalendar
from market.synthetic import synthetic_history
from market.synthetic_params import SyntheticParams
from strategies.volatility import expected_range

ROOMS = ("market", "strategies", "brokers", "bot", "config")
# What only shows or judges results does not change them.
SPECTATORS = frozenset({"cli", "web", "sweep", "report", "journal", "data"})
COLLECTORS = frozenset(
    {"tables.py", "collector.py", "coverage.py", "symmetric.py", "trades.py", "runs.py"}
)
HASH_DIGITS = 16
# From here SPXW expired three times a week, so that listed and hypothetical expiries differ.
SYNTHETIC_START = date(2016, 9, 1)
SYNTHETIC_WARMUP = 60


class SourceKind(StrEnum):
    """Where the market of a run comes from."""

    HISTORY = "history"
    SYNTHETIC = "synthetic"


@dataclass(frozen=True, slots=True)
class Source:
    """The market: recorded history (`folder` empty: built in), or one drawn from the run's seed.

    `fingerprint` is the hash of what was read where the run was specified.
    """

    kind: SourceKind
    folder: str = ""
    sessions: int = 0
    fingerprint: str = ""


@dataclass(frozen=True, slots=True)
class RunSpec:
    """One replay: settings as preset and overrides, market, window and seed."""

    preset: str
    overrides: tuple[str, ...]
    source: Source
    first: date
    last: date
    seed: int

    def settings(self) -> Settings:
        """Return the settings in force.

        Raises:
            ConfigError: a preset, key or value is wrong.
        """
        return load_settings(self.preset, None, self.overrides)

    def with_overrides(self, *extra: str) -> "RunSpec":
        """Return the same run with more settings on top."""
        return replace(self, overrides=(*self.overrides, *extra))


def run_hash(spec: RunSpec) -> str:
    """Return the name of a run: settings, market, window, seed and the code that runs it."""
    told = {
        "settings": as_tree(spec.settings()),
        "source": asdict(spec.source) | {"folder": ""},
        "window": [spec.first.isoformat(), spec.last.isoformat()],
        "seed": spec.seed,
        "code": code_hash(),
        "tables": TABLES_VERSION,
    }
    return _hash(json.dumps(told, sort_keys=True).encode())


def _hash(*parts: bytes) -> str:
    digest = hashlib.sha256()
    for part in parts:
        digest.update(part)
    return digest.hexdigest()[:HASH_DIGITS]


@lru_cache(maxsize=1)
def code_hash() -> str:
    """Return the hash of all code and tables that a replay depends on."""
    parts: list[bytes] = []
    for room in ROOMS:
        root = Path(str(files(room)))
        for path in sorted(root.rglob("*")):
            if path.suffix in (".py", ".toml") and _counts(path.relative_to(root), room):
                parts += [path.relative_to(root).as_posix().encode(), path.read_bytes()]
    return _hash(*parts)


def _counts(path: Path, room: str) -> bool:
    if room != "bot":
        return True
    if path.parts[0] == "study":
        return path.name in COLLECTORS
    return path.parts[0] not in SPECTATORS


def history_source(folder: Path | None) -> Source:
    """Return the source of recorded history, with the hash of its files.

    Raises:
        HistoryError: a file cannot be trusted.
    """
    if folder is None:
        return Source(SourceKind.HISTORY, "", 0, _fingerprint(_history("")[1]))
    return Source(SourceKind.HISTORY, str(folder.resolve()), 0, folder_hash(str(folder.resolve())))


@lru_cache(maxsize=4)
def folder_hash(folder: str) -> str:
    """Return the hash of the data files of a folder, by name and content."""
    parts: list[bytes] = []
    for path in sorted(Path(folder).glob("*")):
        if path.suffix in (".csv", ".parquet"):
            parts += [path.name.encode(), hashlib.sha256(path.read_bytes()).digest()]
    return _hash(*parts)


def _fingerprint(history: History) -> str:
    columns = (history.spx_open, history.spx_high, history.spx_low, history.spx_close)
    return _hash(*(column.tobytes() for column in (*columns, history.vix_close)))


def synthetic_source(sessions: int) -> Source:
    """Return the source of drawn markets of a length, the same for every seed."""
    return Source(SourceKind.SYNTHETIC, "", sessions, _hash(config_text("synthetic.toml").encode()))


def synthetic_window(sessions: int) -> tuple[date, date]:
    """Return first and last session of a drawn market, after its warm-up."""
    calendar = _calendar("")
    days = calendar.between(SYNTHETIC_START, calendar.last)
    return days[SYNTHETIC_WARMUP], days[SYNTHETIC_WARMUP + sessions - 1]


@lru_cache(maxsize=2)
def _calendar(folder: str) -> SessionCalendar:
    return load_calendar(DATA_CALENDAR_FIRST if folder else CALENDAR_FIRST)


@lru_cache(maxsize=2)
def _history(folder: str) -> tuple[SessionCalendar, History]:
    calendar = _calendar(folder)
    return calendar, load_history(Path(folder) if folder else None, calendar)


@lru_cache(maxsize=4)
def _drawn(sessions: int, seed: int) -> tuple[SessionCalendar, History]:
    calendar = _calendar("")
    _first, last = synthetic_window(sessions)
    params = SyntheticParams.from_toml(config_text("synthetic.toml"))
    return calendar, synthetic_history(calendar, SYNTHETIC_START, last, seed, params)


def world_for(spec: RunSpec, settings: Settings) -> World:
    """Return the world of a run.

    Raises:
        ConfigError: the folder is not the one that the run was specified on.
        HistoryError: a file of it cannot be trusted.
    """
    source = spec.source
    if source.kind is SourceKind.SYNTHETIC:
        calendar, history = _drawn(source.sessions, spec.seed)
    else:
        if source.folder and folder_hash(source.folder) != source.fingerprint:
            raise ConfigError(
                f"{source.folder} holds other data here than where the run was asked for; "
                "make the folders equal."
            )
        calendar, history = _history(source.folder)
    return world_of(settings, calendar, history, spec.seed)


def calendar_of(source: Source) -> SessionCalendar:
    """Return the exchange calendar of a source."""
    return _calendar(source.folder)


def span_of(source: Source, first: date | None, last: date | None) -> tuple[date, date]:
    """Return the window of a history, its whole length where an end is not given.

    Raises:
        ConfigError: the dates are reversed.
        NoSuchSession: they lie outside the history.
    """
    calendar, history = _history(source.folder)
    begin = first or history.sessions[history.first_index]
    end = last or history.sessions[history.last_index]
    world = world_of(load_settings(), calendar, history, 0)
    span = window(world, begin, end)
    return span.first, span.last


def run_tables(spec: RunSpec) -> Tables:
    """Replay a specification and return its rows.

    Raises:
        AlvhError: the settings or the market are wrong.
    """
    settings = spec.settings()
    world = world_for(spec, settings)
    span = window(world, spec.first, spec.last)
    rig = replay_rig(settings, world, span, spec.seed)
    collector = Collector(float(settings.account.start_nlv_usd), Convexity(settings))
    rig.engine.listen(collector.watch)
    rig.engine.listen_to_views(collector.convexity.see)
    backtest(rig, span)
    memory = rig.book.memory.hedge.memory
    conduct = {
        name: value
        for name, value in rig.result()["conduct"].items()
        if value is None or isinstance(value, int | float)
    }
    tables = collector.tables(
        world.series(span.first, span.last),
        conduct,
        float(memory.realised_gains_usd),
        float(memory.recycled_spend_usd),
    )
    return replace(tables, sessions=_with_ranges(tables, world, settings))


def _with_ranges(tables: Tables, world: World, settings: Settings) -> tuple[SessionRow, ...]:
    """Return the session rows with R-03's expected range as it stood at each close."""
    history, family = world.history, world.family
    hv20 = historical_vol(history.spx_close, 20)
    rows = []
    for row in tables.sessions:
        index = history.index(row.session)
        vol, hv = family.at_close(index), float(hv20[index])
        at = world.calendar.session(row.session).cash_close_at
        levels = IndexLevels(at, row.spx, vol.vix, vol.vix9d, vol.vix3m, vol.vvix)
        frac = None if isnan(hv) else expected_range(levels, hv, settings.edr).frac
        rows.append(replace(row, edr_frac=frac))
    return tuple(rows)


def attempt(spec: RunSpec) -> Tables | str:
    """Return the rows of a run, or one sentence why there are none."""
    try:
        return run_tables(spec)
    except AlvhError as error:
        return str(error)


class Shelf:
    """Rows of runs kept in a folder, one file a run, named by its hash."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def get(self, spec: RunSpec) -> Tables | None:
        """Return what is kept of a run; a damaged file counts as none."""
        path = self._path(spec)
        if not path.exists():
            return None
        try:
            return msgspec.msgpack.decode(path.read_bytes(), type=Tables)
        except msgspec.MsgspecError:
            return None

    def put(self, spec: RunSpec, tables: Tables) -> None:
        """Keep the rows of a run; the file appears whole or not at all."""
        self._folder.mkdir(parents=True, exist_ok=True)
        path = self._path(spec)
        draft = path.with_suffix(".part")
        draft.write_bytes(msgspec.msgpack.encode(tables))
        draft.replace(path)

    def _path(self, spec: RunSpec) -> Path:
        return self._folder / f"{run_hash(spec)}.tables"


def missing(shelf: Shelf, specs: Iterable[RunSpec]) -> list[RunSpec]:
    """Return the runs that are not kept yet, each once."""
    return [spec for spec in dict.fromkeys(specs) if shelf.get(spec) is None]


def as_mapping(spec: RunSpec) -> dict[str, Any]:
    """Return a specification as plain values, for people and files."""
    return {
        "preset": spec.preset,
        "overrides": list(spec.overrides),
        "market": spec.source.kind.value,
        "from": spec.first.isoformat(),
        "to": spec.last.isoformat(),
        "seed": spec.seed,
    }
