"""What a driver's own `World` looks like: the system that it reads or writes, changed and read without the driver.

A World is written by the driver's author, usually in the package's `testing.py`, and found through the entry-point
group `fustor.conformance.worlds` under the name `source-postgres`. It imports nothing of the kit: these protocols are
matched by shape. Entering one gives a fresh, empty system; leaving it removes everything. What a World cannot do, it
does not list. `worlds.trees` and `worlds.tables` have two that are ready made, for whoever has the kit at hand.
"""

from __future__ import annotations

from contextlib import AbstractContextManager
from types import TracebackType
from typing import Any, Protocol, Self, runtime_checkable

__all__ = [
    "HostileKeys",
    "PusherWorld",
    "SourceWorld",
    "WithBrokenConfig",
    "WithContents",
    "WithExclusions",
    "WithHolding",
    "WithInterruption",
    "WithLogPositions",
    "WithLongValues",
    "WithMoves",
    "WithSettling",
    "WithSlowWrites",
    "WithUnreadable",
    "WithValues",
]


class _World(Protocol):
    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None, /
    ) -> bool | None: ...

    def config(self) -> dict[str, Any]:
        """Keywords of a SourceConfig or PusherConfig for this system; `driver` may be left out."""


class SourceWorld(_World, Protocol):
    """A system that a source reads.

    `operations` names what it can do: of `create`, `modify`, `delete` and `rename`, and `nest` where `create("a/b/c")`
    makes the containers `a` and `a/b` when they are missing. Whatever the key, `create` returns the path that the
    source gives the new thing.
    """

    operations: frozenset[str]

    def create(self, key: str) -> str:
        """The path of a new thing."""

    def modify(self, path: str) -> None:
        """Change the thing at `path`, so that its row differs."""

    def delete(self, path: str) -> None:
        """Remove the thing at `path`, and what is below it."""

    def rename(self, path: str, key: str) -> str:
        """The new path of the thing that was at `path`."""

    def list(self) -> dict[str, dict[str, Any]]:
        """Everything that a snapshot must tell now, by path, with the row fields that must hold.

        Read from the system itself, never through the driver. Containers only where the source sends rows for them.
        """


class PusherWorld(_World, Protocol):
    """A system that a pusher writes. `keyed`: one row a path, replaced in place; otherwise an append log."""

    keyed: bool

    def stored(self) -> list[dict[str, Any]]:
        """The rows that are durably there, in order, each with its `message_source`; read without the driver.

        With their fields as they were pushed, `path`, `size`, `mtime` and `record` among them, in whatever form they
        are kept.
        """


@runtime_checkable
class WithUnreadable(Protocol):
    """A source's World that can make the listing of a container fail."""

    def unreadable(self, path: str) -> AbstractContextManager[object]:
        """While the block runs, listing the container at `path` fails; nothing else does."""


@runtime_checkable
class WithExclusions(Protocol):
    """A source's World that knows how its driver is told to leave things out."""

    def excluding(self, suffix: str) -> dict[str, Any]:
        """Keywords of a configuration without the things, and the containers, whose keys end with `suffix`."""


@runtime_checkable
class WithHolding(Protocol):
    """A source's World whose system keeps something until its source acknowledges it, such as a log."""

    def held(self) -> int:
        """How much is kept, in whatever unit; less after everything was acknowledged."""


@runtime_checkable
class WithInterruption(Protocol):
    """A World whose system can go away for a moment."""

    def interrupted(self) -> AbstractContextManager[object]:
        """While the block runs the system does not answer, and open connections are cut; afterwards it is as before."""


@runtime_checkable
class WithBrokenConfig(Protocol):
    """A World that knows a configuration for which nothing can work."""

    def broken(self) -> dict[str, Any]:
        """Keywords of a configuration whose system does not exist."""


@runtime_checkable
class WithLongValues(Protocol):
    """A source's World whose things can have a value so long that a log repeats it only when it changes.

    `list` tells the `record` of such a thing with that value, and no `size`; `modify` leaves the value as it is.
    """

    def create_long(self, key: str) -> str:
        """The path of a new thing that has a long value, another one for every call."""

    def exchange(self, path: str, other: str) -> None:
        """Let two things exchange their keys, in one step where the system can."""


@runtime_checkable
class WithSettling(Protocol):
    """A source's World in which a container must be left alone for a while before an audit may call it unchanged."""

    def settle(self) -> None:
        """Return when an audit may take everything that has not changed since as unchanged."""


@runtime_checkable
class HostileKeys(Protocol):
    """A source's World that knows the names that hurt: what its system allows and JSON, SQL or a shell does not."""

    hostile_keys: tuple[str, ...]


@runtime_checkable
class WithLogPositions(Protocol):
    """A pusher's World whose system keeps a log of its own and says how much of it is on its disk."""

    def log_positions(self) -> tuple[int, int]:
        """Where the log ends now, and up to where it is on the disk, in one unit; every commit moves the first."""


@runtime_checkable
class WithContents(Protocol):
    """A source's World whose things have contents apart from their times.

    The kit does this by itself, and what the next two protocols ask too, to a World whose `uri` is a local directory.
    """

    def empty(self, key: str) -> str:
        """The path of a new thing without content."""

    def touch(self, path: str) -> None:
        """Give the thing another time, and the content that it has."""

    def truncate(self, path: str) -> None:
        """Leave the thing without content."""

    def replace(self, path: str) -> None:
        """Put another thing in its place, in one step."""


@runtime_checkable
class WithMoves(Protocol):
    """A source's World whose things can be moved over the edge of what the source sees."""

    def move_in(self, key: str) -> str:
        """The path of a thing that was made elsewhere and has been moved to this key."""

    def move_in_container(self, key: str) -> str:
        """The path of a container that was made elsewhere, with things in it, and has been moved to this key."""

    def move_out(self, path: str) -> None:
        """Move the thing, or the container with all that is below it, to elsewhere."""


@runtime_checkable
class WithSlowWrites(Protocol):
    """A source's World whose things can be open for writing."""

    def write_slowly(self, key: str) -> AbstractContextManager[str]:
        """Yields the path of a new thing that is open for writing while the block runs, and has grown at its end."""


@runtime_checkable
class WithValues(Protocol):
    """A source's World whose things have a record that can be chosen."""

    values: tuple[dict[str, Any], ...]
    """Records that hurt, as far as the system holds them: NULL, nothing, long texts, numbers beyond a double."""

    def create_with(self, key: str, record: dict[str, Any]) -> str:
        """The path of a new thing with this record; `list` tells the record."""
