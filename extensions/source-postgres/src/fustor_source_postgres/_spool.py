"""Transactions that are streamed before they are committed: kept on disk, and told as ordinary ones at their commit.

Source: PostgreSQL manual, "Logical Replication Message Formats", protocol version 2.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from struct import Struct
from tempfile import SpooledTemporaryFile, gettempdir

from fustor_core.exceptions import DriverError

_MEMORY_BYTES = 256 << 10
_PART_MESSAGES = 32
_START, _STOP, _COMMIT, _ABORT = b"SEcA"
_DESCRIBE, _TYPE, _ORIGIN, _TRUNCATE = b"RYOT"
_CHANGES = b"IUD"
_u32 = Struct(">I")
_commit = Struct(">BQQq").unpack_from
_begin = Struct(">cQqI").pack


class _Transaction:
    """What was streamed of one transaction so far; `aborted` are those of its parts that were rolled back."""

    def __init__(self) -> None:
        self.file = SpooledTemporaryFile(_MEMORY_BYTES)  # noqa: SIM115 - nameless; it lasts as long as the transaction
        self.aborted: set[bytes] = set()
        self._described: dict[bytes, bytes] = {}

    def messages(self) -> Iterator[bytes]:
        """What stands, as it would have come without being streamed, and the commit.

        The server does not describe a table again because it did so in a part that was rolled back. Such a description
        goes out where it is needed, and not where it came: there it might end a group that is open.
        """
        for message in self._read():
            kind, xid, plain = message[0], message[1:5], message[:1] + message[5:]
            if kind == _ORIGIN:
                continue
            if kind == _DESCRIBE:
                self._described.pop(plain[1:5], None)
            if xid not in self.aborted:
                yield from self._needed(plain)
                yield plain
            elif kind == _DESCRIBE:
                self._described[plain[1:5]] = plain
        yield b"C"
        yield from self._described.values()

    def _needed(self, plain: bytes) -> Iterator[bytes]:
        """Descriptions that this message builds on."""
        if not self._described:
            return
        oids = [plain[1:5]] if plain[0] in _CHANGES else []
        if plain[0] == _TRUNCATE:
            oids = [plain[start : start + 4] for start in range(6, len(plain), 4)]
        for oid in oids:
            if oid in self._described:
                yield self._described.pop(oid)

    def _read(self) -> Iterator[bytes]:
        self.file.seek(0)
        while head := self.file.read(_u32.size):
            yield self.file.read(*_u32.unpack(head))


class Spool:
    """The transactions of one stream that are not committed yet."""

    def __init__(self) -> None:
        self._transactions: dict[bytes, _Transaction] = {}
        self._current: _Transaction | None = None

    def ordinary(self, messages: Iterable[bytes]) -> Iterator[list[bytes]]:
        """These messages, and at its commit a whole transaction, as protocol version 1 tells them; a few at a time.

        Raises:
            DriverError: there is no room to keep a transaction.
        """
        passing: list[bytes] = []
        try:
            for message in messages:
                if self._keeps(message):
                    continue
                if message[0] == _COMMIT:
                    yield passing
                    passing = []
                    yield from _in_parts(self._commit(message))
                else:
                    passing.append(message)
        except OSError as err:
            raise DriverError(
                f"A streamed transaction cannot be kept in {gettempdir()!r}: {err}; make room or leave `streaming` out"
            ) from err
        yield passing

    def close(self) -> None:
        """Forget everything."""
        for transaction in self._transactions.values():
            transaction.file.close()
        self._transactions.clear()
        self._current = None

    def _keeps(self, message: bytes) -> bool:
        """Whether the message says something of an open transaction only."""
        kind, xid = message[0], message[1:5]
        if self._current is not None:
            if kind == _STOP:
                self._current = None
            else:
                self._current.file.write(_u32.pack(len(message)) + message)
        elif kind == _START:
            if xid not in self._transactions:
                self._transactions[xid] = _Transaction()
            self._current = self._transactions[xid]
        elif kind == _ABORT:
            self._abort(xid, message[5:9])
        else:
            return False
        return True

    def _abort(self, xid: bytes, part: bytes) -> None:
        if xid == part and xid in self._transactions:
            self._transactions.pop(xid).file.close()
        elif xid in self._transactions:  # the server names transactions too of which it has sent nothing
            self._transactions[xid].aborted.add(part)

    def _commit(self, message: bytes) -> Iterator[bytes]:
        xid = message[1:5]
        _, lsn, _, microseconds = _commit(message, 5)
        transaction = self._transactions.pop(xid)
        try:
            yield _begin(b"B", lsn, microseconds, *_u32.unpack(xid))
            yield from transaction.messages()
        finally:
            transaction.file.close()


def _in_parts(messages: Iterator[bytes]) -> Iterator[list[bytes]]:
    part: list[bytes] = []
    for message in messages:
        part.append(message)
        if len(part) == _PART_MESSAGES:
            yield part
            part = []
    yield part
