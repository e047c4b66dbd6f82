"""`driver_params` of a configuration file, parsed once into a frozen model."""

from __future__ import annotations

from collections.abc import Mapping
from fnmatch import fnmatchcase
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from fustor_core.exceptions import ConfigError

__all__ = ["PostgresParams", "parse_params"]

_DRIVER = "postgres"


class PostgresParams(BaseModel):
    """The driver's own parameters; an unknown one is refused."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    schema_name: str = Field(
        default="fustor",
        alias="schema",
        pattern=r"^[ !#$&-~]{1,63}$",
        description='Schema that the tables are created in, itself created if missing; ASCII without " and %',
    )
    typed_tables: tuple[str, ...] = Field(
        default=(),
        description="Patterns like 'public.*': tables whose records become columns with types, not one jsonb",
    )
    key_index: bool = Field(
        default=False, description="Whether typed tables get an index of the key that their source declares"
    )
    enum_checks: bool = Field(
        default=False, description="Whether columns of enumerated types are checked for the values that are declared"
    )
    max_delete_share: float = Field(
        default=0.2,
        ge=0,
        le=1,
        description="Share of a task's rows beyond which the end of a snapshot or an audit deletes nothing",
    )
    max_delete_rows: int = Field(
        default=100, ge=0, description="Number of rows up to which such an end may delete, whatever their share"
    )
    timeout_sec: float = Field(default=10, ge=1, le=86_400, description="Seconds to wait for a connection")
    attempts: int = Field(
        default=3, gt=0, le=1_000, description="Attempts of one push, before the host is asked to try again later"
    )
    heartbeat_interval_sec: int = Field(
        default=10, gt=0, le=86_400, description="Heartbeat interval suggested to the host"
    )

    def is_typed(self, event_schema: str, table: str) -> bool:
        """Whether the records of this table become columns."""
        return any(fnmatchcase(f"{event_schema}.{table}", pattern) for pattern in self.typed_tables)


def parse_params(driver_params: Mapping[str, Any] | None) -> PostgresParams:
    """The parameters as a model; agent 0.2 passes None where the file has none.

    Raises:
        ConfigError: names every parameter that cannot be used, and never its value.
    """
    try:
        return PostgresParams.model_validate(driver_params or {})
    except ValidationError as error:
        details = error.errors(include_input=False, include_url=False, include_context=False)
        faults = "; ".join(f"{'.'.join(map(str, detail['loc']))}: {detail['msg']}" for detail in details)
        raise ConfigError(f"Cannot use driver_params of pusher driver {_DRIVER!r} ({faults}); correct them") from error
