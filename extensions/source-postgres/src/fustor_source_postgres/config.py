"""What a user may write under `driver_params`."""

from collections.abc import Iterable, Mapping
from functools import cached_property
from typing import Annotated, Any, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from fustor_core.exceptions import ConfigError
from fustor_source_postgres._names import Pattern, parse_name, written

__all__ = ["PostgresParams", "parse_params"]

_Name = Annotated[str, Field(pattern=r"^[a-z_][a-z0-9_]{0,62}$")]
_Columns = Annotated[tuple[str, ...], Field(min_length=1)]


def _no_truth(value: object) -> object:
    if isinstance(value, bool):
        raise ValueError("Give a number")  # noqa: TRY004 - pydantic takes no other
    return value


_NUMBER = BeforeValidator(_no_truth)
# the server counts its limits in milliseconds: below one it would have none, and above 24 days it takes none
_Seconds = Annotated[float, Field(ge=0.001, le=2_000_000, allow_inf_nan=False), _NUMBER]
_WholeSeconds = Annotated[int, Field(ge=1, le=2_000_000), _NUMBER]
_Bytes = Annotated[int, Field(ge=1, le=1 << 40), _NUMBER]
_Count = Annotated[int, Field(ge=1, le=1_000_000), _NUMBER]


class PostgresParams(BaseModel):
    """Which part of a database is the source, and how much the driver may hold while it reads.

    Patterns are `schema.table` with the wildcards `*`, `?` and `[...]`; they match the real names, in their case. A
    name with a dot, a wildcard or a quote of its own is written in double quotes: `public."a.b"`. What is not chosen,
    or excluded, is not part of the source: it has no row in any phase.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    tables: tuple[str, ...] = Field(default=("*.*",), min_length=1, description="Patterns of the tables to read")
    exclude: tuple[str, ...] = Field(default=(), description="Patterns of tables that are not part of the source")
    columns: dict[str, _Columns] = Field(
        default_factory=dict, description="Columns to send, by `schema.table`; all where a table is not named"
    )
    key_columns: dict[str, _Columns] = Field(
        default_factory=dict, description="Columns that identify a row, by `schema.table`, for tables without a key"
    )
    slot: _Name | None = Field(default=None, description="Replication slot; made from the source's name when left out")
    failover: bool = Field(
        default=False, description="Have the slot kept on standbys too, so that it outlives its server; PostgreSQL 17"
    )
    publication: _Name | None = Field(default=None, description="Publication; called like the slot when left out")
    queue_bytes: _Bytes = Field(default=16 << 20, description="Changes read ahead of the host, in bytes")
    streaming: bool = Field(
        default=False,
        description="Have large transactions sent before their commit, and kept in temporary files until it",
    )
    heartbeat_sec: _Seconds = Field(default=10, description="How often an idle stream looks at the log's growth")
    heartbeat_bytes: _Bytes = Field(
        default=16 << 20, description="Growth of the log without an event that makes the stream write a heartbeat"
    )
    snapshot_hold_sec: _Seconds = Field(
        default=300, description="How long the boundary between snapshot and stream waits for the snapshot's reader"
    )
    lock_timeout_sec: _Seconds = Field(
        default=5, description="How long a reader waits for the lock of one table before it marks the table skipped"
    )
    process_bytes: _Bytes = Field(
        default=16 << 20, description="Size from which on a table is copied by a process of its own, on another core"
    )
    connect_timeout_sec: _WholeSeconds = Field(default=10, description="How long one attempt to connect may take")
    full_audit_every: _Count = Field(
        default=24, description="Every n-th audit with a cache reads unchanged tables as well"
    )

    @model_validator(mode="after")
    def _tables_are_qualified(self) -> Self:
        for pattern in (*self.tables, *self.exclude):
            Pattern.parse(pattern)
        for names in (self.columns, self.key_columns):
            tables = [parse_name(name) for name in names]
            twice = sorted({written(*table) for table in tables if tables.count(table) > 1})
            if twice:
                raise ValueError(f"Tables {twice!r} are named twice; name each once")
        return self

    @cached_property
    def _patterns(self) -> tuple[list[Pattern], list[Pattern]]:
        return [*map(Pattern.parse, self.tables)], [*map(Pattern.parse, self.exclude)]

    @cached_property
    def _columns(self) -> dict[tuple[str, str], tuple[str, ...]]:
        return {parse_name(name): columns for name, columns in self.columns.items()}

    @cached_property
    def _key_columns(self) -> dict[tuple[str, str], tuple[str, ...]]:
        return {parse_name(name): columns for name, columns in self.key_columns.items()}

    def chooses(self, schema: str, table: str) -> bool:
        """Whether a table is part of the source."""
        tables, exclude = self._patterns
        return any(one.matches(schema, table) for one in tables) and not any(
            one.matches(schema, table) for one in exclude
        )

    def names(self, schema: str, table: str) -> bool:
        """Whether `tables` names this very table, instead of catching it by a wildcard."""
        return any(one.name == (schema, table) for one in self._patterns[0])

    def columns_of(self, schema: str, table: str) -> tuple[str, ...] | None:
        """The columns of a table that are sent; None for all."""
        return self._columns.get((schema, table))

    def key_columns_of(self, schema: str, table: str) -> tuple[str, ...] | None:
        """The columns that identify a row of a table; None for its primary key."""
        return self._key_columns.get((schema, table))

    def unmatched(self, tables: Iterable[tuple[str, str]]) -> tuple[list[str], list[str]]:
        """The patterns of `tables`, and the names under `columns` and `key_columns`, that stand for none of these."""
        there = set(tables)
        patterns = [one.text for one in self._patterns[0] if not any(one.matches(*table) for table in there)]
        names = {written(*name) for name in (*self._columns, *self._key_columns) if name not in there}
        return patterns, sorted(names)


def parse_params(params: Mapping[str, Any] | None) -> PostgresParams:
    """What a user wrote under `driver_params`.

    Raises:
        ConfigError: names what cannot be understood, without repeating it.
    """
    try:
        return PostgresParams.model_validate(params or {})
    except ValidationError as err:
        problems = "; ".join(f"{'.'.join(map(str, item['loc']))}: {item['msg']}" for item in err.errors())
        # without its cause, which shows what was written
        raise ConfigError(f"driver_params cannot be understood: {problems}") from None
