"""Rows that are refused: by what, told in the log once for every cause, and when that is no row's fault any more."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import psycopg2

from fustor_pusher_postgres._server.errors import RetryableError

__all__ = ["Refusal", "RefusalLog", "Refused", "Row", "Streak", "Suppressed"]

_log = logging.getLogger(__package__)
_STREAK_MAX = 100
_CAUSES_MAX = 100
_RULES = {"23", "44", "P0"}
"""Classes of errors by which a constraint, a view or a trigger refuses rows."""


class Suppressed(ValueError):  # noqa: N818 - it is refused, not faulty code
    """A trigger of the user's made nothing of rows, and said nothing."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a row is set aside."""

    text: str
    short: str
    """Without the row that the server repeats."""
    cause: tuple[str, ...]
    """The same for all rows that are refused by the same thing."""
    is_rule: bool
    """Whether a constraint or a trigger refuses it, and no form of its values."""

    @classmethod
    def of(cls, error: Exception) -> Refusal:
        """What an error says of a row."""
        text = " ".join(str(error).split())
        if isinstance(error, psycopg2.Error) and error.pgcode is not None:
            said = error.diag
            cause = (error.pgcode, said.schema_name or "", said.table_name or "", said.constraint_name or "")
            short = " ".join((said.message_primary or text).split())
            return cls(text, short, cause, is_rule=error.pgcode[:2] in _RULES)
        return cls(text, text, (type(error).__name__,), is_rule=isinstance(error, Suppressed))


@dataclass(frozen=True, slots=True)
class Row:
    """A row that was set aside."""

    path: object
    refusal: Refusal


@dataclass(frozen=True, slots=True)
class Refused:
    """What of a batch was not done."""

    rows: Sequence[Row] = ()
    deletions: int = 0

    @property
    def reason(self) -> str | None:
        """Why one of the rows was refused."""
        return self.rows[0].refusal.short if self.rows else None


@dataclass(frozen=True, slots=True)
class Streak:
    """Rows in a row that one constraint or trigger refused, and nothing was written in between."""

    cause: tuple[str, ...] = ()
    length: int = 0

    def after(self, refused: Sequence[Row], total: int) -> Streak:
        """What it is after a batch of so many rows.

        Raises:
            RetryableError: it refuses everything for too long: that is for the user to mend.
        """
        causes = {row.refusal.cause for row in refused}
        if not total:
            return self
        if len(refused) < total or len(causes) > 1 or not refused[0].refusal.is_rule:
            return Streak()
        (cause,) = causes
        length = total + (self.length if cause == self.cause else 0)
        if length >= _STREAK_MAX:
            raise RetryableError(
                f"The last {length} rows were refused without an exception ({refused[0].refusal.short}); mend the"
                " constraint or the trigger, this push is not committed and can be tried again"
            )
        return Streak(cause, length)


class RefusalLog:
    """Warns of the first row of every cause, and again at every tenth, hundredth, thousandth, ... of them."""

    def __init__(self) -> None:
        self._counts = Counter[tuple[str, ...]]()

    def tell(self, task: str, rows: Iterable[Row]) -> None:
        """Take note of rows that were set aside."""
        for row in rows:
            cause = row.refusal.cause
            if cause not in self._counts and len(self._counts) >= _CAUSES_MAX:
                cause = ()
            self._counts[cause] += 1
            count = self._counts[cause]
            if count == 1:
                _log.warning("Set aside %s of task %r: %s", _named(row.path), task, _cut(row.refusal.short))
            elif str(count).strip("0") == "1":
                _log.warning("Set aside %d rows like %s: %s", count, _named(row.path), _cut(row.refusal.short))


def _named(path: object) -> str:
    return f"row {_cut(path)!r}" if isinstance(path, str) else "a row without a path"


def _cut(text: str, longest: int = 300) -> str:
    return text if len(text) <= longest else f"{text[:longest]}..."
