"""What a pair becomes when it is run: its two drivers, and the options of the run."""

from __future__ import annotations

from contextlib import ExitStack
from typing import Any

from fustor_core.drivers import PusherDriver, SourceDriver
from fustor_driver.commands._demo import Shown
from fustor_driver.commands._drivers import constructed, pusher_class, source_class
from fustor_driver.commands._pairs import RECORDER
from fustor_driver.commands._strict import watched
from fustor_driver.configuration import Pair
from fustor_driver.hosts.options import HostOptions
from fustor_driver.hosts.recorder import RecordingPusher
from fustor_driver.hosts.runner import Job
from fustor_driver.params import explained

__all__ = ["job", "options_of"]


def job(pair: Pair, options: HostOptions, worlds: ExitStack, *, strict: bool, shown: bool) -> Job:
    """A run of the pair, each of its drivers watched if `strict`, until `worlds` end; `shown` says what is pushed."""
    reads, writes = _classes(pair)
    if strict:
        worlds.enter_context(watched(reads, writes))
    with explained(reads, pair.source_id, pair.source, pair.file):
        source = constructed(lambda: reads(pair.reader_id, pair.source))
    with explained(writes, pair.pusher_id, pair.pusher, pair.file):
        pusher = constructed(lambda: writes(pair.pusher_id, pair.pusher))
    return Job(source, Shown(pusher) if shown else pusher, options)


def _classes(pair: Pair) -> tuple[type[SourceDriver], type[PusherDriver]]:
    records = pair.pusher.driver == RECORDER
    return source_class(pair.source.driver), RecordingPusher if records else pusher_class(pair.pusher.driver)


def options_of(pair: Pair, task: str | None, audit_interval: float | None, more: dict[str, Any]) -> HostOptions:
    """The options of a run of the pair: what the command line says goes before the file."""
    interval = audit_interval if audit_interval is not None else pair.audit_interval_sec
    if interval is not None:
        more = more | {"audit_interval_sec": interval}
    return HostOptions(task_id=task or pair.task_id).model_copy(update=more)
