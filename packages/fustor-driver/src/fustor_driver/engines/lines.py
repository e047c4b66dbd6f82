"""JSON Lines between processes: the form in which Singer and Airbyte exchange messages."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, BinaryIO, TypeVar

from pydantic import BaseModel, ValidationError
from pydantic_core import from_json, to_json

from fustor_driver.configuration import field_problems
from fustor_driver.errors import CheckFailed, NotConformant, UsageProblem
from fustor_driver.leaving import discard
from fustor_driver.redaction import REDACTOR

__all__ = ["Lines", "parsed", "read_document", "read_json"]

_Model = TypeVar("_Model", bound=BaseModel)


class Lines:
    """Messages, one a line, to somebody who reads them meanwhile."""

    def __init__(self, out: BinaryIO) -> None:
        self._out = out

    def write(self, message: Mapping[str, Any]) -> None:
        """Write a message; it may wait in a buffer.

        Raises:
            NotConformant: a source put something into an event that JSON cannot carry.
            CheckFailed: nobody reads any more.
        """
        try:
            line = to_json(message, inf_nan_mode="strings")  # JSON has no number for them
        except ValueError as err:
            raise NotConformant(f"The source emitted an event that JSON cannot carry: {err}") from err
        self.write_text(line)

    def write_text(self, line: bytes) -> None:
        """Write a message that is JSON already.

        Raises:
            CheckFailed: nobody reads any more.
        """
        try:
            self._out.write(line + b"\n")
        except BrokenPipeError:
            raise self._nobody_reads() from None

    def flush(self) -> None:
        """Have everything that was written on its way; errors as for `write`."""
        try:
            self._out.flush()
        except BrokenPipeError:
            raise self._nobody_reads() from None

    def _nobody_reads(self) -> CheckFailed:
        discard(self._out)
        return CheckFailed(
            "The other side has stopped to read; what it has not confirmed is read again at the next start"
        )


def read_json(path: Path, what: str) -> Any:
    """What a file holds that an engine wrote; its secrets are known from now on.

    Raises:
        UsageProblem: it cannot be read, or is something else. What is in it is not shown.
    """
    try:
        data = from_json(path.read_bytes())
    except OSError as err:
        raise UsageProblem(f"Cannot read the {what} {str(path)!r}: {err.strerror}") from err
    except ValueError:
        raise UsageProblem(f"The {what} {str(path)!r} is not JSON") from None
    REDACTOR.learn(data)
    return data


def read_document(path: Path, what: str) -> dict[str, Any]:
    """A JSON object from a file; as `read_json`."""
    data = read_json(path, what)
    if not isinstance(data, dict):
        raise UsageProblem(f"The {what} {str(path)!r} is not a JSON object")
    return data


def parsed(model: type[_Model], data: Any, what: str) -> _Model:
    """A document as its model has it.

    Raises:
        UsageProblem: it is something else. What is in it is not shown.
    """
    try:
        return model.model_validate(data)
    except ValidationError as err:
        (first, *_) = field_problems(err)
        raise UsageProblem(f"The {what} is not one: {first}") from None
