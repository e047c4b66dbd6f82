"""Speed of source-postgres against the server's own tools and its peers: ratios of medians of interleaved rounds.

Run as `uv run python benchmarks/postgres.py [--rounds N] [--rows N] [--json FILE] [CASE ...]`.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from postgres_bench import SETTINGS, Bench
from postgres_liveness import after_kills, idle_slot
from postgres_peers import peer_snapshots, peer_streams
from postgres_speed import (
    latency,
    snapshot_mixed,
    snapshot_narrow,
    snapshot_rows,
    stream_decoded,
    stream_large,
    stream_large_streamed,
    stream_tpcb,
)

from fustor_testing_postgres import Server

CASES = {
    case.__name__: case
    for case in (
        snapshot_mixed,
        snapshot_rows,
        snapshot_narrow,
        stream_tpcb,
        stream_decoded,
        stream_large,
        stream_large_streamed,
        latency,
        idle_slot,
        after_kills,
        peer_snapshots,
        peer_streams,
    )
}


def main() -> None:
    """Measure, print a table, write JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("cases", nargs="*", metavar="CASE", help=f"of {', '.join(CASES)}; all by default")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--json", type=Path)
    asked = parser.parse_args()
    server = Server.started(**SETTINGS)
    try:
        bench = Bench(server, asked.rows, asked.rounds)
        for name in asked.cases or CASES:
            CASES[name](bench)
            sys.stderr.write(f"{name} done\n")
    finally:
        server.remove()
    for name, reason in bench.left_out.items():
        print(f"{name:52} left out: {reason}")
    for case, figures in bench.results.items():
        print(f"{case:52} " + "  ".join(f"{name} {value:.3g}" for name, value in figures.items()))
    if asked.json:
        asked.json.write_text(json.dumps(bench.results, indent=2) + "\n")


if __name__ == "__main__":
    main()
