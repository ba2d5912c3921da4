"""A journal's tables come out as files that other programs read."""

import csv
from decimal import Decimal
from pathlib import Path

import duckdb
import pytest
from bot_samples import Replayed

from bot.journal.export import TABLES, export
from bot.journal.reader import JournalReader
from market.errors import ConfigError


def test_csv_holds_every_row_as_the_journal_has_it(quarter: Replayed, tmp_path: Path) -> None:
    assert quarter.journal is not None

    rows = export(quarter.journal, tmp_path / "out", "csv")

    with JournalReader(quarter.journal) as reader:
        orders = reader.table("orders")
        assert rows["events"] == reader.verify()
    with (tmp_path / "out" / "orders.csv").open(newline="", encoding="utf-8") as file:
        read = list(csv.DictReader(file))
    as_text = [{key: "" if v is None else str(v) for key, v in row.items()} for row in orders]
    assert read == sorted(as_text, key=lambda row: row["order_id"])
    assert {path.name for path in (tmp_path / "out").iterdir()} == {
        f"{table.name}.csv" for table in TABLES
    }


def test_parquet_holds_numbers_as_numbers(quarter: Replayed, tmp_path: Path) -> None:
    assert quarter.journal is not None

    rows = export(quarter.journal, tmp_path, "parquet")

    with duckdb.connect() as connection:
        for name, count in rows.items():
            (found,) = connection.execute(
                f"SELECT count(*) FROM '{tmp_path}/{name}.parquet'"
            ).fetchall()
            assert found == (count,)
        (sums,) = connection.execute(
            f"SELECT sum(commission_usd), count(mid_credit) FROM '{tmp_path}/fills.parquet'"
        ).fetchall()
    with JournalReader(quarter.journal) as reader:
        fills = reader.table("fills")
    paid = sum((Decimal(fill["commission_usd"]) for fill in fills), Decimal(0))
    assert sums == (paid, sum(fill["mid_credit"] is not None for fill in fills))


def test_a_folder_with_something_in_it_is_left_alone(quarter: Replayed, tmp_path: Path) -> None:
    assert quarter.journal is not None
    (tmp_path / "mine.txt").write_text("precious")

    with pytest.raises(ConfigError, match="is not an empty folder; name a new one"):
        export(quarter.journal, tmp_path, "csv")

    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]
