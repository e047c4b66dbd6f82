"""Run as a script beside a released core: construct a source as an agent does and read one event of its snapshot.

The job comes as JSON on standard input: `value` (the entry point), `config` (keywords), `core` (the version expected).
"""

import json
import sys
from importlib.metadata import version
from pkgutil import resolve_name
from typing import Any


def main() -> None:
    """Print the event as JSON."""
    job: dict[str, Any] = json.load(sys.stdin)
    if version("fustor-core") != job["core"]:
        raise SystemExit(f"fustor-core is {version('fustor-core')}, not {job['core']}")
    from fustor_core.models.config import SourceConfig  # noqa: PLC0415 - the released one, after the check above

    driver = resolve_name(job["value"])("kit", SourceConfig(**job["config"]))
    print(next(driver.get_snapshot_iterator(batch_size=1)).model_dump_json())  # noqa: T201 - the answer of this script


if __name__ == "__main__":
    main()
