"""Which source goes to which pusher: what the command line, a file, or a demonstration says."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any

import typer

from fustor_core.models.config import PusherConfig, SourceConfig
from fustor_driver.choices import DEFAULT_FILE, overlaid
from fustor_driver.commands._demo import set_up
from fustor_driver.commands._options import ConfigOption, EndpointOption, SetOption, UriOption, driver
from fustor_driver.completion import pusher_names, source_names
from fustor_driver.configuration import Configuration, Pair, load
from fustor_driver.errors import UsageProblem
from fustor_driver.kinds import Kind
from fustor_driver.registry import Registry
from fustor_driver.reporting import say
from fustor_driver.worlds import find_world, has_world

__all__ = ["RECORDER", "Asked", "demo_pair", "pairs", "with_a_pusher"]

_SEVERAL = 2
_EVENTS, _RECORDING = "events", "events.jsonl"
RECORDER = "(recording)"
"""The driver of a demo's pusher where none is installed."""
_FILES = "fs"  # its endpoint is a directory, so that what a demo emitted can be read afterwards


@dataclass(frozen=True)
class Asked:
    """A group of options: what the command line says about the two drivers."""

    config: ConfigOption = None
    source: Annotated[str | None, typer.Option(metavar="ID", help="Run this source of the file.")] = None
    pusher: Annotated[str | None, typer.Option(metavar="ID", help="Run this pusher of the file.")] = None
    syncs: Annotated[
        list[str] | None,
        typer.Option("--sync", metavar="ID", help="Run this sync of the file, a source with a pusher. Repeatable."),
    ] = None
    all_syncs: Annotated[bool, typer.Option("--all", help="Run every enabled sync of the file, each on its own.")] = (
        False
    )
    source_driver: Annotated[str | None, driver("Run this source driver, instead of a file.", source_names)] = None
    uri: UriOption = None
    pusher_driver: Annotated[
        str | None, driver("Run this pusher driver, instead of a file or for a demo.", pusher_names)
    ] = None
    endpoint: EndpointOption = None
    settings: SetOption = None

    def __post_init__(self) -> None:
        """Check that every setting is for one of the two.

        Raises:
            UsageProblem: a setting is for neither.
        """
        if not all(setting.partition(".")[0] in tuple(Kind) for setting in self.settings or ()):
            raise UsageProblem("--set of run begins with 'source.' or 'pusher.', as in --set source.max_retries=3")

    @property
    def names_one(self) -> bool:
        """Whether it chooses a source, a pusher or an address, of which several runs cannot have the same."""
        return any((self.source, self.pusher, self.uri, self.endpoint))

    def settings_of(self, kind: Kind) -> list[str]:
        """The settings of one side."""
        prefix = f"{kind}."
        return [setting.removeprefix(prefix) for setting in self.settings or () if setting.startswith(prefix)]


def pairs(asked: Asked) -> list[Pair]:
    """What is to be run: one pair, or the syncs of a file that were asked for.

    Raises:
        UsageProblem: it is not clear what to run.
        ConfigurationProblem: the file is wrong.
    """
    if asked.source_driver is not None and asked.pusher_driver is not None:
        source, pusher = asked.source_driver, asked.pusher_driver
        return [_pair_of(asked, (source, {"driver": source}), (pusher, {"driver": pusher}))]
    file = asked.config or DEFAULT_FILE
    if asked.source_driver is not None or asked.pusher_driver is not None:
        return [_half_of(asked, file)]
    if asked.config is None and not file.is_file():
        raise UsageProblem(f"There is no {str(file)!r} here; give --config, or --source-driver and --pusher-driver")
    configuration = _loaded(file)
    names = configuration.enabled_syncs() if asked.all_syncs else list(dict.fromkeys(asked.syncs or ()))
    if len(names) < _SEVERAL:
        sync = names[0] if names else None
        return [_changed(asked, configuration.pair(source=asked.source, pusher=asked.pusher, sync=sync))]
    if asked.names_one:
        raise UsageProblem("--source, --pusher, --uri and --endpoint choose one run; leave them out where several run")
    found = [_changed(asked, configuration.pair(sync=name)) for name in names]
    tasks = [pair.task_id for pair in found]
    if twice := sorted({task for task in tasks if tasks.count(task) > 1}):
        raise UsageProblem(f"Two syncs have the same source and pusher, {twice[0]!r}; run one of them")
    return found


def with_a_pusher(asked: Asked) -> Asked:
    """The same with a recorder for a pusher, where neither the command line nor a file names one."""
    if asked.pusher_driver is not None or asked.pusher is not None or asked.all_syncs or asked.syncs:
        return asked
    file = asked.config or DEFAULT_FILE
    has_file = file.is_file()
    is_alone = not has_file if asked.source_driver is not None else has_file and not load(file).pushers
    return replace(asked, pusher_driver=RECORDER, endpoint=asked.endpoint or RECORDER) if is_alone else asked


def _loaded(file: Path) -> Configuration:
    configuration = load(file)
    for note in configuration.notes:
        say(note)
    return configuration


def _half_of(asked: Asked, file: Path) -> Pair:
    """One side from the command line, the other one from a file."""
    given, kind = ("--source-driver", Kind.PUSHER) if asked.source_driver else ("--pusher-driver", Kind.SOURCE)
    if not file.is_file():
        raise UsageProblem(
            f"{given} needs the other side too: a {str(file)!r} with a {kind}, or "
            f"--{kind}-driver with --{kind.address_key}"
        )
    id, entry = _loaded(file).one(kind, asked.source if kind is Kind.SOURCE else asked.pusher)
    of_file = (id, entry.model_dump(exclude_unset=True))
    name = asked.source_driver or asked.pusher_driver or ""
    of_line = (name, {"driver": name})
    source, pusher = (of_file, of_line) if kind is Kind.SOURCE else (of_line, of_file)
    return _pair_of(asked, source, pusher).model_copy(update={"file": file})


def _changed(asked: Asked, pair: Pair) -> Pair:
    """A pair of the file with the command line's values put over it."""
    changed = _pair_of(
        asked,
        (pair.source_id, pair.source.model_dump(exclude_unset=True)),
        (pair.pusher_id, pair.pusher.model_dump(exclude_unset=True)),
    )
    kept = {"audit_interval_sec": pair.audit_interval_sec, "reader_id": pair.reader_id, "file": pair.file}
    return changed.model_copy(update=kept)


def _pair_of(asked: Asked, source: tuple[str, dict[str, Any]], pusher: tuple[str, dict[str, Any]]) -> Pair:
    """A pair from two entries with the command line's values put over them."""
    return Pair(
        source_id=source[0],
        source=overlaid(SourceConfig, source[1], asked.uri, asked.settings_of(Kind.SOURCE)),
        pusher_id=pusher[0],
        pusher=overlaid(PusherConfig, pusher[1], asked.endpoint, asked.settings_of(Kind.PUSHER)),
        task_id=f"{source[0]}:{pusher[0]}",
        reader_id=source[0],
    )


def demo_pair(name: str, asked: Asked, worlds: ExitStack, place: Path) -> Pair:
    """A source on the changing world of its package, and a pusher that there is a place for."""
    source = set_up(worlds, find_world(Kind.SOURCE, name).demo())
    pusher_name = asked.pusher_driver or _demo_pusher(name)
    if pusher_name == RECORDER:
        entry = {"driver": RECORDER, "endpoint": str(place / _RECORDING)}
    elif pusher_name == _FILES and asked.endpoint is None:
        entry = {"endpoint": str(place / _EVENTS)}
    elif asked.endpoint is not None and not has_world(Kind.PUSHER, pusher_name):
        entry = {"driver": pusher_name}
    else:
        entry = set_up(worlds, find_world(Kind.PUSHER, pusher_name)()).config()
    return _pair_of(asked, (name, {"driver": name} | source), (pusher_name, {"driver": pusher_name} | entry))


def _demo_pusher(name: str) -> str:
    """Files where that pusher is installed, else the pusher of the source's name, else a recording."""
    installed = {record.name for record in Registry.installed().of(Kind.PUSHER) if record.driver}
    same = name.replace("-", "_")
    if _FILES in installed:
        return _FILES
    return same if same in installed and has_world(Kind.PUSHER, same) else RECORDER
