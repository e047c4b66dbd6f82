"""The released agents as processes: an environment with the drivers of this one, a configuration, and what arrives."""

from fustor_driver.agents.configuration import Roles
from fustor_driver.agents.environments import environment_for
from fustor_driver.agents.process import Delivered, running

__all__ = ["Delivered", "Roles", "environment_for", "running"]
