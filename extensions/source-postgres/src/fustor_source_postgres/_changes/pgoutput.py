"""Messages of the pgoutput plugin (protocol version 1, text values) to realtime events.

Source: PostgreSQL manual, "Logical Replication Message Formats".
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from struct import Struct

from fustor_core.exceptions import DriverError
from fustor_event_model import EventBase
from fustor_source_postgres._changes.groups import Groups, LookUp
from fustor_source_postgres._changes.relation import (
    NO_IDENTITY,
    UNCHANGED,
    Description,
    Raw,
    Relation,
    Unfollowed,
    read_description,
    read_tuple,
)
from fustor_source_postgres._fast.making import Make
from fustor_source_postgres._source import Shared

POSTGRES_EPOCH_SEC = 946_684_800  # 2000-01-01 in seconds since 1970
HEARTBEAT = "fustor.heartbeat"

_u32 = Struct(">I").unpack_from
_begin = Struct(">QqI").unpack_from
_message_head = Struct(">BQ").unpack_from
_CHANGE_HEAD = 6
"""Bytes of a change that name its kind, its relation and the kind of its first tuple."""
_TRANSACTIONAL = 1
_NEW = ord("N")


class Decoder:
    """Turns the messages of one stream, in order, into events.

    Args:
        shared: notes every transaction and table of the stream.
        resolve: what a described relation is to this source; None where it is not part of it.
        label: content of the heartbeats that this stream shows; others pass unseen.
        look_up: completes rows that have come to a new path.
        limits: of `Groups`.
    """

    def __init__(
        self,
        shared: Shared,
        resolve: Callable[[Description], Relation | Unfollowed | None],
        label: str,
        look_up: LookUp,
        **limits: int,
    ) -> None:
        self._shared = shared
        self._resolve = resolve
        self._label = label
        self._relations: dict[bytes, Relation | Unfollowed | None] = {}  # by oid, as messages write it
        self._upserts: dict[bytes, tuple[Relation, Make] | None] = {}  # by the head of messages with a new tuple alone
        self._failure: DriverError | None = None
        self._groups = Groups(shared, look_up, **limits)
        self._handlers: dict[int, Callable[[bytes], None]] = {
            ord("B"): self._begin,  # Int64 LSN of the commit, Int64 microseconds since 2000, Int32 transaction
            ord("C"): self._commit,
            ord("R"): self._relation,  # Int32 relation, its name, its columns
            ord("I"): self._foreign,  # Int32 relation, N and the new tuple
            ord("U"): self._update,  # Int32 relation, K or O and the old tuple, N and the new one
            ord("D"): self._delete,  # Int32 relation, K or O and the old tuple
            ord("T"): self._truncate,  # Int32 number of relations, Int8 options, Int32 for each relation
            ord("M"): self._message,  # Int8 flags, Int64 LSN, a prefix that ends with NUL, Int32 length, the content
            ord("Y"): _ignore,  # a type's name: the catalog knows more
            ord("O"): _ignore,  # where a transaction came from first
            # PostgreSQL 18 names some rolled back transactions of which it has sent nothing, whatever the protocol
            ord("A"): _ignore,
        }

    def decode(self, messages: Iterable[bytes]) -> list[EventBase]:
        """The events that these messages complete.

        Raises:
            DriverError: a message, or what it says of a row, cannot be sent without loss. Where that completes events
                first, they are returned, and `check` raises.
        """
        self.check()
        self._groups.follow_clock()
        try:
            self._handle(messages)
        except DriverError as err:
            self._failure = err
        ready = self._groups.take()
        if not ready:
            self.check()
        return ready

    def check(self) -> None:
        """Raise the DriverError that came behind the events returned last."""
        if self._failure is not None:
            raise self._failure

    def _handle(self, messages: Iterable[bytes]) -> None:
        groups, upserts, handlers = self._groups, self._upserts, self._handlers
        for message in messages:
            upsert = upserts.get(message[:_CHANGE_HEAD])
            if upsert is None:
                handlers.get(message[0], _refuse)(message)
                continue
            relation, operation = upsert
            row = relation.read(message, groups.mtime)
            if row is None:
                row = relation.any_row(message, groups.mtime)
            groups.add(relation, operation, row, len(message))

    def _begin(self, payload: bytes) -> None:
        lsn, microseconds, xid = _begin(payload, 1)
        self._groups.begin(lsn, microseconds / 1e6 + POSTGRES_EPOCH_SEC, xid)
        self._shared.note_transaction(xid)

    def _commit(self, _payload: bytes) -> None:
        self._groups.flush()

    def _relation(self, payload: bytes) -> None:
        """Note what a table looks like from here on.

        The server says so again whenever it has forgotten that it did; only a change ends what is open, so that the cut
        into events stays the same on every replay.
        """
        new, old = self._resolve(read_description(payload)), self._relations.get(payload[1:5])
        oid, before = payload[1:5], old if isinstance(old, Relation) else None
        if isinstance(new, Relation):
            self._shared.follow(new.qualified)
            if before is not None and new.is_like(before):
                return
        if before is not None:
            self._groups.close(before)
        self._relations[oid] = new
        if not isinstance(new, Relation):
            self._upserts.pop(b"I" + oid + b"N", None)
            self._upserts.pop(b"U" + oid + b"N", None)
            return
        self._upserts[b"I" + oid + b"N"] = new, new.inserts
        self._upserts[b"U" + oid + b"N"] = (new, new.updates) if new.names_rows else None

    def _of(self, oid: bytes) -> Relation | None:
        """The table that a message names; None where it is not part of this source, or cannot be followed."""
        try:
            found = self._relations[oid]
        except KeyError:
            raise DriverError("The server sent a change of a table that it has not described; report this") from None
        if isinstance(found, Unfollowed):
            self._shared.skip(found.qualified, found.reason)
            return None
        return found

    def _old(self, payload: bytes) -> tuple[Relation, list[Raw], int] | None:
        """The table and the old tuple of an update or delete, and where it ends; None where it names no row here."""
        relation = self._of(payload[1:5])
        if relation is None:
            return None
        if relation.names_rows and payload[5] != _NEW:
            old, end = read_tuple(payload, 6)
            if relation.names(old):
                return relation, old, end
        self._shared.skip(relation.qualified, NO_IDENTITY)
        return None

    def _foreign(self, payload: bytes) -> None:
        """A new row of a table that is not part of this source, or of none."""
        self._of(payload[1:5])

    def _update(self, payload: bytes) -> None:
        """An update that comes with its old tuple, or should."""
        found = self._old(payload)
        if found is None:
            return
        relation, old, pos = found
        new, _ = read_tuple(payload, pos + 1)
        values = [
            before if after is UNCHANGED and before is not None else after
            for before, after in zip(old, new, strict=True)
        ]
        groups = self._groups
        row = relation.row(values, groups.mtime)
        if row["path"] == relation.path(old):
            groups.add(relation, relation.updates, row, len(payload))
        else:
            groups.move(relation, relation.gone(old, groups.mtime), row, len(payload))

    def _delete(self, payload: bytes) -> None:
        found = self._old(payload)
        if found is None:
            return
        relation, old, _ = found
        groups = self._groups
        groups.add(relation, relation.deletes, relation.gone(old, groups.mtime), len(payload))

    def _truncate(self, payload: bytes) -> None:
        (count,) = _u32(payload, 1)
        for number in range(count):
            relation = self._of(payload[6 + 4 * number : 10 + 4 * number])
            if relation is not None:
                self._groups.empty(relation)
                self._shared.forget(relation.container)

    def _message(self, payload: bytes) -> None:
        flags, _ = _message_head(payload, 1)
        if not flags & _TRANSACTIONAL:
            return
        end = payload.index(0, 10)
        prefix, content = payload[10:end].decode(), payload[end + 5 :]
        # others take no place: in a streamed transaction they come even of parts that are rolled back
        if prefix == HEARTBEAT and content == self._label.encode():
            self._groups.mark()


def _ignore(_payload: bytes) -> None:
    """A message that says nothing of rows."""


def _refuse(payload: bytes) -> None:
    raise DriverError(f"The server sends a message of unknown kind {chr(payload[0])!r}; update this driver")
