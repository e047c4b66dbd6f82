"""Parts of a tree that several readers take side by side: ranges of its paths.

Paths are in order name by name, a directory before what it holds. So what a directory holds lies together, every path
belongs to exactly one range, whether or not it was there when the ranges were made, and where a cut goes through a
directory, the readers of both sides list it.
"""

from __future__ import annotations

from typing import Any, NamedTuple, Self, TypeAlias

from pydantic import BaseModel, ConfigDict, ValidationError

from fustor_core.exceptions import DriverError

__all__ = ["Key", "Names", "Range", "key_of"]

Key: TypeAlias = tuple[str, ...]
"""A path by its names; paths have the order of their keys."""


class Names(NamedTuple):
    """The entries of one directory that lie in a range, or hold what does: from `first` up to `end`.

    A cut may go through what either holds. Then `first` itself lies before the range, and `end` itself in it.
    """

    first: str
    is_first_divided: bool
    end: str | None
    is_end_divided: bool

    def reach(self, name: str) -> bool:
        """Whether an entry, or one below it, lies in the range."""
        end = self.end
        return name >= self.first and (end is None or name < end or (self.is_end_divided and name == end))

    def hold(self, name: str) -> bool:
        """Whether one of those lies there itself."""
        return not (self.is_first_divided and name == self.first)

    def divide(self, name: str) -> bool:
        """Whether a cut goes through what it holds."""
        return (self.is_first_divided and name == self.first) or (self.is_end_divided and name == self.end)


class Range(BaseModel):
    """The paths from `first` on and before `end`, below the root with the inode `root`; without them no bound."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    root: int
    first: str | None = None
    end: str | None = None

    @classmethod
    def parse(cls, token: Any) -> Self:
        """The range that a partition stands for.

        Raises:
            DriverError: it is none.
        """
        try:
            return cls.model_validate(token)
        except ValidationError as error:
            raise DriverError(f"{token!r} is not a partition of a file-system source; ask for new ones") from error

    def holds(self, path: str) -> bool:
        """Whether a path lies in here."""
        key = key_of(path)
        return (self.first is None or key_of(self.first) <= key) and (self.end is None or key < key_of(self.end))

    def names(self, prefix: str) -> Names | None:
        """What lies in here of what a directory holds that reaches into it; None where that is all.

        `prefix` is what stands before the names of the directory's entries in their paths.
        """
        first, is_first_divided = _name(self.first, prefix)
        end, is_end_divided = _name(self.end, prefix)
        if first is None and end is None:
            return None
        return Names(first or "", is_first_divided, end, is_end_divided)


def key_of(path: str) -> Key:
    """The key of a path as rows have it; of the root, the least."""
    return tuple(path.split("/")[1:]) if path != "/" else ()


def _name(cut: str | None, prefix: str) -> tuple[str | None, bool]:
    """The entry of a directory at which a cut is made, and whether it is made below it; None for another directory."""
    if cut is None or not cut.startswith(prefix):
        return None, False
    name, slash, _ = cut.removeprefix(prefix).partition("/")
    return name, bool(slash)
