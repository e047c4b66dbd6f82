"""Transactions that are streamed before their commit: kept on disk, and passed on as ordinary ones at their commit.

Source: PostgreSQL manual, "Logical Replication Message Formats", protocol version 2.
"""

from __future__ import annotations

import marshal
from collections.abc import Iterable, Iterator
from struct import Struct
from tempfile import SpooledTemporaryFile, gettempdir

from fustor_core.exceptions import DriverError

_MEMORY_BYTES = 256 << 10
_BLOCK_BYTES = 64 << 10
_NO_REFERENCES = 2  # of marshal's formats, the last that writes the same bytes object twice as two
_START, _STOP, _COMMIT, _ABORT = b"SEcA"
_DESCRIBE, _TYPE, _ORIGIN, _TRUNCATE = b"RYOT"
_CHANGES = frozenset(b"IUD")
_u32 = Struct(">I")
_commit = Struct(">BQQq").unpack_from
_begin = Struct(">cQqI").pack


class _Transaction:
    """What was streamed of one transaction so far; `aborted` are those of its parts that were rolled back."""

    def __init__(self) -> None:
        self.aborted: set[bytes] = set()
        self._file = SpooledTemporaryFile(_MEMORY_BYTES)  # noqa: SIM115 - nameless; it lasts as long as the transaction
        self._block: list[bytes] = []
        self._block_bytes = 0
        self._described: dict[bytes, bytes] = {}

    def keep(self, message: bytes) -> None:
        """Add a message."""
        self._block.append(message)
        self._block_bytes += len(message)
        if self._block_bytes >= _BLOCK_BYTES:
            self.write()

    def write(self) -> None:
        """Put what was added into the file: many messages at once, since each call costs as much as a message."""
        block = marshal.dumps(self._block, _NO_REFERENCES)
        self._file.write(_u32.pack(len(block)) + block)
        self._block, self._block_bytes = [], 0

    def close(self) -> None:
        """Forget everything."""
        self._file.close()

    def messages(self) -> Iterator[list[bytes]]:
        """What stands, block by block, as it would have come without being streamed, and the commit.

        The server does not describe a table again because it did so in a part that was rolled back. Such a description
        goes out where it is needed, and not where it came: there it might end a group that is open.
        """
        for block in self._read():
            yield list(self._plain(block))
        yield [b"C", *self._described.values()]

    def _plain(self, block: list[bytes]) -> Iterator[bytes]:
        for message in block:
            kind, plain = message[0], message[:1] + message[5:]
            if kind in _CHANGES and not self.aborted:
                yield plain
            elif kind != _ORIGIN:
                yield from self._other(message[1:5], plain)

    def _other(self, xid: bytes, plain: bytes) -> Iterator[bytes]:
        if plain[0] == _DESCRIBE:
            self._described.pop(plain[1:5], None)
        if xid not in self.aborted:
            yield from self._needed(plain)
            yield plain
        elif plain[0] == _DESCRIBE:
            self._described[plain[1:5]] = plain

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

    def _read(self) -> Iterator[list[bytes]]:
        self._file.seek(0)
        while head := self._file.read(_u32.size):
            yield marshal.loads(self._file.read(*_u32.unpack(head)))  # noqa: S302 - a file that nobody else can name


class Spool:
    """The transactions of one stream that are not committed yet."""

    def __init__(self) -> None:
        self._transactions: dict[bytes, _Transaction] = {}
        self._current: _Transaction | None = None

    def ordinary(self, messages: Iterable[bytes]) -> Iterator[list[bytes]]:
        """These messages, and at its commit a whole transaction, as protocol version 1 has them.

        Raises:
            DriverError: there is no room to keep a transaction.
        """
        passing: list[bytes] = []
        try:
            for message in messages:
                if self._current is not None and message[0] != _STOP:
                    self._current.keep(message)
                elif message[0] == _COMMIT:
                    yield passing
                    passing = []
                    yield from self._commit(message)
                elif not self._steers(message):
                    passing.append(message)
        except OSError as err:
            raise DriverError(
                f"A streamed transaction cannot be kept in {gettempdir()!r}: {err}; make room or leave `streaming` out"
            ) from err
        yield passing

    def close(self) -> None:
        """Forget everything."""
        for transaction in self._transactions.values():
            transaction.close()
        self._transactions.clear()
        self._current = None

    def _steers(self, message: bytes) -> bool:
        """Whether the message says of which transaction others are, or that it was rolled back."""
        kind, xid = message[0], message[1:5]
        if kind == _START:
            if xid not in self._transactions:
                self._transactions[xid] = _Transaction()
            self._current = self._transactions[xid]
        elif kind == _STOP and self._current is not None:
            self._current.write()
            self._current = None
        elif kind == _ABORT:
            self._abort(xid, message[5:9])
        else:
            return False
        return True

    def _abort(self, xid: bytes, part: bytes) -> None:
        if xid == part and xid in self._transactions:
            self._transactions.pop(xid).close()
        elif xid in self._transactions:  # the server names transactions too of which it has sent nothing
            self._transactions[xid].aborted.add(part)

    def _commit(self, message: bytes) -> Iterator[list[bytes]]:
        xid = message[1:5]
        _, lsn, _, microseconds = _commit(message, 5)
        transaction = self._transactions.pop(xid)
        try:
            yield [_begin(b"B", lsn, microseconds, *_u32.unpack(xid))]
            yield from transaction.messages()
        finally:
            transaction.close()
