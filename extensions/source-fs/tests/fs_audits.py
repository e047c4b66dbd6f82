"""Audits in the dialect of agent 0.8: what was listed anew, and what was not looked at."""

import threading
import time
from pathlib import Path
from typing import Any

from fustor_conformance.monitor.opening import without_opening
from fustor_source_fs import FsDriver

ALL = {"/", "/a", "/a/b", "/a/b/c", "/d"}
"""The directories of the tree that these audits read."""


def pairs(driver: FsDriver, cache: dict[str, float], **kwargs: Any) -> dict[str, dict[str, Any]]:
    """The rows of one audit in the dialect of agent 0.8, whose host updates its cache as it goes."""
    rows = {}
    for event, mtimes in without_opening(driver.get_audit_iterator(mtime_cache=cache, **kwargs)):
        assert event.signal is None
        assert event.rows
        for row in event.rows:
            assert row["path"] not in rows
            rows[row["path"]] = row
        assert set(mtimes) <= {row["path"] for row in event.rows}
        cache.update(mtimes)
    return rows


def listed(rows: dict[str, dict[str, Any]]) -> set[str]:
    """The containers that were listed anew."""
    return {path for path, row in rows.items() if row["is_directory"] and not row.get("audit_skipped")}


def skipped(rows: dict[str, dict[str, Any]]) -> set[str]:
    """The containers of which nothing was claimed but that they are there."""
    return {path for path, row in rows.items() if row.get("audit_skipped")}


def age(*paths: Path) -> None:
    """Wait until directories are older than the clock's granularity of these tests."""
    while any(time.time() - path.stat().st_ctime < 0.03 for path in paths):
        threading.Event().wait(0.01)
