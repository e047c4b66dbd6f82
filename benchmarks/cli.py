"""How long `fustor-new` takes, beside Python itself and beside plain copier, in one interleaved run.

Usage: uv run python benchmarks/cli.py [--rounds N] [--json FILE]
Times are medians of whole processes, in milliseconds of the clock and of the processor (the processes that they start
included); the targets are ratios against a floor of the same run.
"""

import argparse
import json
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[1]
BIN = Path(sys.executable).parent
ENVIRONMENT = {**os.environ, "PYTHONDONTWRITEBYTECODE": ""}


class Spent(NamedTuple):
    """Seconds of the clock, and of the processor."""

    clock: float
    processor: float


def timed(command: list[str], cwd: Path, expected: int = 0) -> Spent:
    """What one run of `command` takes."""
    start, before = time.perf_counter(), resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(command, cwd=cwd, env=ENVIRONMENT, capture_output=True, check=False)
    seconds, after = time.perf_counter() - start, resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode != expected:
        raise SystemExit(f"{' '.join(command)} ended with {done.returncode}: {done.stderr.decode()}")
    return Spent(seconds, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)


def new(*arguments: str) -> list[str]:
    """The command line of `fustor-new` in this environment."""
    return [str(BIN / "fustor-new"), *arguments]


def fresh(folder: Path) -> Path:
    """An empty directory at `folder`."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    return folder


def plain(folder: Path) -> Path:
    """A directory with the template alone, without git."""
    shutil.copytree(ROOT / "templates", folder / "templates", ignore=shutil.ignore_patterns("__pycache__"))
    return folder / "templates"


def workspace(folder: Path) -> Path:
    """A workspace like this one, of the members' `pyproject.toml` files."""
    projects = (ROOT, *ROOT.glob("packages/*"), *ROOT.glob("extensions/*"))
    for file in (one / "pyproject.toml" for one in projects if (one / "pyproject.toml").is_file()):
        (folder / file.relative_to(ROOT)).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(file, folder / file.relative_to(ROOT))
    return folder


def cases(folder: Path) -> dict[str, Callable[[], Spent]]:
    """Every row of the table: a name and a function that does it once and tells the seconds."""
    make = ["source", "--standalone", "--no-git", "--contract-source", str(ROOT), "-y", "-q"]
    copier = [str(BIN / "copier"), "copy", "--defaults", "--quiet", "-d", "kind=source", "-d", "name=x"]
    answers = ["-d", "layout=standalone", "-d", "contract_source=index"]
    member = ["-d", "layout=workspace", "-d", "contract_source=workspace"]
    template = str(plain(folder))
    return {
        "python -c pass": lambda: timed([sys.executable, "-c", "pass"], folder),
        "--version": lambda: timed(new("--version"), folder),
        "--help": lambda: timed(new("--help"), folder),
        "a refused name": lambda: timed(new("source", "Bad Name"), folder, 3),
        "copier copy": lambda: timed([*copier, *answers, str(ROOT), str(fresh(folder / "copied") / "x")], folder),
        "copier copy, plain": lambda: timed([*copier, *answers, template, str(fresh(folder / "plain") / "x")], folder),
        "copier copy, member": lambda: timed([*copier, *member, template, str(fresh(folder / "member") / "x")], folder),
        "one driver": lambda: timed(new(*make, "--output", str(fresh(folder / "one")), "x"), folder),
        "one driver, member": lambda: timed(new("source", "-y", "-q", "x"), workspace(fresh(folder / "workspace"))),
        "two drivers": lambda: timed(new(*make, "--output", str(fresh(folder / "two")), "x", "y"), folder),
    }


def measure(rounds: int) -> dict[str, Spent]:
    """Medians in seconds, every case once a round, so that a slow moment of the machine meets them all."""
    with tempfile.TemporaryDirectory() as name:
        table = cases(Path(name))
        samples: dict[str, list[Spent]] = {case: [] for case in table}
        for _ in range(rounds + 1):
            for case, once in table.items():
                samples[case].append(once())
    return {case: Spent(*map(statistics.median, zip(*spent[1:], strict=True))) for case, spent in samples.items()}


def targets(medians: dict[str, Spent]) -> list[tuple[str, float, float]]:
    """Rows of (what, ratio measured, ratio to reach)."""
    clock = {case: spent.clock for case, spent in medians.items()}
    processor = {case: spent.processor for case, spent in medians.items()}
    python, copier = clock["python -c pass"], clock["copier copy"]
    return [
        ("--version / python -c pass", clock["--version"] / python, 1.3),
        ("--help / python -c pass", clock["--help"] / python, 7.0),
        ("a refused name / python -c pass", clock["a refused name"] / python, 7.0),
        ("one driver / copier copy", clock["one driver"] / copier, 1.05),
        ("each further driver / copier copy", (clock["two drivers"] - clock["one driver"]) / copier, 0.25),
        ("one driver / plain, processor", processor["one driver"] / processor["copier copy, plain"], 1.05),
        # Registering parses the root file, which copier does not touch.
        ("member / plain, processor", processor["one driver, member"] / processor["copier copy, member"], 1.15),
    ]


def main() -> None:
    """Measure, print the two tables and write them as JSON where asked."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    medians = measure(options.rounds)
    for case, spent in medians.items():
        print(f"{case:34} {spent.clock * 1000:8.1f} ms {spent.processor * 1000:8.1f} ms of the processor")
    rows = targets(medians)
    for what, ratio, goal in rows:
        print(f"{what:34} {ratio:8.2f}  to reach {goal:.2f}  {'reached' if ratio <= goal else 'NOT REACHED'}")
    if options.json:
        options.json.write_text(json.dumps({"median_seconds": medians, "ratios": rows}, indent=2))


if __name__ == "__main__":
    main()
