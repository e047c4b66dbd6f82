"""Errors, classed by what the caller does next.

DriverError           stop: retrying this driver as it is cannot help
├── ConfigError       fix the input: the user must change something
├── RetryableError    try again: back off and go on from the last position
└── NotSupported      do without: this driver has no such feature
"""

__all__ = ["ConfigError", "DriverError", "NotSupported", "RetryableError"]


class DriverError(Exception):
    """Anything a driver reports; constructed with exactly one string."""

    def __init__(self, message: str, /) -> None:
        super().__init__(message)


class ConfigError(DriverError):
    """The user must change something; retrying cannot help."""


class RetryableError(DriverError):
    """The other side may recover; back off and go on from the last position."""


class NotSupported(DriverError):  # noqa: N818 - the contract's name: it is an answer, not a fault
    """This driver lacks the feature that was asked for."""
