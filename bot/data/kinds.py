"""The files a folder of history may hold, by name, and how each is proved right."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from market.errors import ConfigError
from market.history_files import (
    BREADTH_SHAPE,
    CLOSE_SHAPES,
    RATES_SHAPE,
    REER_SHAPE,
    SETTLEMENTS_SHAPE,
    SPX_SHAPE,
    VIX_SHAPE,
    VX_FILE_NAME,
    read_vx,
)
from market.history_table import FileShape, read_table
from market.macro import MacroCalendar

MACRO_FILE_NAME = "macro_events.toml"
Check = Callable[[Path], object]


@dataclass(frozen=True, slots=True)
class FileKind:
    """One file of a folder: its series, its name, and its shape if it is a CSV file."""

    series: str
    file_name: str
    shape: FileShape | None = None

    @property
    def name(self) -> str:
        """Return the word that `--as` takes: the file's name without its ending."""
        return Path(self.file_name).stem

    def check(self, positions: Mapping[date, int]) -> Check:
        """Return a function that reads such a file and raises what is wrong with it."""
        shape = self.shape
        if shape is not None:
            return lambda path: read_table(path, shape, positions)
        if self.file_name == VX_FILE_NAME:
            return lambda path: read_vx(path, positions)
        return read_macro


def _of(series: str, shape: FileShape) -> FileKind:
    return FileKind(series, shape.file_name, shape)


FILE_KINDS: Mapping[str, FileKind] = {
    kind.name: kind
    for kind in (
        _of("spx", SPX_SHAPE),
        _of("vix", VIX_SHAPE),
        *(_of(series, shape) for series, shape in CLOSE_SHAPES.items()),
        FileKind("vx", VX_FILE_NAME),
        _of("rates", RATES_SHAPE),
        _of("breadth", BREADTH_SHAPE),
        _of("reer", REER_SHAPE),
        _of("vix_settlements", SETTLEMENTS_SHAPE),
        FileKind("macro", MACRO_FILE_NAME),
    )
}


def kind_of_file(file_name: str) -> FileKind:
    """Return the kind of a file of the folder.

    Raises:
        ConfigError: no file of history has that name.
    """
    name = Path(file_name).stem
    if name not in FILE_KINDS:
        raise ConfigError(f"{name!r} is no file of history; choose among {', '.join(FILE_KINDS)}.")
    return FILE_KINDS[name]


def read_macro(path: Path) -> MacroCalendar:
    """Return the releases written in a macro file.

    Raises:
        ConfigError: the file cannot be read or is malformed.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as trouble:
        raise ConfigError(f"{path.name} cannot be read as text ({trouble}).") from trouble
    return MacroCalendar.from_toml(text, MACRO_FILE_NAME)
