"""A journal's tables as files for others: CSV as it is, or Parquet with numbers as numbers."""

import csv
from collections.abc import Iterable
from pathlib import Path

from sqlalchemy import Float, Integer, Table, select

from bot.journal import schema
from bot.journal.place import Target
from bot.journal.reader import JournalReader
from market.errors import ConfigError

FORMATS = ("parquet", "csv")
TABLES = (schema.EVENTS, *schema.PROJECTIONS)
EXACT = "DECIMAL(38, 10)"
_MONEY = ("_usd", "credit", "_points")


def export(target: Target, folder: Path, form: str) -> dict[str, int]:
    """Write events and projections into a new or empty folder; return the rows of each table.

    Raises:
        ConfigError: there is no journal, or the folder is not empty or cannot be made.
        JournalDamaged: a row cannot be read.
    """
    with JournalReader(target) as reader, reader.at_one_instant():
        _require_empty(folder)
        return {table.name: _write(reader, table, folder, form) for table in TABLES}


def _require_empty(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        is_empty = not any(folder.iterdir())
    except OSError as error:
        raise ConfigError(f"--out {folder} cannot be made ({error.strerror}).") from None
    if not is_empty:
        raise ConfigError(f"--out {folder} is not an empty folder; name a new one.")


def _write(reader: JournalReader, table: Table, folder: Path, form: str) -> int:
    text = folder / f"{table.name}.csv"
    count = _write_csv(_rows(reader, table), [column.name for column in table.columns], text)
    if form == "parquet":
        _convert(table, text, folder / f"{table.name}.parquet")
        text.unlink()
    return count


def _rows(reader: JournalReader, table: Table) -> Iterable[tuple[object, ...]]:
    query = select(table).order_by(*table.primary_key.columns)
    with reader.reading() as connection:
        yield from (tuple(row) for row in connection.execute(query))


def _write_csv(rows: Iterable[tuple[object, ...]], names: list[str], path: Path) -> int:
    count = 0
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(names)
        for row in rows:
            writer.writerow(row)
            count += 1
    return count


def _convert(table: Table, source: Path, target: Path) -> None:
    import duckdb  # noqa: PLC0415 - loaded only for Parquet

    types = {column.name: _type(column.name, column.type) for column in table.columns}
    with duckdb.connect() as connection:
        connection.read_csv(
            str(source), header=True, columns=types, delimiter=",", quotechar='"', escapechar='"'
        ).write_parquet(str(target), compression="zstd")


def _type(name: str, kind: object) -> str:
    if isinstance(kind, Integer):
        return "BIGINT"
    if isinstance(kind, Float):
        return "DOUBLE"
    return EXACT if name.endswith(_MONEY) else "VARCHAR"
