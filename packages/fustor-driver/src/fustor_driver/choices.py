"""What the command line says of an entry, put over it."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

from fustor_core.models.config import PusherConfig, SourceConfig
from fustor_driver.configuration import expand, validated
from fustor_driver.errors import ConfigurationProblem, FieldProblem, UsageProblem
from fustor_driver.kinds import Kind
from fustor_driver.plain_yaml import UnreadableYaml, parse_yaml
from fustor_driver.redaction import REDACTOR

__all__ = ["DEFAULT_FILE", "overlaid", "put_setting"]

DEFAULT_FILE = Path("fustor.yaml")
_Config = TypeVar("_Config", bound=SourceConfig | PusherConfig)


def overlaid(model: type[_Config], entry: dict[str, Any], address: str | None, settings: Sequence[str]) -> _Config:
    """A configuration from an entry, with what the command line says put over it.

    Raises:
        ConfigurationProblem: field by field.
        UsageProblem: a setting is not `KEY=VALUE`.
    """
    address_key = (Kind.SOURCE if issubclass(model, SourceConfig) else Kind.PUSHER).address_key
    if address is not None:
        entry[address_key] = address
    REDACTOR.learn_arguments(settings)
    for setting in settings:
        put_setting(entry, setting, os.environ)
    REDACTOR.learn(entry)
    try:
        return validated(model, entry)
    except ConfigurationProblem as err:
        raise ConfigurationProblem(tuple(_with_a_way(one, address_key) for one in err.problems)) from err


def _with_a_way(problem: FieldProblem, address_key: str) -> FieldProblem:
    """A missing address is given by an option or by a file."""
    if problem.field != address_key or not problem.message.startswith("Field required"):
        return problem
    way = f"give --{address_key}, or --config with a file that has it (`fustor-driver init` writes one)"
    return FieldProblem(problem.field, f"{problem.message}; {way}")


def put_setting(entry: dict[str, Any], setting: str, environ: Mapping[str, str] | None = None) -> None:
    """Put `a.b=value` into nested mappings; the value is YAML, `${NAME}` a variable of `environ`, if there is one.

    Raises:
        UsageProblem: a setting is not `KEY=VALUE`.
        ConfigurationProblem: its value cannot be read.
    """
    key, equals, text = setting.partition("=")
    if not (key and equals):
        raise UsageProblem("--set got something that is not KEY=VALUE; it is not shown, since it may be a secret")
    *parents, last = key.split(".")
    place = entry
    for parent in parents:
        below = place.setdefault(parent, {})
        if not isinstance(below, dict):
            raise UsageProblem(f"--set {key!r} goes below a value that is not a mapping")
        place = below
    try:
        value = parse_yaml(text)
    except UnreadableYaml as err:
        raise ConfigurationProblem((FieldProblem(f"--set {key}", str(err)),)) from err
    place[last] = value if environ is None else expand(value, environ, (key,))
