"""Times a released file-system driver in process: `python peers.py 0.2.16|0.8.17 PATH`, one "name seconds" a line."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterable
from typing import Any


def taken(read: Callable[[], Iterable[Any]]) -> float:
    """Median of three readings, in seconds."""
    times = []
    for _ in range(3):
        began = time.perf_counter()
        for _item in read():
            pass
        times.append(time.perf_counter() - began)
    return sorted(times)[1]


def main() -> None:
    """Print what each phase takes."""
    version, path = sys.argv[1:]
    from fustor_core.models import config  # noqa: PLC0415 - another release than this repository's
    from fustor_source_fs import FSDriver  # type: ignore[attr-defined]  # noqa: PLC0415 - the same

    extra: dict[str, Any] = {"credential": config.PasswdCredential(user="u")} if version == "0.2.16" else {}
    driver = FSDriver("peer", config.SourceConfig(driver="fs", uri=path, disabled=False, **extra))
    print("snapshot", taken(driver.get_snapshot_iterator))
    if version != "0.2.16":
        cache: dict[str, float] = {}

        def audit() -> Iterable[Any]:
            for item in driver.get_audit_iterator(mtime_cache=cache):
                cache.update(item[1])
                yield item

        print("audit", taken(audit))


if __name__ == "__main__":
    main()
