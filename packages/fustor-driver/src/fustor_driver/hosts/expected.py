"""How many rows a phase had when it was complete last: what the next one is measured by. A hint, and nothing more."""

from __future__ import annotations

from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from fustor_driver.redaction import safe_logger
from fustor_event_model import MessageSource

__all__ = ["ExpectedRows"]

_log = safe_logger("fustor_driver.host")
_COUNTS = TypeAdapter(dict[MessageSource, int])


class ExpectedRows:
    """A file with the number of rows of each phase's last complete run."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def read(self) -> dict[MessageSource, int]:
        """What is known; nothing where the file is not there or not ours."""
        try:
            return _COUNTS.validate_json(self._path.read_bytes())
        except (OSError, ValidationError):
            return {}

    def note(self, phase: MessageSource, rows: int) -> None:
        """Remember a complete run; what cannot be written is only a worse guess next time."""
        try:
            self._path.write_bytes(_COUNTS.dump_json(self.read() | {phase: rows}))
        except OSError as err:
            _log.debug("The number of rows cannot be noted in %r: %s", str(self._path), err.strerror)
