"""Snapshot and audit against `find`, and what peers take in environments of their own."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from measure import Figure, in_turns
from trees import TREES

from fustor_core.models.config import SourceConfig
from fustor_source_fs import FsDriver

_GOALS = {"snapshot": {"A": 1.6, "B": 1.5}, "unchanged": {"A": 0.04, "B": 0.25}, "full": {"A": 1.7, "B": 1.6}}
_WIDE = 200_000
PEERS = Path(__file__).with_name("peers.py")
UPSTREAM = {
    "upstream 0.2.16": [
        *(f"fustor-{name}==0.2.16" for name in ("core", "event-model", "common", "agent-sdk", "source-fs")),
        "fastapi",
        "watchdog<7",
    ],
    "upstream 0.8.17": [*(f"fustor-{name}==0.8.17" for name in ("core", "source-fs")), "watchdog<7"],
}


def driver(path: Path, **params: Any) -> FsDriver:
    """A driver for a tree."""
    return FsDriver("benchmark", SourceConfig(driver="fs", uri=str(path), driver_params=params))


def use_up(items: Iterable[object]) -> None:
    """Read everything and keep nothing."""
    for _ in items:
        pass


def find(path: Path) -> None:
    """The floor."""
    subprocess.run(["find", str(path), "-printf", r"%p %T@ %s %y\n"], stdout=subprocess.DEVNULL, check=True)


def measure(base: Path, rounds: int) -> list[Figure]:
    """Times of snapshot and audits as multiples of `find`."""
    figures = []
    for tree in TREES:
        path = tree.at(base)
        audited, cache = driver(path, full_audit_every=0), dict[str, float]()
        works: dict[str, Callable[[], object]] = {
            "find": lambda path=path: find(path),  # type: ignore[misc]
            "snapshot": lambda path=path: use_up(driver(path).get_snapshot_iterator()),  # type: ignore[misc]
            "full": lambda path=path: use_up(driver(path).get_audit_iterator()),  # type: ignore[misc]
            "unchanged": lambda one=audited, cache=cache: audit_again(one, cache),  # type: ignore[misc]
        }
        audit_again(audited, cache)
        times = in_turns(works, rounds)
        figures += [
            Figure(f"{name}, tree {tree.name}", times[name] / times["find"], "x find", goals[tree.name])
            for name, goals in _GOALS.items()
        ]
        figures += [
            Figure(f"{name} {phase}, tree {tree.name}", taken / times["find"], "x find")
            for name, requirements in UPSTREAM.items()
            for phase, taken in peer_times(name.partition(" ")[2], requirements, path).items()
        ]
    return figures


def audit_again(one: FsDriver, cache: dict[str, float]) -> None:
    """An audit in the dialect of agent 0.8."""
    for item in one.get_audit_iterator(mtime_cache=cache):
        if isinstance(item, tuple):
            cache.update(item[1])


def peer_times(version: str, requirements: list[str], path: Path) -> dict[str, float]:
    """What a released driver takes in process, in an environment of its own; nothing if that cannot be made."""
    command = ["uv", "run", "--no-project", "--quiet", *(f"--with={one}" for one in requirements), "python", str(PEERS)]
    if shutil.which("uv") is None:
        return {}
    done = subprocess.run([*command, version, str(path)], capture_output=True, text=True, check=False, timeout=600)
    if done.returncode:
        reason = (done.stderr.strip().splitlines() or ["no reason given"])[-1]
        print(f"left out: source-fs {version} ({reason})", file=sys.stderr)
        return {}
    return {name: float(taken) for name, taken in (line.split() for line in done.stdout.splitlines())}


def measure_memory(base: Path, rounds: int) -> list[Figure]:
    """Growth of a fresh process over a snapshot of a million entries: tree A five times over."""
    del rounds
    grown = fresh_process("print(scans.grow(scans.Path(sys.argv[1])))", TREES[0].at(base))
    return [Figure("memory growth over a snapshot", grown, "MB", 16)]


def grow(path: Path) -> float:
    """By how many MB this process grows while it reads a tree five times."""
    one = driver(path)
    next(one.get_snapshot_iterator())
    before = most = resident()
    for _ in range(5):
        for _event in one.get_snapshot_iterator():
            most = max(most, resident())
    return (most - before) / 1024


def fresh_process(expression: str, path: Path) -> float:
    """What a Python process that has done nothing else prints."""
    code = f"import sys; sys.path.insert(0, {str(Path(__file__).parent)!r}); import realtime, scans; {expression}"
    done = subprocess.run([sys.executable, "-c", code, str(path)], capture_output=True, text=True, check=True)
    return float(done.stdout)


def resident() -> int:
    """Resident memory in kB."""
    return int(Path("/proc/self/statm").read_text("ascii").split()[1]) * os.sysconf("SC_PAGESIZE") // 1024


def measure_first_event(base: Path, rounds: int) -> list[Figure]:
    """Time to the first event where one directory holds 200,000 files."""
    wide = base / "wide"
    wide.mkdir()
    for number in range(_WIDE):
        (wide / f"file{number}").touch()
    times = []
    for _ in range(rounds):
        events = driver(wide).get_snapshot_iterator()
        began = time.perf_counter()
        next(events)
        times.append(time.perf_counter() - began)
        use_up(events)
    return [Figure("first event, 200,000 files in one directory", sorted(times)[rounds // 2] * 1000, "ms", 20)]
