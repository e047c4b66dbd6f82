"""`driver_params` of a configuration file, parsed once into a frozen model."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from fustor_core.exceptions import ConfigError

__all__ = ["ExampleParams", "parse_params"]

_DRIVER = "example"


class ExampleParams(BaseModel):
    """The driver's own parameters; an unknown one is refused.

    Give a secret `Field(repr=False)`: mistakes are reported without what was typed.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    interval_sec: float = Field(default=1, gt=0, allow_inf_nan=False, description="Seconds from one tick to the next")
    keep: int = Field(default=10, gt=0, description="Files that remain; each further tick removes the oldest")
    epoch: float = Field(default=1_767_225_600, allow_inf_nan=False, description="Time of tick 0, seconds since 1970")
    clock_file: Path | None = Field(default=None, description="A file that holds the time; else the system's clock")


def parse_params(driver_params: Mapping[str, Any] | None) -> ExampleParams:
    """The parameters as a model; agent 0.2 passes None where the file has none.

    Raises:
        ConfigError: names every parameter that cannot be used, and never its value.
    """
    try:
        return ExampleParams.model_validate(driver_params or {})
    except ValidationError as error:
        details = error.errors(include_input=False, include_url=False, include_context=False)
        faults = "; ".join(f"{'.'.join(map(str, detail['loc']))}: {detail['msg']}" for detail in details)
        raise ConfigError(f"Cannot use driver_params of source driver {_DRIVER!r} ({faults}); correct them") from error
