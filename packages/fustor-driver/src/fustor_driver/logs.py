"""Log lines on stderr: for people, or one JSON object a line for what collects them; no secret in either.

Where several runs go on in one process, each line names the run that it is of.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from enum import StrEnum
from typing import Any, TypeVar

from fustor_driver.redaction import clean, clean_data

__all__ = ["LogFormat", "SafeFormatter", "named", "of_task", "set_up_log"]

_T = TypeVar("_T")
_TASK: ContextVar[str] = ContextVar("_TASK", default="")
"""The task that the present thread or coroutine works for; empty where there is only one."""
_LEVELS = (logging.ERROR, logging.WARNING, logging.INFO, logging.DEBUG)
_LINE = "%(asctime)s %(levelname)s %(name)s: %(message)s"
_TIME = "%Y-%m-%dT%H:%M:%S%z"


class LogFormat(StrEnum):
    """How log lines look."""

    TEXT = "text"
    JSON = "json"


class SafeFormatter(logging.Formatter):
    """Formats log records, tracebacks included, so that they may be printed."""

    def format(self, record: logging.LogRecord) -> str:
        """The line, or lines, of a record."""
        return clean(super().format(record))

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - the name of the base class
        """The message, with the task that it is of where several are run."""
        if task := _TASK.get():
            record.message = f"[{task}] {record.message}"
        return super().formatMessage(record)


def set_up_log(verbosity: int, log_format: LogFormat) -> None:
    """Log to stderr: errors (0 or less), warnings too (1), what happens (2), everything (3 or more)."""
    level = _LEVELS[max(0, min(verbosity, len(_LEVELS) - 1))]
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(SafeFormatter(_LINE, _TIME) if log_format is LogFormat.TEXT else _json_formatter())
    handler.setLevel(level)
    logging.basicConfig(level=min(level, logging.WARNING), handlers=[handler])  # the host counts what drivers warn of


def _json_formatter() -> logging.Formatter:
    """`time` in UTC, `level`, `logger`, `message`, `task` where several run; then what the record has besides."""
    from pythonjsonlogger.json import JsonFormatter  # noqa: PLC0415 - most commands do without

    class SafeJsonFormatter(JsonFormatter):
        def process_log_record(self, log_data: dict[str, Any]) -> dict[str, Any]:
            """The fields in order, each made safe before they become JSON."""
            first = {name: log_data.pop(name) for name in ("time", "level", "logger", "message")}
            task = {"task": _TASK.get()} if _TASK.get() else {}
            cleaned: dict[str, Any] = clean_data({**first, **task, **log_data})
            return cleaned

    names = {"levelname": "level", "name": "logger"}
    return SafeJsonFormatter("%(levelname)s %(name)s %(message)s", rename_fields=names, timestamp="time")


@contextmanager
def of_task(task_id: str) -> Iterator[None]:
    """Every log line within names the task; empty for none."""
    before = _TASK.set(task_id)
    try:
        yield
    finally:
        _TASK.reset(before)


def named(task_id: str, work: Callable[[], Coroutine[Any, Any, _T]]) -> Callable[[], Coroutine[Any, Any, _T]]:
    """`work`, of which every log line names the task, in the threads that it starts too."""

    async def named_work() -> _T:
        _TASK.set(task_id)
        return await work()

    return named_work
