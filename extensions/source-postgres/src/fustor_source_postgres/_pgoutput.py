"""Messages of the pgoutput plugin (protocol version 1, text values) to realtime events.

Source: PostgreSQL manual, "Logical Replication Message Formats".
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from struct import Struct

from fustor_core.exceptions import DriverError
from fustor_event_model import EventBase, EventType
from fustor_source_postgres._groups import Groups
from fustor_source_postgres._relation import UNCHANGED, Description, Raw, Relation, read_description, read_tuple
from fustor_source_postgres._shared import Shared

POSTGRES_EPOCH_SEC = 946_684_800  # 2000-01-01 in seconds since 1970
HEARTBEAT = "fustor.heartbeat"

_u32 = Struct(">I").unpack_from
_begin = Struct(">QqI").unpack_from
_message_head = Struct(">BQ").unpack_from
_NEW = ord("N")
_TRANSACTIONAL = 1
_NOTHING: Sequence[EventBase] = ()


class Decoder:
    """Turns the messages of one stream, in order, into events.

    Args:
        shared: told of every transaction and table that the stream tells of.
        resolve: what a described relation is to this source; None where it is not part of it.
        label: content of the heartbeats that this stream shows; others pass unseen.
        limits: of `Groups`.
    """

    def __init__(
        self, shared: Shared, resolve: Callable[[Description], Relation | None], label: str, **limits: int
    ) -> None:
        self._shared = shared
        self._resolve = resolve
        self._label = label
        self._relations: dict[int, Relation | None] = {}
        self._groups = Groups(shared, **limits)
        self._handlers: dict[int, Callable[[bytes], None]] = {
            ord("B"): self._begin,
            ord("C"): self._commit,
            ord("R"): self._relation,
            ord("I"): self._insert,
            ord("U"): self._update,
            ord("D"): self._delete,
            ord("T"): self._truncate,
            ord("M"): self._message,
            ord("Y"): _ignore,  # a type's name: the catalog tells more
            ord("O"): _ignore,  # where a transaction came from first
        }

    def feed(self, payload: bytes) -> Sequence[EventBase]:
        """The events that this message completes; none for most messages.

        Raises:
            DriverError: the message, or what it says of a row, cannot be told without loss.
        """
        handle = self._handlers.get(payload[0])
        if handle is None:
            raise DriverError(f"The server sends a message of unknown kind {chr(payload[0])!r}; update this driver")
        handle(payload)
        ready = self._groups.ready
        if not ready:
            return _NOTHING
        self._groups.ready = []
        return ready

    def _begin(self, payload: bytes) -> None:
        lsn, microseconds, xid = _begin(payload, 1)
        self._groups.begin(lsn, microseconds / 1e6 + POSTGRES_EPOCH_SEC)
        self._shared.note_transaction(xid)

    def _commit(self, _payload: bytes) -> None:
        self._groups.flush()

    def _relation(self, payload: bytes) -> None:
        self._groups.flush()  # the same table may go on with other columns
        described = read_description(payload)
        self._relations[described.oid] = self._resolve(described)

    def _known(self, payload: bytes) -> Relation | None:
        return self._relations[_u32(payload, 1)[0]]

    def _insert(self, payload: bytes) -> None:
        relation = self._known(payload)
        if relation is not None:
            groups = self._groups
            groups.add(relation, EventType.INSERT, relation.row(payload, 6, groups.mtime), len(payload))

    def _upsert(self, relation: Relation, values: list[Raw], length: int) -> None:
        groups = self._groups
        record, size = relation.record(values)
        row = {"path": relation.path(values), "mtime": groups.mtime, "size": size, "record": record}
        groups.add(relation, EventType.UPDATE, row, length)

    def _update(self, payload: bytes) -> None:
        relation = self._known(payload)
        if relation is None:
            return
        if payload[5] == _NEW:
            relation.require_identity()
            groups = self._groups
            groups.add(relation, EventType.UPDATE, relation.row(payload, 6, groups.mtime), len(payload))
            return
        old, pos = read_tuple(payload, 6)
        new, _ = read_tuple(payload, pos + 1)
        values = [
            before if after is UNCHANGED and before is not None else after
            for before, after in zip(old, new, strict=True)
        ]
        relation.require_identity()
        old_path = relation.path(old)
        if old_path == relation.path(values):
            self._upsert(relation, values, len(payload))
        else:
            self._move(relation, old, old_path, values, len(payload))

    def _move(self, relation: Relation, old: list[Raw], old_path: str, values: list[Raw], length: int) -> None:
        mtime = self._groups.mtime
        record, size = relation.record(values)
        gone = {"path": old_path, "mtime": mtime, "size": None, "record": relation.key_record(old)}
        row = {"path": relation.path(values), "mtime": mtime, "size": size, "record": record}
        self._groups.move(relation, gone, row, length)

    def _delete(self, payload: bytes) -> None:
        relation = self._known(payload)
        if relation is None:
            return
        relation.require_identity()
        old, _ = read_tuple(payload, 6)
        row = {
            "path": relation.path(old),
            "mtime": self._groups.mtime,
            "size": None,
            "record": relation.key_record(old),
        }
        self._groups.add(relation, EventType.DELETE, row, len(payload))

    def _truncate(self, payload: bytes) -> None:
        (count,) = _u32(payload, 1)
        for number in range(count):
            relation = self._relations[_u32(payload, 6 + 4 * number)[0]]
            if relation is not None:
                self._groups.empty(relation)
                self._shared.forget(relation.container)

    def _message(self, payload: bytes) -> None:
        flags, _ = _message_head(payload, 1)
        if not flags & _TRANSACTIONAL:
            return
        end = payload.index(0, 10)
        prefix, content = payload[10:end].decode(), payload[end + 5 :]
        self._groups.mark(visible=prefix == HEARTBEAT and content == self._label.encode())


def _ignore(_payload: bytes) -> None:
    """A message that says nothing of rows."""
