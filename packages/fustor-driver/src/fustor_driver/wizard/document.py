"""The file that is written: every field with its meaning, and the defaults as comments."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Mapping
from typing import Any

import yaml

from fustor_driver.configuration import Sync
from fustor_driver.params import config_schema
from fustor_driver.plain_yaml import parse_yaml
from fustor_driver.wizard.draft import Draft

__all__ = ["document", "summary"]

_WIDTH = 110
_HEAD = """\
# A source and a pusher for `fustor-driver run`; `fustor-driver check` says whether each of them works.
# A line that is commented out shows a default. ${NAME} is an environment variable, $$ a dollar sign:
# secrets belong there, and not into this file.
"""
_CREDENTIAL = "User and password: {user: NAME, passwd: '${VARIABLE}'}, or a key: {key: '${VARIABLE}'}"
_FIRST = ("driver", "uri", "endpoint", "credential", "disabled")
_LAST = "driver_params"


def document(source: Draft, pusher: Draft) -> str:
    """The text of a configuration file with one source, one pusher and the sync that joins them."""
    sync = f"{source.id}-to-{pusher.id}"
    lines = [
        _HEAD,
        "sources:",
        *_indented(_section(source)),
        "",
        "pushers:",
        *_indented(_section(pusher)),
        "",
        "syncs:",
        *_indented([f"{_inline(sync)}:", *_indented(_sync(source, pusher))]),
    ]
    text = "\n".join(lines) + "\n"
    expected = {
        "sources": {source.id: source.entry},
        "pushers": {pusher.id: pusher.entry},
        "syncs": {sync: {"source": source.id, "pusher": pusher.id}},
    }
    if _without_nothing(parse_yaml(text)) != _without_nothing(expected):
        raise RuntimeError("the file that was written does not say what was answered")
    return text


def summary(draft: Draft) -> Iterator[str]:
    """What was answered, in YAML and without what each driver is given."""
    shown = {name: value for name, value in draft.entry.items() if name not in ("driver", "disabled")}
    yield from yaml.safe_dump(shown, sort_keys=False, allow_unicode=True, width=_WIDTH).splitlines()


def _section(draft: Draft) -> Iterator[str]:
    yield f"{_inline(draft.id)}:"
    fields = config_schema(draft.kind, draft.driver)["properties"]
    middle = [name for name in fields if name not in (*_FIRST, _LAST)]
    for name in (*(one for one in _FIRST if one in fields), *middle):
        about = _CREDENTIAL if name == "credential" else fields[name].get("description", "")
        yield from _indented(_field(name, about, draft.entry, fields[name].get("default")))
    yield from _indented(_params(fields[_LAST], draft.entry.get(_LAST, {})))


def _params(schema: Mapping[str, Any], given: Mapping[str, Any]) -> Iterator[str]:
    yield from _comment(schema.get("description", "The driver's own parameters") if "properties" not in schema else "")
    yield f"{_LAST}:" if given or schema.get("properties") else f"{_LAST}: {{}}"
    fields = schema.get("properties", {})
    for name in (*fields, *(name for name in given if name not in fields)):
        about = fields.get(name, {})
        yield from _indented(_field(name, about.get("description", ""), given, _default(about)))


def _sync(source: Draft, pusher: Draft) -> Iterator[str]:
    yield f"source: {_inline(source.id)}"
    yield f"pusher: {_inline(pusher.id)}"
    about = Sync.model_json_schema()["properties"]["audit_interval_sec"]["description"]
    yield from _field("audit_interval_sec", about, {}, 600)


def _field(name: str, about: str, given: Mapping[str, Any], default: Any) -> Iterator[str]:
    """A field as it was answered, or commented out with its default."""
    yield from _comment(about)
    if name not in given:
        yield f"# {_inline(name)}: {_inline(default) if default is not None else ''}".rstrip()
    elif isinstance(given[name], Mapping) and given[name]:
        yield f"{_inline(name)}:"
        yield from _indented(f"{_inline(key)}: {_inline(value)}" for key, value in given[name].items())
    else:
        yield f"{_inline(name)}: {_inline(given[name])}"


def _default(about: Mapping[str, Any]) -> Any:
    """The schema's default; an empty list or mapping where it is made anew each time."""
    return about.get("default", {"array": [], "object": {}}.get(str(about.get("type"))))


def _comment(text: str) -> Iterator[str]:
    yield from (f"# {line}" for line in textwrap.wrap(text, _WIDTH))


def _indented(lines: Iterator[str] | list[str]) -> Iterator[str]:
    yield from (f"  {line}" if line else line for line in lines)


def _inline(value: Any) -> str:
    """A value on one line, in YAML."""
    text: str = yaml.safe_dump(value, default_flow_style=True, width=float("inf"), allow_unicode=True)
    return text.strip().removesuffix("...").strip()


def _without_nothing(value: Any) -> Any:
    """Plain data without mappings in which nothing is: what is commented out is not there."""
    if not isinstance(value, Mapping):
        return list(value) if isinstance(value, tuple) else value
    kept = {name: _without_nothing(item) for name, item in value.items()}
    return {name: item for name, item in kept.items() if item not in (None, {})}
