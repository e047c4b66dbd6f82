"""What is installed in an environment, and what contradicts there. Nothing here imports a core."""

from fustor_driver.doctor.diagnosis import diagnose
from fustor_driver.doctor.environment import Environment
from fustor_driver.doctor.finding import Finding, Level

__all__ = ["Environment", "Finding", "Level", "diagnose"]
