"""The file-system source beside its floors and peers: `python benchmarks/filesystem [--only NAME] [--json FILE]`."""

from __future__ import annotations

import argparse
import json
import platform
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import realtime
import scans
from measure import Figure
from trees import TREES

MEASURES: dict[str, Callable[[Path, int], list[Figure]]] = {
    "scans": scans.measure,
    "memory": scans.measure_memory,
    "first-event": scans.measure_first_event,
    "set-up": realtime.measure_set_up,
    "latency": realtime.measure_latency,
    "burst": realtime.measure_burst,
    "sustained": realtime.measure_sustained,
}


def main() -> None:
    """Print the table and, when asked, write it as JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", choices=MEASURES, action="append")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--directory", type=Path, help="where the trees are made; a temporary directory otherwise")
    options = parser.parse_args()
    figures: list[Figure] = []
    with tempfile.TemporaryDirectory(prefix="fustor-benchmark-", dir=options.directory) as base:
        for tree in TREES:
            print(f"making tree {tree.name}: {tree.directories} directories x {tree.files} files", file=sys.stderr)
            tree.make(Path(base))
        for name in options.only or MEASURES:
            for figure in MEASURES[name](Path(base), options.rounds):
                figures.append(figure)
                print(figure)
    if options.json:
        machine = {"system": platform.platform(), "python": platform.python_version()}
        options.json.write_text(json.dumps({"machine": machine, "figures": [vars(one) for one in figures]}, indent=2))


if __name__ == "__main__":
    main()
