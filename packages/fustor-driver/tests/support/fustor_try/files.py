"""What a package adds to the command: a reader of its own files, and a subcommand."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import typer

from fustor_core.exceptions import ConfigError
from fustor_core.models.config import SourceConfig
from fustor_driver.event_files import parse_event
from fustor_event_model import EventBase


@dataclass(frozen=True)
class Read:
    session_id: str
    is_snapshot_end: bool
    events: list[EventBase]


def read(path: Path) -> Iterator[Read]:
    for file in sorted(path.glob("*.jsonl")) if path.is_dir() else [path]:
        header, *lines = file.read_text().splitlines()
        assert "fustor_try" in json.loads(header)
        yield Read("s", False, [parse_event(json.loads(line)) for line in lines])


def try_it(name: str) -> None:
    """Say a name."""
    typer.echo(f"tried {name}")


def count(config: SourceConfig, times: int = 1, *, loud: bool = False) -> None:
    """Count the lines of a log."""
    if config.max_retries == 13:
        raise ConfigError("Nobody retries 13 times")
    lines = len(Path(config.uri).read_text().splitlines())
    typer.echo(f"{lines * times} lines{'!' if loud else ''}")
