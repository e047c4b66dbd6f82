"""What was listed in directories without a watch and is not there any more, which no comparison shows."""

from __future__ import annotations

import os
from itertools import accumulate

from fustor_source_fs._listed import Names
from fustor_source_fs._live import Live, Work
from fustor_source_fs._names import name_of
from fustor_source_fs._root import VANISHED, open_chain
from fustor_source_fs._rows import DELETE, gone_now, row

__all__ = ["report_ghosts"]


def report_ghosts(live: Live, listed: dict[str, Names], young: float) -> Work:
    """Report as deleted what was listed and is gone, deepest first.

    What may still go unseen is looked at again the next time: what has a ctime from `young` on, which the comparison
    before this may not have found, and everything while there are events of the kernel to be handled.
    """
    if not listed:
        return
    ghosts: dict[str, bool] = {}
    is_behind = live.watcher.queued_bytes > 0
    closed = live.scope.closed()
    for path, names in listed.items():
        live.stop.check()
        parts = [name_of(part) for part in path.split("/") if part]
        is_closed = any(raw in closed for raw in accumulate(f"/{part}" for part in parts))
        found = None if is_closed else _ctimes(live, parts, names)
        if found is None:
            live.listed.keep(path, names)
            continue
        prefix = path if path == "/" else f"{path}/"
        ghosts |= {prefix + name: names[name] for name, ctime in found.items() if ctime is None}
        doubtful = {name: names[name] for name, ctime in found.items() if ctime and (is_behind or ctime >= young)}
        if doubtful:
            live.listed.keep(path, doubtful)
    for path in sorted(ghosts, reverse=True):
        yield from live.writer.put(DELETE, [row(path, gone_now(is_directory=ghosts[path]))])


def _ctimes(live: Live, parts: list[str], names: Names) -> dict[str, float | None] | None:
    """The ctime of each name in a directory, None of one that is gone; None if the directory cannot be looked into.

    Raises:
        RootLostError: the root is not the one that is watched.
    """
    try:
        fd = open_chain(live.open_root(), parts, within=live.scope.within)
    except VANISHED:
        return dict.fromkeys(names)
    except OSError:
        return None
    try:
        return {name: _ctime(fd, name) for name in names}
    except OSError:
        return None
    finally:
        os.close(fd)


def _ctime(fd: int, name: str) -> float | None:
    try:
        return os.stat(name_of(name), dir_fd=fd, follow_symlinks=False).st_ctime
    except VANISHED:
        return None
