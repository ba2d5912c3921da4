"""Takes one file of the user's into a folder of history."""

import re
from collections.abc import Mapping
from datetime import date, datetime
from pathlib import Path
from typing import Any

from bot.data.cache import note, prepare_folder, put
from bot.data.grid import read_grid
from bot.data.kinds import FileKind, kind_of_file
from bot.data.vx import rows_of_csv, to_parquet
from market.errors import ConfigError, HistoryError, UserMistake
from market.history_files import VX_FILE_NAME

_PARQUET_MARK = b"PAR1"


def take_in(
    file: Path,
    name: str,
    folder: Path,
    positions: Mapping[date, int],
    at: datetime,
    *,
    may_replace: bool = False,
) -> dict[str, Any]:
    """Put a user's file into `folder` as the file `name`, and return what was done.

    Raises:
        UserMistake: the name is unknown, the file cannot be read or is wrong, or one is there.
    """
    kind = kind_of_file(name)
    place = folder / kind.file_name
    body = _read(file)
    if place.exists() and not may_replace:
        raise HistoryError(
            f"{kind.file_name} is there already in {folder}; add --replace to put"
            f" {file.name} in its place."
        )
    try:
        normal = _normal(body, kind, file.name)
        prepare_folder(folder)
        is_changed = put(folder, kind.file_name, normal, kind.check(positions))
    except UserMistake as error:
        raise type(error)(_reworded(str(error), file.name, kind.file_name)) from error
    entry = {"source": f"imported from {file.name}", "at": f"{at:%Y-%m-%dT%H:%M:%SZ}"}
    note(folder, kind.file_name, entry)
    return {"file": str(place), "as": kind.name, "is_changed": is_changed, **entry}


def _read(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as trouble:
        raise ConfigError(
            f"{file} cannot be read ({trouble.strerror}); name the file to import."
        ) from trouble


def _normal(body: bytes, kind: FileKind, origin: str) -> bytes:
    if kind.shape is not None:
        return read_grid(body, kind.shape, origin).to_csv()
    if kind.file_name == VX_FILE_NAME and not body.startswith(_PARQUET_MARK):
        return to_parquet(rows_of_csv(body, origin))
    return body


def _reworded(sentence: str, origin: str, file_name: str) -> str:
    """Return the reader's sentence with the user's file in it, and no line of ours."""
    told = re.sub(rf"^{re.escape(file_name)}, line \d+ \(([\d-]+)\):", rf"{origin}, \1:", sentence)
    return told if told.startswith(origin) else f"{origin}: {told}"
