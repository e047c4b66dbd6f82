"""Environments of the released agents, from the pins of `fustor_driver`: each is made once for all of a run."""

import fcntl
import os
import shutil
from pathlib import Path

from repository import EXTENSIONS, PACKAGES

from fustor_conformance.agents import environments
from fustor_conformance.agents.released import add_companions
from fustor_driver.releases import release

MODEL = "fustor-event-model"
_DRIVERS = ("source-fs", "source-postgres", "source-example", "pusher-fs", "pusher-postgres", "pusher-example")
DRIVERS = {"0.8.17": (*_DRIVERS, "sender-bridge"), "0.2.16": _DRIVERS}
"""What is installed beside each release."""
TRACED = {"traced": Path(__file__).with_name("traced.py")}
TRACED_ENTRIES = {
    "fustor_agent.drivers.sources": {"traced": "traced:TracedDriver", "traced_02": "traced:TracedDriver02"},
    "fustor_agent.drivers.pushers": {"traced": "traced:TracedPusher"},
    "fustor_agent.drivers.senders": {"traced": "traced:TracedSender"},
}


def folder_of_run(tmp_path_factory):
    """The folder that all processes of one run have in common."""
    own = Path(tmp_path_factory.getbasetemp())
    return own.parent if "PYTEST_XDIST_WORKER" in os.environ else own


def once(base, name, make):
    """The folder `name` below `base`, filled by `make` in the first process that asks for it."""
    folder, done = base / name, base / f"{name}.done"
    with (base / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not done.exists():
            shutil.rmtree(folder, ignore_errors=True)  # what an attempt that failed has left
            make(folder)
            done.touch()
    return folder


def build_wheels(folder):
    """Build what is installed beside the agents as it is handed in: each distribution by itself."""
    wanted = {f"fustor-{name}" for names in DRIVERS.values() for name in names} | {MODEL}
    for project in (*PACKAGES, *EXTENSIONS):
        if f"fustor-{project.name.removeprefix('fustor-')}" in wanted:
            command = ["uv", "build", "-q", "--wheel", "--out-dir", str(folder), str(project)]
            environments.run(command, "The wheel is not built")


def build_environment(folder, version, wheels):
    """Fill `folder` with an environment that has a release, its view if it has one, and the drivers."""
    parts = release(version)
    own = [f"fustor-{name}" for name in DRIVERS[version]]
    files = [str(next(wheels.glob(f"{name.replace('-', '_')}-*.whl"))) for name in (*own, MODEL)]
    wanted = [*parts.requirements(*own, MODEL, view=True), *files]
    what = f"Agent {version} and the drivers are not installed together"
    bounds = (*parts.limits, *parts.seen_with)
    python = environments.make(folder, wanted, wheels, what, bounds)
    add_companions(python)
    add_companions(python, TRACED, TRACED_ENTRIES, "fustor_host_witness")
