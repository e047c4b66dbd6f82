"""Parameters of the `fs` driver that the agents bring, as they stand in configurations that were written for it."""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping
from typing import Any

from fustor_core.exceptions import ConfigError

__all__ = ["understood"]

_log = logging.getLogger(__name__)

_WITHOUT_EFFECT = (
    "aged_interval",
    "max_scan_workers",
    "max_sync_delay_seconds",
    "min_monitoring_window_days",
    "throttle_interval_sec",
)
"""What tunes threads, waiting and the choice of watched directories: nothing that changes what is emitted.

Source: fustor-source-fs 0.2.16 and 0.8.17.
"""
_ALL = "*"
_SAME_IN_GITIGNORE = re.compile(r"(?![!#\s])(?!.*\*\*)[^/\\]*[^/\\\s]")
"""Patterns that say of a file's name the same to fnmatch and to gitignore."""


def understood(params: Mapping[str, Any]) -> dict[str, Any]:
    """The parameters without those of the agents' driver; what one of them means stands there in words of this one.

    Raises:
        ConfigError: one means something that this driver does not do, or does otherwise; the text says what to write.
    """
    own = dict(params)
    idle = [name for name in _WITHOUT_EFFECT if own.pop(name, None) is not None]
    if idle:
        _log.warning("driver_params %s have no effect here: every directory is watched; remove them", ", ".join(idle))
    mode = own.pop("startup_mode", None)
    if mode == "message-only":
        raise ConfigError(
            f"driver_params startup_mode: {mode!r} is not supported: every start has a snapshot; remove it"
        )
    pattern = own.pop("file_pattern", _ALL)
    if pattern != _ALL:
        own["include"] = _included(pattern, own.get("include"))
    return own


def _included(pattern: Any, include: Any) -> list[str]:
    if include:
        raise ConfigError(f"driver_params has file_pattern: {pattern!r} and include; remove file_pattern")
    if not isinstance(pattern, str) or not _SAME_IN_GITIGNORE.fullmatch(pattern):
        raise ConfigError(
            f"driver_params file_pattern: {pattern!r} is not understood; "
            "write include, a list of patterns in gitignore syntax"
        )
    return [pattern]
