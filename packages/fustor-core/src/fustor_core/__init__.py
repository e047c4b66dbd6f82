"""The interface that source and pusher drivers implement."""

from fustor_core.drivers import PusherDriver, SourceDriver
from fustor_core.exceptions import ConfigError, DriverError, NotSupported, RetryableError

__all__ = ["ConfigError", "DriverError", "NotSupported", "PusherDriver", "RetryableError", "SourceDriver"]
