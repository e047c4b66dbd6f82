"""Loads rows with dlt, in an environment of its own: `python pusher_postgres_peers.py FILE DSN`, prints the seconds.

FILE holds a record as JSON a line. A load is one run of a pipeline that merges everything by key; a first, tiny run
makes the tables.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
import time
from pathlib import Path

os.environ["RUNTIME__DLTHUB_TELEMETRY"] = "false"


def main() -> None:
    """Print what a merge into an empty table takes, and a second one over it."""
    import dlt  # type: ignore[import-not-found]  # noqa: PLC0415 - of another environment

    file, dsn = sys.argv[1:]
    records = [json.loads(line) for line in Path(file).read_text().splitlines()]
    columns = {"doc": {"data_type": "json"}, "note": {"data_type": "text"}}
    with tempfile.TemporaryDirectory() as directory:
        destination = dlt.destinations.postgres(dsn)
        pipeline = dlt.pipeline("bench", directory, destination=destination, dataset_name="dlt_bench", progress=None)

        def load(some: list[dict[str, object]], disposition: str) -> float:
            began = time.perf_counter()
            options = {"table_name": "mixed", "primary_key": "id", "columns": columns, "loader_file_format": "csv"}
            pipeline.run(some, write_disposition=disposition, **options).raise_on_failed_jobs()
            return time.perf_counter() - began

        load(records[:1], "replace")
        print(load(records, "merge"), load(records, "merge"))


if __name__ == "__main__":
    main()
