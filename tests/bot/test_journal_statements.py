"""Statements compiled once: the same rows as SQLAlchemy's own way of running them."""

from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import (
    Column,
    Connection,
    Integer,
    MetaData,
    String,
    Table,
    bindparam,
    create_engine,
    delete,
    insert,
    make_url,
    select,
    update,
)

from bot.journal.statements import Prepared, Statements

METADATA = MetaData()
NOTES = Table(
    "notes",
    METADATA,
    Column("number", Integer, primary_key=True),
    Column("text", String(20)),
)
ONE, TWO = {"number": 1, "text": "one"}, {"number": 2, "text": None}
RENAMED = update(NOTES).where(NOTES.c.number == bindparam("name")).values(text=bindparam("text"))


@pytest.fixture
def connection() -> Iterator[Connection]:
    engine = create_engine("sqlite://")
    METADATA.create_all(engine)
    with engine.connect() as opened:
        yield opened
    engine.dispose()


def notes(connection: Connection) -> list[tuple[Any, ...]]:
    return [tuple(row) for row in connection.execute(select(NOTES).order_by(NOTES.c.number))]


def test_one_row_and_many_are_inserted(connection: Connection) -> None:
    statements = Statements(connection)

    statements.insert(NOTES, [ONE])
    statements.insert(NOTES, [TWO, {"number": 3, "text": "three"}])

    assert notes(connection) == [(1, "one"), (2, None), (3, "three")]


def test_values_go_to_their_places_by_name(connection: Connection) -> None:
    statements = Statements(connection)
    statements.insert(NOTES, [ONE, TWO])

    statements.run(RENAMED, [{"text": "zwei", "name": 2}, {"name": 1, "text": "eins"}])

    assert notes(connection) == [(1, "eins"), (2, "zwei")]


def test_values_that_stand_in_the_statement_are_kept(connection: Connection) -> None:
    statements = Statements(connection)
    statements.insert(NOTES, [ONE, TWO])
    fixed = update(NOTES).where(NOTES.c.number == 2).values(text=bindparam("text"))

    statements.run(fixed, [{"text": "second"}])

    assert notes(connection) == [(1, "one"), (2, "second")]


def test_a_table_is_emptied(connection: Connection) -> None:
    statements = Statements(connection)
    statements.insert(NOTES, [ONE, TWO])

    statements.empty(NOTES)

    assert notes(connection) == []


def test_a_row_that_leaves_a_column_out_is_refused(connection: Connection) -> None:
    with pytest.raises(KeyError, match="text"):
        Statements(connection).insert(NOTES, [{"number": 1}])


@pytest.mark.parametrize("statement", [insert(NOTES), RENAMED, delete(NOTES)])
def test_a_server_that_wants_names_gets_names(statement: Any) -> None:
    prepared = Prepared(statement, make_url("postgresql+psycopg://").get_dialect()())

    found = prepared.parameters({"number": 1, "name": 1, "text": "one"})

    assert found == {"number": 1, "name": 1, "text": "one"}
    assert "?" not in prepared.text
