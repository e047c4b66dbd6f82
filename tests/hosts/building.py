"""Environments of the released agents, from the pins of `fustor_driver`: each is made once for all of a run."""

from pathlib import Path

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
