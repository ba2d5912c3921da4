"""All rows of a sweep as one Parquet file, written by DuckDB; a parameter is a column."""

import json
import tempfile
from collections.abc import Sequence
from pathlib import Path

from bot.sweep.jobs import FIGURES, Row

TEXTS = ("job", "preset", "world", "listing", "first", "last", "error")
WHOLE = ("seed", "sessions", "condors_sold")


def write_parquet(path: Path, rows: Sequence[Row]) -> None:
    """Write the rows in their order; the file appears whole or not at all."""
    import duckdb  # noqa: PLC0415 - heavy, only when used

    keys = list(dict.fromkeys(key for row in rows for key in row["point"]))
    types = dict.fromkeys(TEXTS, "VARCHAR") | dict.fromkeys(WHOLE, "BIGINT")
    types |= {name: "DOUBLE" for name in FIGURES if name not in WHOLE}
    types |= {key: _type_of(rows, key) for key in keys} | {"daily_usd": "DOUBLE[]"}
    draft = path.with_suffix(".part")
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder) / "rows.jsonl"
        flat = [{k: v for k, v in row.items() if k != "point"} | row["point"] for row in rows]
        source.write_text("".join(json.dumps(row) + "\n" for row in flat), encoding="utf-8")
        with duckdb.connect() as connection:
            shown = connection.read_json(
                str(source), columns=types, format="newline_delimited", maximum_object_size=2**27
            )
            shown.write_parquet(str(draft), compression="zstd")
    draft.replace(path)


def _type_of(rows: Sequence[Row], key: str) -> str:
    """Return DOUBLE for a parameter whose every value is a number."""
    try:
        for row in rows:
            if key in row["point"]:
                float(row["point"][key])
    except ValueError:
        return "VARCHAR"
    return "DOUBLE"
