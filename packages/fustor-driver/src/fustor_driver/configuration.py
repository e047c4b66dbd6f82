"""What users write in a configuration file, parsed once: the shape of the released agents' files."""

from __future__ import annotations

import difflib
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar, get_args, get_origin

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from fustor_core.models.config import PusherConfig, SourceConfig
from fustor_driver.errors import ConfigurationProblem, FieldProblem, UsageProblem
from fustor_driver.kinds import Kind
from fustor_driver.plain_yaml import UnreadableYaml, parse_yaml, placed
from fustor_driver.redaction import REDACTOR, VARIABLE

__all__ = [
    "Configuration",
    "Pair",
    "Sync",
    "as_written",
    "expand",
    "field_problems",
    "load",
    "parse",
    "validated",
    "variables_in",
]

_Model = TypeVar("_Model", bound=BaseModel)
_Item = TypeVar("_Item")
_Entry = TypeVar("_Entry", bound=SourceConfig | PusherConfig)
_MAX_CHARS = 1_100_000  # a little more than what is parsed
_SECTIONS = ("sources", "pushers", "syncs")
_AGENT_ONLY = {
    "senders": "agent 0.8 sends through them; the guide host pushes through `pushers`",
    "pipes": "agent 0.8 joins sources and senders with them; the guide host reads `syncs`",
    "logging": "an agent's logging; use -v and -q",
    "fs_scan_workers": "a setting of agent 0.8",
    "agent_id": "an agent's name; the guide host takes --task",
}


class Sync(BaseModel):
    """Which source goes to which pusher."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    source: str = Field(description="Identifier of an entry in `sources`")
    pusher: str = Field(description="Identifier of an entry in `pushers`")
    disabled: bool = Field(default=False, description="Known, and not run")
    audit_interval_sec: float | None = Field(
        default=None,
        ge=0,
        allow_inf_nan=False,
        description="Seconds between two audits; 0: none; null: as `--audit-interval` says",
    )
    fields_mapping: tuple[()] = Field(default=(), description="Mapping is the agents'; the guide host passes rows on")


class Pair(BaseModel):
    """One source and one pusher with their identifiers: what the guide host runs.

    `reader_id` is what the source driver is called: it may name by it what is its own, such as a replication slot.
    """

    model_config = ConfigDict(frozen=True)

    source_id: str
    source: SourceConfig
    pusher_id: str
    pusher: PusherConfig
    task_id: str
    audit_interval_sec: float | None = None
    reader_id: str
    file: Path | None = None


class Configuration(BaseModel):
    """A parsed file. `notes` are words for the user about sections that this command leaves alone."""

    model_config = ConfigDict(frozen=True)

    sources: dict[str, SourceConfig] = {}
    pushers: dict[str, PusherConfig] = {}
    syncs: dict[str, Sync] = {}
    notes: tuple[str, ...] = ()
    file: Path | None = None

    def entries(self, kind: Kind) -> Mapping[str, SourceConfig | PusherConfig]:
        """All of one kind."""
        return self.sources if kind is Kind.SOURCE else self.pushers

    def using(self, kind: Kind, driver: str, id: str | None = None) -> tuple[str, SourceConfig | PusherConfig]:
        """The entry of a kind that uses `driver`, or the one called `id`.

        Raises:
            UsageProblem: there is none, or more than one and no `id`.
        """
        entries = self.entries(kind)
        if id is not None:
            return id, _present(kind, entries, id)
        found = [name for name, entry in entries.items() if entry.driver.replace("-", "_") == driver.replace("-", "_")]
        if not found:
            raise UsageProblem(f"The configuration has no {kind} with driver {driver!r}; it has {_names(entries)}")
        if len(found) > 1:
            listed = ", ".join(map(repr, found))
            raise UsageProblem(
                f"The configuration has {len(found)} {kind}s with driver {driver!r}: {listed}; choose with --id"
            )
        return found[0], entries[found[0]]

    def pair(self, *, source: str | None = None, pusher: str | None = None, sync: str | None = None) -> Pair:
        """The source and the pusher to run: a sync, two identifiers, or what the file leaves no choice about.

        Raises:
            UsageProblem: the file leaves a choice, or something chosen does not exist or is disabled.
        """
        joined = self._sync(sync) if source is None and pusher is None else None
        source_id, reads = _one("source", self.sources, joined.source if joined else source)
        pusher_id, writes = _one("pusher", self.pushers, joined.pusher if joined else pusher)
        return Pair(
            source_id=source_id,
            source=reads,
            pusher_id=pusher_id,
            pusher=writes,
            task_id=f"{source_id}:{pusher_id}",
            audit_interval_sec=joined.audit_interval_sec if joined else None,
            file=self.file,
            reader_id=self._reader_id(source_id, pusher_id),
        )

    def _reader_id(self, source_id: str, pusher_id: str) -> str:
        """The source's own identifier for the first sync of the file that reads it, another one for every other sync.

        What a source holds back for a reader, it must not release because another one is further.
        """
        first = next((sync.pusher for sync in self.syncs.values() if sync.source == source_id), pusher_id)
        return source_id if first == pusher_id else f"{source_id}:{pusher_id}"

    def enabled_syncs(self) -> list[str]:
        """The names of the syncs that are not disabled.

        Raises:
            UsageProblem: there is none.
        """
        names = [name for name, sync in self.syncs.items() if not sync.disabled]
        if not names:
            raise UsageProblem("The configuration has no enabled sync; write one under `syncs`, or leave --all out")
        return names

    def one(self, kind: Kind, id: str | None = None) -> tuple[str, SourceConfig | PusherConfig]:
        """The one entry of a kind, or the one called `id`; errors as for `pair`."""
        return _one(kind, self.entries(kind), id)

    def _sync(self, name: str | None) -> Sync | None:
        if name is None and not self.syncs:
            return None
        if name is not None:
            return _present("sync", self.syncs, name)
        running = [sync for sync in self.syncs.values() if not sync.disabled]
        if len(running) != 1:
            raise UsageProblem(
                f"The configuration has {len(running)} enabled syncs ({', '.join(self.syncs)}); "
                "choose with --sync, or run all with --all"
            )
        return running[0]


def load(path: Path, environ: Mapping[str, str] = os.environ) -> Configuration:
    """The configuration in a YAML file, with `${NAME}` replaced by environment variables (`$$` is a dollar sign).

    Raises:
        UsageProblem: the file cannot be read.
        ConfigurationProblem: what is in it is wrong, field by field.
    """
    data = as_written(path)
    try:
        return parse(data, environ, str(path)).model_copy(update={"file": path})
    except ConfigurationProblem as err:
        raise ConfigurationProblem(placed(path, err.problems)) from err


def as_written(path: Path) -> Any:
    """What stands in a YAML file, with its variables not put in.

    Raises:
        UsageProblem: the file cannot be read.
        ConfigurationProblem: it is not YAML.
    """
    try:
        with path.open(encoding="utf-8") as file:
            text = file.read(_MAX_CHARS)
    except UnicodeDecodeError as err:
        raise UsageProblem(f"Cannot read the configuration {str(path)!r}: byte {err.start} is not utf-8") from None
    except OSError as err:
        raise UsageProblem(f"Cannot read the configuration {str(path)!r}: {err.strerror}") from err
    try:
        return parse_yaml(text)
    except UnreadableYaml as err:
        raise ConfigurationProblem((FieldProblem(str(path), str(err)),)) from err


def parse(data: Any, environ: Mapping[str, str], where: str = "(file)") -> Configuration:
    """A configuration from plain data, found at `where`; errors as for `load`."""
    REDACTOR.learn(data)
    if not isinstance(data, dict):
        raise ConfigurationProblem((FieldProblem(where, "must be a mapping with `sources` and `pushers`"),))
    problems: list[FieldProblem] = []
    ours = {name: value for name, value in data.items() if name not in _AGENT_ONLY}
    known = _expanded(ours, environ, (), problems)
    REDACTOR.learn(known)
    problems += [
        FieldProblem(str(name), f"is not a section; {_meant(str(name), _SECTIONS)}")
        for name in known
        if name not in _SECTIONS
    ]
    if problems:
        raise ConfigurationProblem(tuple(problems))
    notes = tuple(f"`{name}` is left alone: {why}" for name, why in _AGENT_ONLY.items() if name in data)
    return validated(Configuration, {name: value or {} for name, value in known.items()} | {"notes": notes})


def expand(value: Any, environ: Mapping[str, str], path: tuple[str, ...] = ()) -> Any:
    """Plain data with `${NAME}` replaced in every text; never parsed again, so a secret may hold anything.

    Raises:
        ConfigurationProblem: a variable is not set.
    """
    problems: list[FieldProblem] = []
    expanded = _expanded(value, environ, path, problems)
    if problems:
        raise ConfigurationProblem(tuple(problems))
    return expanded


def variables_in(value: Any) -> frozenset[str]:
    """The environment variables that plain data names, as `${NAME}`."""
    if isinstance(value, Mapping):
        return frozenset().union(*map(variables_in, value.values()))
    if isinstance(value, list):
        return frozenset().union(*map(variables_in, value))
    return frozenset(filter(None, VARIABLE.findall(value))) if isinstance(value, str) else frozenset()


def field_problems(
    err: ValidationError, prefix: tuple[str, ...] = (), model: type[BaseModel] | None = None
) -> tuple[FieldProblem, ...]:
    """The mistakes that pydantic found, field by field, without what was typed, since that may be a secret.

    A field that `model` does not have is named beside the one that was meant.
    """
    found = []
    for detail in err.errors(include_url=False, include_input=False, include_context=False):
        path = ".".join((*prefix, *map(str, detail["loc"]))) or "(all)"
        is_unknown = detail["type"] == "extra_forbidden"
        found.append(FieldProblem(path, _unknown_field(model, detail["loc"]) if is_unknown else detail["msg"]))
    return tuple(found)


def validated(model: type[_Model], data: Mapping[str, Any]) -> _Model:
    """What a model makes of plain data.

    Raises:
        ConfigurationProblem: field by field.
    """
    try:
        return model.model_validate(data)
    except ValidationError as err:
        raise ConfigurationProblem(field_problems(err, model=model)) from err


def _meant(name: str, known: Sequence[str]) -> str:
    """Which of the known names a wrong one may stand for, or all of them."""
    near = difflib.get_close_matches(name, known, n=1)
    return f"did you mean {near[0]!r}?" if near else f"there are {', '.join(known)}"


def _unknown_field(model: type[BaseModel] | None, location: Sequence[int | str]) -> str:
    """What is wrong with a field that the model, or a model in it, does not have."""
    known = _names_at(model, location[:-1])
    return f"is not a field; {_meant(str(location[-1]), known)}" if known else "is not a field"


def _names_at(model: Any, location: Sequence[int | str]) -> tuple[str, ...]:
    place = model
    for part in location:
        place = _below(place, str(part))
    return tuple(field.alias or name for name, field in _model_fields(place).items())


def _below(place: Any, part: str) -> Any:
    """What stands below a part of a location: of a mapping its values, of a union the member that was tried."""
    if get_origin(place) in (dict, Mapping):
        return get_args(place)[1]
    if part in _model_fields(place):
        return _model_fields(place)[part].annotation
    return next((one for one in get_args(place) if getattr(one, "__name__", "") == part), None)


def _model_fields(place: Any) -> Mapping[str, Any]:
    return place.model_fields if isinstance(place, type) and issubclass(place, BaseModel) else {}


def _expanded(value: Any, environ: Mapping[str, str], path: tuple[str, ...], problems: list[FieldProblem]) -> Any:
    if isinstance(value, dict):
        return {name: _expanded(item, environ, (*path, str(name)), problems) for name, item in value.items()}
    if isinstance(value, list):
        return [_expanded(item, environ, (*path, str(at)), problems) for at, item in enumerate(value)]
    if not isinstance(value, str):
        return value
    missing = [name for name in VARIABLE.findall(value) if name and name not in environ]
    problems += [FieldProblem(".".join(path), f"needs the environment variable {name!r}") for name in missing]
    return VARIABLE.sub(lambda match: environ.get(match[1], "") if match[1] else "$", value)


def _one(kind: str, entries: Mapping[str, _Entry], id: str | None) -> tuple[str, _Entry]:
    id = _only(kind, entries) if id is None else id
    entry = _present(kind, entries, id)
    if entry.disabled:
        raise UsageProblem(f"The {kind} {id!r} is disabled; set `disabled: false` in {kind}s.{id}")
    return id, entry


def _only(kind: str, entries: Mapping[str, _Entry]) -> str:
    running = [name for name, entry in entries.items() if not entry.disabled] or list(entries)
    if not running:
        raise UsageProblem(
            f"The configuration has no {kind}; add one under `{kind}s`, or write a file by `fustor-driver init`"
        )
    if len(running) > 1:
        raise UsageProblem(
            f"The configuration has {len(running)} {kind}s: {', '.join(map(repr, running))}; choose with --{kind}"
        )
    return running[0]


def _present(kind: str, entries: Mapping[str, _Item], id: str) -> _Item:
    if id not in entries:
        raise UsageProblem(f"The configuration has no {kind} {id!r}; it has {_names(entries)}")
    return entries[id]


def _names(entries: Mapping[str, Any]) -> str:
    return ", ".join(map(repr, sorted(entries))) or "none"
