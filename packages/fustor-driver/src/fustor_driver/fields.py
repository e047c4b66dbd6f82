"""The fields of models, for a word about one that is not there."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from typing import Any, get_args, get_origin

from pydantic import BaseModel

__all__ = ["meant", "unknown_field"]


def meant(name: str, known: Sequence[str]) -> str:
    """Which of the known names a wrong one may stand for, or all of them."""
    near = difflib.get_close_matches(name, known, n=1)
    return f"did you mean {near[0]!r}?" if near else f"there are {', '.join(known)}"


def unknown_field(model: type[BaseModel] | None, location: Sequence[int | str]) -> str:
    """What is wrong with a field that the model, or a model in it, does not have."""
    known = _names_at(model, location[:-1])
    return f"is not a field; {meant(str(location[-1]), known)}" if known else "is not a field"


def _names_at(model: Any, location: Sequence[int | str]) -> tuple[str, ...]:
    place = model
    for part in location:
        place = _below(place, str(part))
    fields = _fields(place)
    return tuple(field.alias or name for name, field in fields.items())


def _below(place: Any, part: str) -> Any:
    """What stands below a part of a location: of a mapping its values, of a union the member that was tried."""
    if get_origin(place) in (dict, Mapping):
        return get_args(place)[1]
    if part in _fields(place):
        return _fields(place)[part].annotation
    return next((one for one in get_args(place) if getattr(one, "__name__", "") == part), None)


def _fields(place: Any) -> Mapping[str, Any]:
    return place.model_fields if isinstance(place, type) and issubclass(place, BaseModel) else {}
