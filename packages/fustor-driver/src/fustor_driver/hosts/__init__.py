"""Hosts that drive a source and a pusher: the guide host that runs them, and simulators of the released agents."""

from fustor_driver.hosts.agent02 import Agent02
from fustor_driver.hosts.agent08 import Agent08
from fustor_driver.hosts.bus import BusFailedError, MemoryBus
from fustor_driver.hosts.guide import GuideHost
from fustor_driver.hosts.options import HostOptions
from fustor_driver.hosts.runner import run_host
from fustor_driver.hosts.status import PhaseState, PhaseStatus, Status
from fustor_driver.hosts.transcript import Call, Delivery, Transcript

__all__ = [
    "Agent02",
    "Agent08",
    "BusFailedError",
    "Call",
    "Delivery",
    "GuideHost",
    "HostOptions",
    "MemoryBus",
    "PhaseState",
    "PhaseStatus",
    "Status",
    "Transcript",
    "run_host",
]
