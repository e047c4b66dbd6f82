"""Log lines on stderr: for people, or one JSON object a line for what collects them; no secret in either."""

from __future__ import annotations

import logging
import sys
from enum import StrEnum
from typing import Any

from fustor_driver.naming import TASK
from fustor_driver.redaction import SafeFormatter, clean_data

__all__ = ["LogFormat", "set_up_log"]

_LEVELS = (logging.ERROR, logging.WARNING, logging.INFO, logging.DEBUG)
_LINE = "%(asctime)s %(levelname)s %(name)s: %(message)s"
_TIME = "%Y-%m-%dT%H:%M:%S%z"


class LogFormat(StrEnum):
    """How log lines look."""

    TEXT = "text"
    JSON = "json"


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
            task = {"task": TASK.get()} if TASK.get() else {}
            cleaned: dict[str, Any] = clean_data({**first, **task, **log_data})
            return cleaned

    names = {"levelname": "level", "name": "logger"}
    return SafeJsonFormatter("%(levelname)s %(name)s %(message)s", rename_fields=names, timestamp="time")
