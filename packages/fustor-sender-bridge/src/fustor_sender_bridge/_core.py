"""fustor-core as pushers know it, whichever version is installed.

Importing this module gives an older fustor-core the names of version 1 that it lacks; what is there stays. So it comes
before any pusher is imported, and the modules of this package take these names from here.
"""

from __future__ import annotations

from types import ModuleType
from typing import TYPE_CHECKING

import fustor_core
import fustor_core.drivers
import fustor_core.exceptions
import fustor_core.models.config
from fustor_sender_bridge import _names

__all__ = [
    "ConfigError",
    "DriverError",
    "PusherConfig",
    "PusherDriver",
    "RetryableError",
    "SessionObsoletedError",
    "supply",
]


def supply(module: ModuleType, *names: str) -> None:
    """Give `module` those of the names that it lacks."""
    for name in names:
        if not hasattr(module, name):
            setattr(module, name, getattr(_names, name))


supply(fustor_core.exceptions, "RetryableError", "NotSupported")
supply(fustor_core.models.config, "PusherConfig")
supply(fustor_core.drivers, "PusherDriver")
supply(fustor_core, "RetryableError", "NotSupported", "PusherDriver")

from fustor_core.drivers import PusherDriver  # noqa: E402 - they are there only now
from fustor_core.exceptions import ConfigError, DriverError, RetryableError  # noqa: E402
from fustor_core.models.config import PusherConfig  # noqa: E402

if TYPE_CHECKING:

    class SessionObsoletedError(DriverError):
        """What agent 0.8 answers by opening a new session at once."""
else:
    try:
        from fustor_core.exceptions import SessionObsoletedError
    except ImportError:  # fustor-core 1 has no such class, and its host looks at the text

        class SessionObsoletedError(DriverError):
            """The session is gone; open a new one."""
