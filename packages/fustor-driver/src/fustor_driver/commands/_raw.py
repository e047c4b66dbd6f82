"""Entries of a configuration file as they are written, with their variables not put in."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from fustor_driver.configuration import load
from fustor_driver.kinds import Kind
from fustor_driver.plain_yaml import parse_yaml

__all__ = ["raw_pair"]

_Entry = tuple[str, Mapping[str, Any]]


class _Unset(dict[str, str]):
    """An environment that has every variable, each of them empty: what they hold is not asked for here."""

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str)


def raw_pair(file: Path, source: str | None, pusher: str | None) -> tuple[_Entry, _Entry]:
    """A source and a pusher of a file, each with its identifier; the one that there is where none is named.

    Raises:
        UsageProblem: the file cannot be read, or leaves a choice.
        ConfigurationProblem: what is in it is wrong.
    """
    known = load(file, _Unset())
    raw: dict[str, Any] = parse_yaml(file.read_text(encoding="utf-8"))
    if source is None and pusher is None and known.syncs:
        pair = known.pair()
        ids = (pair.source_id, pair.pusher_id)
    else:
        ids = (known.one(Kind.SOURCE, source)[0], known.one(Kind.PUSHER, pusher)[0])
    return (ids[0], raw["sources"][ids[0]]), (ids[1], raw["pushers"][ids[1]])
