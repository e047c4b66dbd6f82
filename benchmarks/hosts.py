"""Rows per second of source-fs in realtime under each released agent, beside `fustor-driver run`.

Run: uv run python benchmarks/hosts.py [--files N] [--repeats N] [--json FILE]. Needs an index.
A directory of N files is moved into the watched tree; what is timed is from the move to the last of its rows.
Interleaved, medians; `fustor-driver run` is 1.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import statistics
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from fustor_conformance.agents import environments
from fustor_conformance.agents.released import Agent, add_companions
from fustor_conformance.rules import Profile
from fustor_driver.agents.outside import clean
from fustor_driver.releases import release, released_versions

ROOT = Path(__file__).resolve().parents[1]
SOURCE, MODEL = "fustor-source-fs", "fustor-event-model"
OWN = (MODEL, "fustor-core", "fustor-driver", SOURCE)
GUIDE = "fustor-driver run"
PER_DIRECTORY = 100
DEADLINE_SEC = 300.0
POLL_SEC = 0.02
QUIET_SEC = 1.0
"""Without a row, after which all probes are through."""
ENTRIES = {
    "fustor.drivers.pushers": {"counter": "hosts_counter:CountingPusher"},
    "fustor_agent.drivers.pushers": {"counter": "hosts_counter:CountingPusher"},
    "fustor_agent.drivers.senders": {"counter": "hosts_counter:CountingSender"},
}
CASES = {"rows in events as large as they come": 1_000, "1 row an event": 1}
TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Place:
    """Where one run happens: the tree, the count, and the homes of the hosts."""

    folder: Path

    @property
    def tree(self) -> Path:
        """What is watched."""
        return self.folder / "tree"

    @property
    def count(self) -> Path:
        """Where the receiver counts."""
        return self.folder / "count"

    def arrived(self) -> tuple[float, int]:
        """When something came last, and how many rows there are by now."""
        lines = self.count.read_text().splitlines() if self.count.exists() else []
        when, rows = lines[-1].split() if lines else ("0", "0")
        return float(when), int(rows)


Starter = Callable[[Place, int], subprocess.Popen[bytes]]


def source(place: Place, batch: int) -> dict[str, object]:
    """The section of the source."""
    params = {"batch_size": batch, "settle_sec": 0.1}
    return {"driver": "fs", "uri": place.tree.as_uri(), "disabled": False, "driver_params": params}


def guide(python: Path) -> Starter:
    """`fustor-driver run` of an environment."""

    def start(place: Place, batch: int) -> subprocess.Popen[bytes]:
        pusher = {"driver": "counter", "endpoint": str(place.count), "disabled": False}
        file = place.folder / "fustor.yaml"
        file.write_text(json.dumps({"sources": {"s": source(place, batch)}, "pushers": {"p": pusher}}))
        command = [str(python.with_name("fustor-driver")), "run", "--config", str(file)]
        with (place.folder / "output").open("wb") as output:
            return subprocess.Popen(command, cwd=place.folder, env=clean(), stdout=output, stderr=output)

    return start


def agent(version: str, python: Path) -> Starter:
    """A released agent of an environment."""

    def start(place: Place, batch: int) -> subprocess.Popen[bytes]:
        profile = next(profile for profile in Profile if profile.release == version)
        there = Agent(profile, python, place.folder)
        counter = {"driver": "counter", "endpoint": str(place.count)}
        there.configure(source=source(place, batch), pusher=counter, pipe={"audit_interval_sec": 0})
        return there.start().process

    return start


def install(folder: Path) -> dict[str, Starter]:
    """Each host in an environment of its own, with the wheels of this tree."""
    wheels = folder / "wheels"
    for name in OWN:
        inner = Path("packages", name) if name != SOURCE else Path("extensions", name.removeprefix("fustor-"))
        project = ROOT / inner
        environments.run(["uv", "build", "-q", "--wheel", "--out-dir", str(wheels), str(project)], "No wheel")
    built = {name: str(next(wheels.glob(f"{name.replace('-', '_')}-*.whl"))) for name in OWN}
    own = environments.make(folder / "own", list(built.values()), wheels, "The host is not installed")
    starters = {GUIDE: guide(own)}
    pythons = [own]
    for version in released_versions():
        parts = release(version)
        wanted = [*parts.requirements(SOURCE, MODEL), built[SOURCE], built[MODEL]]
        what = f"Agent {version} is not installed"
        python = environments.make(folder / version, wanted, wheels, what, (*parts.limits, *parts.seen_with))
        starters[f"agent {version}"] = agent(version, python)
        pythons.append(python)
    counter = {"hosts_counter": Path(__file__).with_name("hosts_counter.py")}
    for python in pythons:
        add_companions(python)
        add_companions(python, counter, ENTRIES, "fustor_benchmark_counter")
    return starters


def make_tree(folder: Path, files: int) -> int:
    """How many rows a new tree is."""
    for number in range(files):
        directory = folder / f"dir-{number // PER_DIRECTORY}"
        if number % PER_DIRECTORY == 0:
            directory.mkdir(parents=True)
        (directory / f"file-{number}").touch()
    return files + -(-files // PER_DIRECTORY) + 1


def wait(condition: Callable[[], bool], what: str) -> None:
    """Return when the condition holds.

    Raises:
        TimeoutError: it does not in time.
    """
    deadline, pause = time.monotonic() + DEADLINE_SEC, threading.Event()
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError(f"{what} did not come within {DEADLINE_SEC:g} s")
        pause.wait(POLL_SEC)


@contextmanager
def running(start: Starter, place: Place, batch: int) -> Iterator[int]:
    """The process's id once realtime flows."""
    place.tree.mkdir()
    process = start(place, batch)
    numbers = iter(range(1_000_000))

    def flows() -> bool:
        (place.tree / f"probe-{next(numbers)}").touch()
        return place.arrived()[1] > 0

    try:
        wait(flows, "The first row")
        wait(lambda: place.arrived()[0] < time.time() - QUIET_SEC, "A quiet moment")
        yield process.pid
    finally:
        process.send_signal(signal.SIGINT)
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def processor_sec(pid: int) -> float:
    """What a process has used, with its children that ended."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return sum(map(int, fields[11:13])) / TICKS


def timed(start: Starter, batch: int, tree: Path, rows: int) -> tuple[float, float]:
    """Seconds of the clock from the move to the last row, and of the host's processor."""
    with tempfile.TemporaryDirectory(dir=tree.parent) as folder:
        place = Place(Path(folder))
        with running(start, place, batch) as pid:
            before, busy = place.arrived()[1], processor_sec(pid)
            began = time.time()
            tree.rename(place.tree / "moved")
            try:
                wait(lambda: place.arrived()[1] >= before + rows, f"All of {rows} rows")
                return place.arrived()[0] - began, processor_sec(pid) - busy
            finally:
                (place.tree / "moved").rename(tree)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--files", type=int, default=50_000)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    results = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(os.path.realpath(name))
        starters = install(folder)
        rows = make_tree(folder / "moving", options.files)
        print(f"{rows:,} rows\n{'':<40}{'host':<20}{'rows/s':>12}{'ratio':>8}{'processor s':>13}")
        for case, batch in CASES.items():
            runs: dict[str, list[tuple[float, float]]] = {host: [] for host in starters}
            for _ in range(options.repeats):
                for host, start in starters.items():
                    runs[host].append(timed(start, batch, folder / "moving", rows))
            floor = statistics.median(clock for clock, _ in runs[GUIDE])
            for host, seen in runs.items():
                clock, busy = (statistics.median(one[at] for one in seen) for at in (0, 1))
                results.append({"case": case, "host": host, "rows_per_sec": rows / clock, "processor_sec": busy})
                print(f"{case:<40}{host:<20}{rows / clock:>12,.0f}{floor / clock:>8.2f}{busy:>13.2f}")
    if options.json:
        options.json.write_text(json.dumps(results, indent=2) + "\n")


if __name__ == "__main__":
    main()
