"""Where a `pyproject.toml` lists what it requires, and what the members of a workspace have in common there."""

import re
from collections.abc import Collection, Iterator, Mapping
from fractions import Fraction
from typing import Any

from fustor_new.names import normalize

__all__ = ["Keys", "find", "get", "is_dev", "joins", "requirement", "requirement_lists"]

Keys = tuple[str, ...]

_LISTS: tuple[Keys, ...] = (("project", "dependencies"), ("tool", "uv", "dev-dependencies"))
_TABLES: tuple[Keys, ...] = (("project", "optional-dependencies"), ("dependency-groups",))
_MOST, _NEARLY_ALL = Fraction(1, 2), Fraction(3, 5)


def find(data: Mapping[str, Any], keys: Keys) -> Any:
    """Return the value at `keys`, None where there is none."""
    value: Any = data
    for key in keys:
        value = value.get(key) if isinstance(value, dict) else None
    return value


def get(data: Mapping[str, Any], keys: Keys) -> Mapping[str, Any]:
    """Return the table at `keys`, an empty one where there is none."""
    found = find(data, keys) if keys else data
    return found if isinstance(found, dict) else {}


def requirement(text: str) -> str:
    """Return the normalized name of the distribution that a requirement asks for."""
    found = re.match(r"\s*([A-Za-z0-9._-]+)", text)
    return normalize(found[1]) if found else ""


def requirement_lists(data: Mapping[str, Any]) -> Iterator[tuple[Keys, list[str]]]:
    """Yield every list of requirements by its keys: dependencies, extras, groups, uv's `dev-dependencies`."""
    inside = [(*table, key) for table in _TABLES for key in get(data, table)]
    for keys in (*_LISTS, *inside):
        listed = find(data, keys)
        if isinstance(listed, list):
            yield keys, [text for text in listed if isinstance(text, str)]


def is_dev(keys: Keys) -> bool:
    """Tell whether the list is the `dev` extra or the `dev` group."""
    return keys[:-1] in _TABLES and normalize(keys[-1]) == "dev"


def joins(keys: Keys, listed: Collection[str], siblings: Collection[str]) -> bool:
    """Tell whether a new member belongs into the list, as far as one can see from its siblings.

    `dev` takes a member where it has most of the others, or where there are none yet; any other list where it has
    three in five of them.
    """
    if not siblings:
        return is_dev(keys)
    share = Fraction(len({requirement(text) for text in listed} & set(siblings)), len(siblings))
    return share > _MOST if is_dev(keys) else share >= _NEARLY_ALL
