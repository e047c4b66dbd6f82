"""Errors as they may leave for Spark, which shows them in its UI and in the logs of every machine."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from fustor_core.exceptions import ConfigError, DriverError, NotSupported, RetryableError
from fustor_driver.errors import CheckFailed, EnvironmentProblem, FustorDriverError, NotConformant
from fustor_driver.redaction import clean

__all__ = ["redacted"]

_KINDS = frozenset(
    {ConfigError, DriverError, NotSupported, RetryableError}
    | {CheckFailed, EnvironmentProblem, FustorDriverError, NotConformant}
)


@contextmanager
def redacted() -> Iterator[None]:
    """Let errors out without the secrets that this process knows, and without their causes; a decorator as well.

    The frames of the traceback stay, which show code and no values.

    Raises:
        DriverError: for whatever is neither one nor a FustorDriverError, with its class in the text.
    """
    try:
        yield
    except Exception as err:  # noqa: BLE001 - raised again, whatever it is, without its secrets
        raise _without_secrets(err).with_traceback(err.__traceback__) from None


def _without_secrets(err: Exception) -> Exception:
    """An error of the nearest class that a caller may tell from others."""
    text = clean(str(err))
    kind = next((base for base in type(err).__mro__ if base in _KINDS), None)
    return DriverError(f"{type(err).__name__}: {text}") if kind is None else kind(text)
