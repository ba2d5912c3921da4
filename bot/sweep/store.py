"""Results as they come, one line each, only ever appended: what is there need not be run again.

A sweep that was killed leaves at most half a line at the end; it is cut off when the file is opened
again. Of two lines of one job the later one counts.
"""

import json
import os
from pathlib import Path

from bot.sweep.jobs import Row
from market.errors import ConfigError

RESULTS = "results.jsonl"


class ResultStore:
    """The results of a sweep in a folder, by job."""

    def __init__(self, folder: Path) -> None:
        """Open the folder and mend its last line.

        Raises:
            ConfigError: the folder cannot be written, or holds a line that is none of ours.
        """
        self._path = folder / RESULTS
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self._cut_torn_line()
        except OSError as error:
            raise ConfigError(f"--out {folder} cannot be written ({error.strerror}).") from None
        self.rows = self._read()

    def _cut_torn_line(self) -> None:
        if not self._path.exists():
            return
        content = self._path.read_bytes()
        whole = content.rfind(b"\n") + 1
        if whole < len(content):
            with self._path.open("r+b") as stream:
                stream.truncate(whole)

    def _read(self) -> dict[str, Row]:
        if not self._path.exists():
            return {}
        rows: dict[str, Row] = {}
        for number, line in enumerate(self._path.read_text(encoding="utf-8").splitlines(), 1):
            try:
                row: Row = json.loads(line)
                rows[row["job"]] = row
            except (ValueError, KeyError, TypeError):
                raise ConfigError(
                    f"{self._path}, line {number}, is no result of a sweep; remove that line."
                ) from None
        return rows

    def is_done(self, job: str) -> bool:
        """Tell whether a job has a result; a failure is none."""
        row = self.rows.get(job)
        return row is not None and row["error"] is None

    def add(self, row: Row) -> None:
        """Append a row; it is on disk when this returns."""
        line = json.dumps(row, ensure_ascii=False) + "\n"
        with self._path.open("a", encoding="utf-8") as stream:
            stream.write(line)
            stream.flush()
            os.fsync(stream.fileno())
        self.rows[row["job"]] = row
