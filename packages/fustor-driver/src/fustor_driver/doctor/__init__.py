"""What is installed in an environment, and what contradicts there. Nothing here imports a core."""

from fustor_driver.doctor.diagnosis import Finding, Level, diagnose
from fustor_driver.doctor.environment import Environment

__all__ = ["Environment", "Finding", "Level", "diagnose"]
