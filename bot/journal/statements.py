"""Statements whose text is made once for a database and then only filled with values.

SQLAlchemy Core writes the text, in the words of the database at hand. Looking it up anew for every
commit would cost more than SQLite needs to run it.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Delete, Dialect, Insert, Table, Update, delete, insert

Values = Mapping[str, Any]
Statement = Insert | Update | Delete


class Statements:
    """Runs statements on one connection; each is compiled when it is first run.

    A statement is known by its identity: make it once and keep it.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._prepared: dict[Statement, Prepared] = {}
        self._inserts: dict[Table, Insert] = {}
        self._deletes: dict[Table, Delete] = {}

    def run(self, statement: Statement, rows: Sequence[Values]) -> None:
        """Run a statement once for each row of values, which are given by name."""
        prepared = self._prepared.get(statement)
        if prepared is None:
            prepared = self._prepared[statement] = Prepared(statement, self._connection.dialect)
        parameters = [prepared.parameters(row) for row in rows]
        self._connection.exec_driver_sql(
            prepared.text, parameters if len(parameters) > 1 else parameters[0]
        )

    def insert(self, table: Table, rows: Sequence[Values]) -> None:
        """Insert rows that name every column."""
        if table not in self._inserts:
            self._inserts[table] = insert(table)
        self.run(self._inserts[table], rows)

    def empty(self, table: Table) -> None:
        """Delete every row of a table."""
        if table not in self._deletes:
            self._deletes[table] = delete(table)
        self.run(self._deletes[table], [{}])


class Prepared:
    """The text of a statement and how a driver wants its values: by place or by name."""

    def __init__(self, statement: Statement, dialect: Dialect) -> None:
        compiled = statement.compile(dialect=dialect)
        self.text = str(compiled)
        self._fixed = {name: value for name, value in compiled.params.items() if value is not None}
        places = getattr(compiled, "positiontup", None)
        self._places: tuple[str, ...] | None = None if places is None else tuple(places)

    def parameters(self, row: Values) -> tuple[Any, ...] | dict[str, Any]:
        """Return a row's values together with those that stand in the statement itself."""
        values = {**self._fixed, **row} if self._fixed else row
        if self._places is None:
            return dict(values)
        return tuple([values[place] for place in self._places])
