"""A `meltano.yml` from two entries of a configuration file, as they are written there."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import yaml

from fustor_driver.errors import ConfigurationProblem, FieldProblem
from fustor_driver.redaction import bare_secrets

__all__ = ["meltano_yml"]

_ENVIRONMENT = "prod"
_NOT_TAKEN = ("disabled",)
_HEAD = "# Written by `fustor-driver singer init`; run it by `meltano run tap-fustor target-fustor`.\n"


def meltano_yml(project: str, source: tuple[str, Mapping[str, Any]], pusher: tuple[str, Mapping[str, Any]]) -> str:
    """The text of the file. `${NAME}` stays as it is: Meltano puts the variable in.

    Raises:
        ConfigurationProblem: a secret is written as it is.
    """
    problems = [
        FieldProblem(f"{kind}s.{id}.{place}", "is a secret; write it as ${NAME}, and put it into the environment")
        for kind, (id, entry) in (("source", source), ("pusher", pusher))
        for place in bare_secrets(entry)
    ]
    if problems:
        raise ConfigurationProblem(tuple(problems))
    plugins = {
        "extractors": [_plugin("tap-fustor", source, ["catalog", "discover", "state"])],
        "loaders": [_plugin("target-fustor", pusher, ["activate-version", "hard-delete"])],
    }
    document = {
        "project_id": project,
        "default_environment": _ENVIRONMENT,
        "send_anonymous_usage_stats": False,
        "environments": [{"name": _ENVIRONMENT}],
        "plugins": plugins,
    }
    return _HEAD + yaml.safe_dump(document, sort_keys=False, allow_unicode=True)


def _plugin(name: str, entry: tuple[str, Mapping[str, Any]], capabilities: list[str]) -> dict[str, Any]:
    id, fields = entry
    config = {"id": id} | {key: value for key, value in fields.items() if key not in _NOT_TAKEN}
    return {
        "name": name,
        "namespace": name.replace("-", "_"),
        "executable": name,
        "capabilities": capabilities,
        "config": config,
    }
