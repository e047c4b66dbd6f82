"""What hosts ask before they run the driver. Every negative answer says what to do."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from fustor_core.exceptions import ConfigError
from fustor_source_fs._entry import is_vacant
from fustor_source_fs._inotify import watch_limit
from fustor_source_fs._listing import kinds
from fustor_source_fs._root import file_system_of
from fustor_source_fs._scope import Scope
from fustor_source_fs._walk import Directory, Step, Walk
from fustor_source_fs.config import FsParams, parse_params, parse_uri

__all__ = ["answer", "connection", "privileges", "runtime_params", "wizard_steps"]

_REMOTE = frozenset(
    {"9p", "afs", "beegfs", "ceph", "cifs", "gfs2", "glusterfs", "lustre", "nfs", "nfs4", "smb3", "smbfs"}
)
_LAYERED = frozenset({"overlay", "aufs"})
_QUEUE = Path("/proc/sys/fs/inotify/max_queued_events")
_QUEUE_WANTED = 16384
_SHOWN = 5


def wizard_steps() -> dict[str, Any]:
    """The questions of a configuration wizard."""
    fields = FsParams.model_json_schema()["properties"]
    schema = {
        "type": "object",
        "properties": {
            "uri": {"type": "string", "title": "Root of the tree", "description": "file:///data or /data"},
            "driver_params": {"type": "object", "properties": {name: fields[name] for name in ("include", "exclude")}},
        },
        "required": ["uri"],
    }
    step = {
        "step_id": "tree",
        "title": "Directory tree",
        "schema": schema,
        "validations": ["test_connection", "check_privileges", "check_runtime_params"],
    }
    return {"steps": [step]}


def answer(kwargs: Mapping[str, Any], check: Callable[[Scope], tuple[bool, str]]) -> tuple[bool, str]:
    """What a check finds of the tree that a host asks about with these keywords."""
    try:
        uri, params = str(kwargs.get("uri") or ""), kwargs.get("driver_params")
        return check(Scope.of(parse_uri(uri), parse_params(params)))
    except ConfigError as error:
        return False, str(error)
    except OSError as error:
        return False, f"The root cannot be listed: {error}; check the path, its mount and its permissions"


def connection(scope: Scope) -> tuple[bool, str]:
    """Whether the root can be listed."""
    fd = scope.root.open()
    try:
        is_empty = is_vacant(scope, fd) and not scope.allow_empty_root
    finally:
        os.close(fd)
    if is_empty:
        return True, (
            f"{str(scope.root)!r} can be listed and is empty: mount what belongs there, "
            "or set `allow_empty_root: true`; nothing is deleted downstream until then"
        )
    return True, f"{str(scope.root)!r} can be listed"


def privileges(scope: Scope) -> tuple[bool, str]:
    """Whether every directory can be read and searched, and how many cannot."""
    total, refused = _count(scope)
    if not refused:
        return True, f"All {total} directories can be read and searched"
    shown = ", ".join(map(repr, refused[:_SHOWN])) + (", ..." if len(refused) > _SHOWN else "")
    return False, (
        f"{len(refused)} of {total} directories cannot be read and searched: {shown}; "
        "for each run: setfacl -m u:USER:rx DIRECTORY, or exclude it"
    )


def runtime_params(scope: Scope) -> tuple[bool, str]:
    """Whether realtime will see every change of this tree on this system."""
    if sys.platform != "linux":
        return False, f"Not supported: realtime needs Linux, and this is {sys.platform!r}; snapshot and audit work"
    total, _ = _count(scope)
    faults = [*_limit_faults(total), *_kind_faults(file_system_of(scope.root.path or "/"))]
    if faults:
        return False, "; ".join(faults)
    return True, f"{total} directories, {watch_limit()} watches allowed: realtime sees every change"


def _limit_faults(total: int) -> list[str]:
    faults = []
    limit = watch_limit()
    if limit is not None and limit < total:
        wanted = 1 << (2 * total).bit_length()
        faults.append(
            f"{total} directories need as many watches and {limit} are allowed; "
            f"run: sysctl fs.inotify.max_user_watches={wanted}"
        )
    queue = int(_QUEUE.read_text("ascii")) if _QUEUE.exists() else _QUEUE_WANTED
    if queue < _QUEUE_WANTED:
        faults.append(
            f"The kernel queues only {queue} events; run: sysctl fs.inotify.max_queued_events={_QUEUE_WANTED}"
        )
    return faults


def _kind_faults(kind: str) -> list[str]:
    if kind in _REMOTE or kind.startswith("fuse"):
        where, cure = "on other machines", "run audits, or run the driver on the machine that changes it"
    elif kind in _LAYERED:
        where, cure = "in its lower layers", "point the source at the layer that changes"
    else:
        return []
    return [f"The tree lies on {kind!r}: changes made {where} are seen by audits only; {cure}"]


def _count(scope: Scope) -> tuple[int, list[str]]:
    """How many directories there are, and which of them cannot be read or searched."""
    fd = scope.root.open()
    start: Directory[None] = Directory(None, "", "/", fd, os.fstat(fd))
    total, refused = 0, []
    for step, directory in Walk(scope, start):
        if step is Step.DENIED:
            total += 1
            refused.append(directory.path)
        elif step is Step.ENTER:
            total += 1
            if not _can_be_searched(scope, directory):
                refused.append(directory.path)
    return total, refused


def _can_be_searched(scope: Scope, directory: Directory[None]) -> bool:
    """Whether the entries of an open directory can be looked at; those that are directories are visited next."""
    fd = directory.opened()
    try:
        for name, is_directory in kinds(scope, fd, directory.prefix):
            if is_directory:
                directory.add(name)
    except OSError:
        return False
    return os.access(".", os.X_OK, dir_fd=fd, effective_ids=os.access in os.supports_effective_ids)
