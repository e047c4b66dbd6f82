"""How long `fustor-new` takes, beside Python itself and beside plain copier, in one interleaved run.

Usage: uv run python benchmarks/cli.py [--rounds N] [--json FILE]
Times are medians of whole processes, in milliseconds; the targets are ratios against a floor of the same run.
"""

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
BIN = Path(sys.executable).parent
ENVIRONMENT = {**os.environ, "PYTHONDONTWRITEBYTECODE": ""}


def timed(command: list[str], cwd: Path, expected: int = 0) -> float:
    """Seconds that one run of `command` takes."""
    start = time.perf_counter()
    done = subprocess.run(command, cwd=cwd, env=ENVIRONMENT, capture_output=True, check=False)
    seconds = time.perf_counter() - start
    if done.returncode != expected:
        raise SystemExit(f"{' '.join(command)} ended with {done.returncode}: {done.stderr.decode()}")
    return seconds


def new(*arguments: str) -> list[str]:
    """The command line of `fustor-new` in this environment."""
    return [str(BIN / "fustor-new"), *arguments]


def fresh(folder: Path) -> Path:
    """An empty directory at `folder`."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    return folder


def cases(folder: Path) -> dict[str, Callable[[], float]]:
    """Every row of the table: a name and a function that does it once and tells the seconds."""
    make = ["source", "--standalone", "--contract-source", "index", "-y", "-q"]
    copier = [str(BIN / "copier"), "copy", "--defaults", "--quiet", str(ROOT)]
    answers = ["-d", "kind=source", "-d", "name=x", "-d", "layout=standalone", "-d", "contract_source=index"]
    return {
        "python -c pass": lambda: timed([sys.executable, "-c", "pass"], folder),
        "--version": lambda: timed(new("--version"), folder),
        "--help": lambda: timed(new("--help"), folder),
        "a refused name": lambda: timed(new("source", "Bad Name"), folder, 3),
        "copier copy": lambda: timed([*copier, *answers, str(fresh(folder / "copied") / "x")], folder),
        "one driver": lambda: timed(new(*make, "--output", str(fresh(folder / "one")), "x"), folder),
        "two drivers": lambda: timed(new(*make, "--output", str(fresh(folder / "two")), "x", "y"), folder),
    }


def measure(rounds: int) -> dict[str, float]:
    """Medians in seconds, every case once a round, so that a slow moment of the machine meets them all."""
    with tempfile.TemporaryDirectory() as name:
        table = cases(Path(name))
        samples: dict[str, list[float]] = {case: [] for case in table}
        for _ in range(rounds + 1):
            for case, once in table.items():
                samples[case].append(once())
    return {case: statistics.median(seconds[1:]) for case, seconds in samples.items()}


def targets(medians: dict[str, float]) -> list[tuple[str, float, float]]:
    """Rows of (what, ratio measured, ratio to reach)."""
    python, copier = medians["python -c pass"], medians["copier copy"]
    return [
        ("--version / python -c pass", medians["--version"] / python, 1.3),
        ("--help / python -c pass", medians["--help"] / python, 7.0),
        ("a refused name / python -c pass", medians["a refused name"] / python, 7.0),
        ("one driver / copier copy", medians["one driver"] / copier, 1.05),
        ("each further driver / copier copy", (medians["two drivers"] - medians["one driver"]) / copier, 0.25),
    ]


def main() -> None:
    """Measure, print the two tables and write them as JSON where asked."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    medians = measure(options.rounds)
    for case, seconds in medians.items():
        print(f"{case:34} {seconds * 1000:8.1f} ms")
    rows = targets(medians)
    for what, ratio, goal in rows:
        print(f"{what:34} {ratio:8.2f}  to reach {goal:.2f}  {'reached' if ratio <= goal else 'NOT REACHED'}")
    if options.json:
        options.json.write_text(json.dumps({"median_seconds": medians, "ratios": rows}, indent=2))


if __name__ == "__main__":
    main()
