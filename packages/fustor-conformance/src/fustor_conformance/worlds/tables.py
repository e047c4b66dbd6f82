"""A World that is a table, ready made: `class World(Table)` with a connection and a configuration.

For any database that has a DB-API module: texts, whole numbers and NULL, with the values that hurt.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from contextlib import closing
from typing import Any, ClassVar, Self, TypeAlias
from urllib.parse import quote

__all__ = ["HARD_VALUES", "Table"]

HARD_VALUES: tuple[dict[str, Any], ...] = (
    {"value": None, "note": None},
    {"value": 0, "note": ""},
    {"value": 2**53 + 1, "note": "l" * 3000},
    {"value": -(2**63), "note": "\u00e9 e\u0301 \U0001f418"},
    {"value": 2**63 - 1, "note": "line\nbreak\ttab \"quote' \\ % null NULL"},
    {"value": -1, "note": " "},
)
"""NULL, nothing, numbers beyond a double, long texts, texts that look like something else."""


_Statements: TypeAlias = Sequence[tuple[str, tuple[Any, ...]]]


class Table(ABC):
    """One table with a key, a number and a text; what is there before, such as the database, is the author's."""

    operations = frozenset({"create", "modify", "delete", "rename"})
    values = HARD_VALUES
    schema: ClassVar[str] = "main"
    table: ClassVar[str] = "items"
    mark: ClassVar[str] = "?"
    """How a statement names its next argument: `?`, or `%s`."""

    @abstractmethod
    def connect(self) -> Any:
        """A new connection to the database, as DB-API has it; its transactions end with `commit`."""

    @abstractmethod
    def config(self) -> dict[str, Any]:
        """Keywords of a SourceConfig that leads to the table."""

    def __enter__(self) -> Self:
        """The table, empty."""
        self.run([(f"create table {self.table} (id varchar(2000) primary key, value bigint, note text)", ())])
        return self

    def __exit__(self, *exc_info: object) -> None:  # noqa: B027 - nothing is left where the database goes
        """Nothing: whoever made the database removes it."""

    def create(self, key: str) -> str:
        """A new row."""
        return self.create_with(key, {"value": 1, "note": None})

    def create_with(self, key: str, record: dict[str, Any]) -> str:
        """A new row with these values."""
        statement = f"insert into {self.table} (id, value, note) values (?, ?, ?)"  # noqa: S608 - the author's name
        self.run([(statement, (key, record["value"], record["note"])), *self.told(key, gone=False)])
        return self.path_of(key)

    def modify(self, path: str) -> None:
        """Another value."""
        key = self.key_of(path)
        statement = f"update {self.table} set value = coalesce(value, 0) % 1000 + 1 where id = ?"  # noqa: S608 - as above
        self.run([(statement, (key,)), *self.told(key, gone=False)])

    def delete(self, path: str) -> None:
        """No row."""
        key = self.key_of(path)
        statement = f"delete from {self.table} where id = ?"  # noqa: S608 - as above
        self.run([*self.told(key, gone=True), (statement, (key,))])

    def rename(self, path: str, key: str) -> str:
        """Another key, in one transaction; a row that has it is replaced."""
        old, delete = self.key_of(path), f"delete from {self.table} where id = ?"  # noqa: S608 - as above
        update = f"update {self.table} set id = ? where id = ?"  # noqa: S608 - as above
        changes = [*self.told(old, gone=True), (delete, (key,)), (update, (key, old)), *self.told(key, gone=False)]
        self.run(changes)
        return self.path_of(key)

    def list(self) -> dict[str, dict[str, Any]]:
        """Every row with its record, and the bytes of its texts."""
        rows = self.read(f"select id, value, note from {self.table}")  # noqa: S608 - as above
        return {self.path_of(row[0]): self.expected(row) for row in rows}

    def expected(self, row: tuple[Any, ...]) -> dict[str, Any]:
        """What the source must say of a row."""
        size = sum(len(str(value).encode()) for value in row if value is not None)
        return {"record": {"id": row[0], "value": row[1], "note": row[2]}, "size": size}

    def told(self, key: str, *, gone: bool) -> _Statements:
        """Statements that go with a change of this row, before it goes or after it came: a journal's, for instance."""
        del key, gone
        return []

    def path_of(self, key: str) -> str:
        """The path of a key: percent-encoded, below schema and table."""
        return f"/{self.schema}/{self.table}/{quote(key, safe='')}"

    def key_of(self, path: str) -> str:
        """The key of the row that has this path."""
        rows = self.read(f"select id from {self.table}")  # noqa: S608 - as above
        return next(str(row[0]) for row in rows if self.path_of(row[0]) == path)

    def read(self, statement: str) -> Sequence[tuple[Any, ...]]:
        """The rows of a query, on a connection of their own."""
        with closing(self.connect()) as conn, closing(conn.cursor()) as cursor:
            cursor.execute(statement)
            return [tuple(row) for row in cursor.fetchall()]

    def run(self, statements: _Statements) -> None:
        """Statements in one transaction, on a connection of their own."""
        with closing(self.connect()) as conn, closing(conn.cursor()) as cursor:
            for statement, arguments in statements:
                cursor.execute(statement.replace("?", self.mark), arguments)
            conn.commit()
