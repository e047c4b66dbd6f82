"""What a user writes as options, parsed once.

Options travel to every task and stand in plans, so they hold the names of secrets and never a secret.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Self, TypeAlias

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PositiveFloat, PositiveInt, ValidationError
from pydantic_core import from_json

from fustor_core.exceptions import ConfigError
from fustor_driver.configuration import field_problems
from fustor_driver.redaction import bare_secrets

__all__ = ["Phase", "PusherOptions", "Secrets", "SourceOptions"]

_JsonObject: TypeAlias = Annotated[
    dict[str, Any], BeforeValidator(lambda value: from_json(value) if isinstance(value, str) else value)
]
_SPARKS_OWN = {"checkpointlocation", "queryname"}
"""What Spark passes on with the options of a query, in its spelling of keys."""


class Phase(StrEnum):
    """What a batch reads."""

    SNAPSHOT = "snapshot"
    AUDIT = "audit"


class _Options(BaseModel):
    """What sources and pushers share; every field is an option of the same name."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True, allow_inf_nan=False)

    driver: str = Field(description="Entry-point name of the driver")
    id: str | None = Field(default=None, description="What the driver is called; its name by default")
    user: str | None = Field(default=None, description="User of the credential")
    passwd: str | None = Field(default=None, description="Password, as a reference: `${NAME}`")
    key: str | None = Field(default=None, description="Key in place of a password, as a reference: `${NAME}`")
    driver_params: _JsonObject = Field(default_factory=dict, description="The driver's own parameters, as JSON")
    max_retries: PositiveInt | None = Field(default=None, description="Attempts before a fault ends the task")
    retry_delay_sec: PositiveFloat | None = Field(default=None, description="Seconds between two attempts")
    secrets_dir: Path | None = Field(
        default=None, description="Directory on every machine whose file NAME holds the value of `${NAME}`"
    )

    @classmethod
    def parse(cls, options: Mapping[str, Any]) -> Self:
        """The options of a read or a write.

        Raises:
            ConfigError: one is unknown, missing or wrong, or holds a secret; values are never shown.
        """
        given = {name.lower(): value for name, value in options.items() if name.lower() not in _SPARKS_OWN}
        try:
            parsed = cls.model_validate(given)
        except ValidationError as err:
            raise ConfigError("; ".join(map(str, field_problems(err, ("option",), cls)))) from None
        for place in bare_secrets(parsed.entry()):
            name = place.removeprefix("credential.")
            raise ConfigError(
                f"Option {name!r} holds a secret, and every task and the Spark UI would show it; write `${{NAME}}` "
                "there and set the environment variable NAME on every machine, or the file NAME in `secrets_dir`"
            )
        return parsed

    def entry(self) -> dict[str, Any]:
        """The section of a configuration file that says the same."""
        credential = {name: getattr(self, name) for name in ("user", "passwd", "key")}
        own = {"driver": self.driver, "id": self.id or self.driver, "driver_params": self.driver_params}
        known: dict[str, Any] = {"max_retries": self.max_retries, "retry_delay_sec": self.retry_delay_sec}
        known["credential"] = {name: value for name, value in credential.items() if value is not None} or None
        return own | {name: value for name, value in known.items() if value is not None}


class SourceOptions(_Options):
    """How a source is read."""

    uri: str = Field(description="Address of what is read")
    phase: Phase = Field(default=Phase.SNAPSHOT, description="What a batch reads: `snapshot` or `audit`")
    partitions: PositiveInt = Field(default=1, description="Tasks that read at the same time, about")
    batch_size: PositiveInt = Field(default=1000, description="Rows in one event of a batch")
    hold_sec: PositiveFloat = Field(
        default=300, description="Seconds in which every partition of a batch has to be begun"
    )
    start_position: int | None = Field(default=None, gt=0, description="Where a new stream begins; now by default")
    max_rows: PositiveInt = Field(
        default=100_000, description="Rows of a micro-batch, about; 64 MiB of them end it too"
    )
    wait_sec: PositiveFloat = Field(default=0.2, description="Seconds that an idle stream waits for a change")
    progress_sec: PositiveFloat = Field(
        default=10, description="Seconds after which an idle stream says how far it is, and partitions look again"
    )

    def entry(self) -> dict[str, Any]:
        """The section of a configuration file that says the same."""
        return super().entry() | {"uri": self.uri}


class PusherOptions(_Options):
    """How a pusher is written to."""

    endpoint: str = Field(description="Address of the destination")
    task: str = Field(min_length=1, description="Name of the task, which stays the same over restarts")
    batch_size: PositiveInt = Field(default=1000, description="Rows in one push, about")
    allow_deletions: bool = Field(default=False, description="Leave for what the pusher's guard would refuse")
    audit_session: str | None = Field(default=None, description="Set by `pyspark_fustor.audit`")

    def entry(self) -> dict[str, Any]:
        """The section of a configuration file that says the same."""
        return super().entry() | {"endpoint": self.endpoint, "batch_size": self.batch_size}


class Secrets(Mapping[str, str]):
    """Values of references on this machine: files of a directory first, then the environment."""

    def __init__(self, directory: Path | None) -> None:
        self._directory = directory

    def __getitem__(self, name: str) -> str:
        if self._directory is not None and (file := self._directory / name).is_file():
            return file.read_text(encoding="utf-8").rstrip("\n")
        return os.environ[name]

    def __iter__(self) -> Iterator[str]:
        files = [file.name for file in self._directory.iterdir()] if self._directory is not None else []
        return iter({*files, *os.environ})

    def __len__(self) -> int:
        return len(set(self))
