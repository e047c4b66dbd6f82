"""Answers to what hosts ask before they run the driver; nothing is created that stays."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from fustor_pusher_fs._directory import sync_data
from fustor_pusher_fs._errors import ConfigError
from fustor_pusher_fs.config import parse_endpoint, parse_params

_PROBE = b"fustor-pusher-fs\n"

WIZARD_STEPS: dict[str, Any] = {
    "steps": [
        {
            "step_id": "destination",
            "title": "Where the events go",
            "schema": {
                "type": "object",
                "properties": {
                    "endpoint": {
                        "type": "string",
                        "title": "Directory",
                        "description": "Path of a directory of this machine; it is created if it is missing",
                    }
                },
                "required": ["endpoint"],
            },
            "validations": ["test_connection", "check_privileges"],
        }
    ]
}


def connection(endpoint: str | None, driver_params: Mapping[str, Any] | None) -> tuple[bool, str]:
    """Whether the endpoint is a directory, or one can be created there."""
    try:
        path = _destination(endpoint, driver_params)
        existing = _nearest_existing(path)
    except (ConfigError, OSError) as error:
        return False, str(error)
    if not existing.is_dir():
        return False, f"Path {str(existing)!r} is not a directory; remove it or choose another endpoint"
    if existing == path:
        return True, f"Directory {str(path)!r} exists"
    return True, f"Directory {str(path)!r} will be created in {str(existing)!r}"


def privileges(endpoint: str | None, driver_params: Mapping[str, Any] | None) -> tuple[bool, str]:
    """Whether a file can be written durably there; tried with a temporary one that has no name."""
    passed, text = connection(endpoint, driver_params)
    if not passed:
        return False, text
    existing = Path()
    try:
        existing = _nearest_existing(_destination(endpoint, driver_params))
        with tempfile.TemporaryFile(dir=existing) as probe:
            os.write(probe.fileno(), _PROBE)
            sync_data(probe.fileno())
    except (ConfigError, OSError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        return False, f"Cannot write in {str(existing)!r}: {reason}; give this user the right to, or choose another"
    space = os.statvfs(existing)
    return True, f"Can write in {str(existing)!r}; {space.f_bavail * space.f_frsize // 1_000_000} MB are free"


def _destination(endpoint: str | None, driver_params: Mapping[str, Any] | None) -> Path:
    if endpoint is None:
        raise ConfigError("There is no `endpoint`; name a directory")
    parse_params(driver_params)
    path = parse_endpoint(endpoint)
    if path.is_symlink():
        raise ConfigError(f"Directory {str(path)!r} is a symbolic link; name what it points to instead")
    return path


def _nearest_existing(path: Path) -> Path:
    return next(parent for parent in (path, *path.parents) if os.path.lexists(parent))
