"""Drivers from plain data: what an engine ships to another process is a name and JSON, never an object."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any, cast

from fustor_core.drivers import PusherDriver, SourceDriver
from fustor_driver.bases import CONFIGS
from fustor_driver.configuration import expand, validated
from fustor_driver.errors import ConfigurationProblem, FieldProblem
from fustor_driver.kinds import Kind
from fustor_driver.params import explained
from fustor_driver.redaction import REDACTOR
from fustor_driver.registry import Registry

__all__ = ["pusher_of", "source_of"]


def source_of(plain: Mapping[str, Any], environ: Mapping[str, str] = os.environ) -> SourceDriver:
    """The source that plain data describes: an entry of a configuration file, with its `id` beside the other fields.

    The `id` is the driver's name where it is left out. `${NAME}` in any text is the variable of `environ`, so that
    secrets travel by reference. Only this driver's package is imported. `disabled` means nothing here.

    Raises:
        ConfigurationProblem: a field is wrong, or a variable is not set.
        EnvironmentProblem: no driver of that name is installed, or it does not load.
        ConfigError: the driver refuses its parameters.
    """
    return cast("SourceDriver", _built(Kind.SOURCE, plain, environ))


def pusher_of(plain: Mapping[str, Any], environ: Mapping[str, str] = os.environ) -> PusherDriver:
    """The pusher that plain data describes; as `source_of`."""
    return cast("PusherDriver", _built(Kind.PUSHER, plain, environ))


def _built(kind: Kind, plain: Mapping[str, Any], environ: Mapping[str, str]) -> SourceDriver | PusherDriver:
    REDACTOR.learn(plain)
    known = expand(dict(plain), environ)
    REDACTOR.learn(known)
    id = known.pop("id", None) or known.get("driver")
    if not isinstance(id, str):
        raise ConfigurationProblem((FieldProblem("id" if "id" in plain else "driver", "must be a text"),))
    config = validated(CONFIGS[kind], {**known, "disabled": False})
    driver = Registry.read().find(kind, config.driver).load()
    with explained(driver, id, config):
        return driver(id, cast("Any", config))
