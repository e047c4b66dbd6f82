"""The model of a driver's own parameters, by the project's convention: `<Name>Params` beside `<Name>Driver`."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

from pydantic import BaseModel, ValidationError

from fustor_core.exceptions import ConfigError
from fustor_core.models.config import PusherConfig, SourceConfig
from fustor_driver.bases import CONFIGS, DriverClass
from fustor_driver.configuration import field_problems
from fustor_driver.errors import ConfigurationProblem, FieldProblem
from fustor_driver.kinds import Kind
from fustor_driver.plain_yaml import placed

__all__ = ["at_their_lines", "config_schema", "explained", "params_model", "params_problems"]


def params_model(driver: DriverClass) -> type[BaseModel] | None:
    """The model that parses `driver_params`, or None where the package shows none by the convention."""
    wanted = driver.__name__.removesuffix("Driver") + "Params"
    for module in _modules(driver):
        found = vars(module).get(wanted)
        if isinstance(found, type) and issubclass(found, BaseModel):
            return found
    return None


def params_problems(driver: DriverClass, driver_params: dict[str, Any]) -> tuple[FieldProblem, ...]:
    """What is wrong with `driver_params`, field by field; nothing where the model is not known."""
    model = params_model(driver)
    if model is None:
        return ()
    try:
        model.model_validate(driver_params)
    except ValidationError as err:
        return field_problems(err, ("driver_params",), model)
    return ()


@contextmanager
def explained(
    driver: DriverClass, id: str, config: SourceConfig | PusherConfig, file: Path | None = None
) -> Iterator[None]:
    """A driver that refuses its parameters when it is constructed: named field by field, and by line of the file.

    Raises:
        ConfigurationProblem: the model of its parameters is known, and refuses them too.
    """
    try:
        yield
    except ConfigError as err:
        problems = params_problems(driver, config.driver_params)
        if not problems:
            raise
        raise ConfigurationProblem(at_their_lines(problems, id, config, file)) from err


def at_their_lines(
    problems: Sequence[FieldProblem], id: str, config: SourceConfig | PusherConfig, file: Path | None
) -> tuple[FieldProblem, ...]:
    """Mistakes of an entry with their lines in the file, if there is one."""
    kind = Kind.SOURCE if isinstance(config, SourceConfig) else Kind.PUSHER
    return placed(file, problems, f"{kind}s.{id}.") if file is not None else tuple(problems)


def config_schema(kind: Kind, driver: DriverClass) -> dict[str, Any]:
    """The JSON Schema of an entry in a configuration file, the driver's own parameters included."""
    schema = CONFIGS[kind].model_json_schema()
    model = params_model(driver)
    if model is not None:
        own = model.model_json_schema()
        schema.setdefault("$defs", {}).update(own.pop("$defs", {}))
        schema["properties"]["driver_params"] = own
    return schema


def _modules(driver: DriverClass) -> Iterator[ModuleType]:
    """The driver's module, and the packages above it, from near to far."""
    name = driver.__module__
    while name:
        if name in sys.modules:
            yield sys.modules[name]
        name = name.rpartition(".")[0]
