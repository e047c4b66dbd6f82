"""The guide host: it runs a source and a pusher."""

from fustor_driver.hosts.guide import GuideHost
from fustor_driver.hosts.options import HostOptions
from fustor_driver.hosts.runner import run_host
from fustor_driver.hosts.status import PhaseState, PhaseStatus, Status

__all__ = ["GuideHost", "HostOptions", "PhaseState", "PhaseStatus", "Status", "run_host"]
