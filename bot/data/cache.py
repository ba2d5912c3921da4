"""Puts files into a folder of history, whole and proved or not at all, and keeps the manifest.

A file is written beside its place, read back by the reader of history, and only then renamed, so
that a reader at any instant sees the old file or the new one.
"""

import hashlib
import json
import os
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bot.data.kinds import Check
from market.errors import HistoryError

MANIFEST_NAME = "data_manifest.json"


def prepare_folder(folder: Path) -> None:
    """Make the folder if it is not there.

    Raises:
        HistoryError: the path is a file, or cannot be made.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as trouble:
        raise HistoryError(
            f"--data {folder} cannot be made a folder ({trouble.strerror}); name another one."
        ) from trouble


def put(folder: Path, name: str, body: bytes, check: Check) -> bool:
    """Put `body` in the place of the file `name` once `check` has read it; tell if it changed.

    Raises:
        HistoryError, ConfigError: what `check` found wrong, or the file cannot be written.
    """
    place = folder / name
    if place.is_file() and place.read_bytes() == body:
        return False
    try:
        # In a folder of its own and by its right name, so that a complaint names the file.
        with tempfile.TemporaryDirectory(prefix=".incoming-", dir=folder) as beside:
            written = Path(beside) / name
            with written.open("wb") as stream:
                stream.write(body)
                stream.flush()
                os.fsync(stream.fileno())
            check(written)
            os.replace(written, place)
    except OSError as trouble:
        raise _unwritable(place, trouble) from trouble
    return True


def read_manifest(folder: Path) -> dict[str, Any]:
    """Return what the manifest says of each file; empty without one.

    Raises:
        HistoryError: the manifest cannot be read.
    """
    path = folder / MANIFEST_NAME
    if not path.exists():
        return {}
    try:
        files = json.loads(path.read_text(encoding="utf-8"))["files"]
    except (OSError, ValueError, KeyError, TypeError) as trouble:
        raise HistoryError(
            f"{MANIFEST_NAME} in {folder} cannot be read; remove it, it is written anew."
        ) from trouble
    if not isinstance(files, dict):
        raise HistoryError(f"{MANIFEST_NAME} in {folder} names no files; remove it.")
    return files


def note(folder: Path, name: str, entry: Mapping[str, Any]) -> None:
    """Write in the manifest what `entry` tells of the file `name`, and its checksum."""
    files = read_manifest(folder) | {name: {"sha256": checksum(folder / name), **entry}}
    ordered = {key: files[key] for key in sorted(files)}
    text = json.dumps({"files": ordered}, indent=2, ensure_ascii=False) + "\n"
    put(folder, MANIFEST_NAME, text.encode(), lambda path: json.loads(path.read_bytes()))


def noted(folder: Path, name: str) -> dict[str, Any] | None:
    """Return the manifest's entry of a file that still is as it was noted, else None."""
    entry = read_manifest(folder).get(name)
    if not isinstance(entry, dict) or not (folder / name).is_file():
        return None
    return entry if entry.get("sha256") == checksum(folder / name) else None


def checksum(path: Path) -> str:
    """Return the SHA-256 of a file."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _unwritable(place: Path, trouble: OSError) -> HistoryError:
    return HistoryError(
        f"{place.name} cannot be written in {place.parent} ({trouble.strerror});"
        " free the disk or name another folder."
    )
