"""Entries of a configuration file as they are written, with their variables not put in."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from fustor_core.models.config import PusherConfig, SourceConfig
from fustor_driver.configuration import Configuration, Sync, as_written
from fustor_driver.errors import ConfigurationProblem, FieldProblem
from fustor_driver.redaction import REDACTOR

__all__ = ["raw_pair"]

_Entry = tuple[str, Mapping[str, Any]]
_Entries = dict[str, dict[str, Any]]


def raw_pair(file: Path, source: str | None, pusher: str | None) -> tuple[_Entry, _Entry]:
    """A source and a pusher of a file, each with its identifier; the one that there is where none is named.

    They are chosen by their names alone: what they hold may be a variable that is not set here.

    Raises:
        UsageProblem: the file cannot be read, or leaves a choice.
        ConfigurationProblem: an entry has no fields.
    """
    data = as_written(file)
    REDACTOR.learn(data)
    sources, pushers, syncs = (_entries(data, section) for section in ("sources", "pushers", "syncs"))
    pair = Configuration.model_construct(
        sources={id: SourceConfig.model_construct(disabled=_is_disabled(entry)) for id, entry in sources.items()},
        pushers={id: PusherConfig.model_construct(disabled=_is_disabled(entry)) for id, entry in pushers.items()},
        syncs={
            id: Sync.model_construct(
                source=str(entry.get("source")),
                pusher=str(entry.get("pusher")),
                disabled=_is_disabled(entry, default=False),
            )
            for id, entry in syncs.items()
        },
    ).pair(source=source, pusher=pusher)
    return (pair.source_id, sources[pair.source_id]), (pair.pusher_id, pushers[pair.pusher_id])


def _entries(data: Any, section: str) -> _Entries:
    found = data.get(section) if isinstance(data, dict) else None
    if found is not None and not isinstance(found, dict):
        raise ConfigurationProblem((FieldProblem(section, "must be a mapping"),))
    wrong = [id for id, entry in (found or {}).items() if not isinstance(entry, dict)]
    if wrong:
        raise ConfigurationProblem(tuple(FieldProblem(f"{section}.{id}", "must be a mapping") for id in wrong))
    return {str(id): entry for id, entry in (found or {}).items()}


def _is_disabled(entry: Mapping[str, Any], *, default: bool = True) -> bool:
    return entry.get("disabled", default) is True
