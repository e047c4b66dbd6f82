"""Events: what happened, to which rows, and which phase of the source emits it."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Any, Self, TypeAlias

from pydantic import BaseModel, ConfigDict, Field, model_validator

__all__ = [
    "AuditItem",
    "DeleteEvent",
    "EventBase",
    "EventType",
    "InsertEvent",
    "LifecycleSignal",
    "MessageSource",
    "TableLayout",
    "UpdateEvent",
    "audit_signal",
    "event_class",
    "parent_of",
]


class EventType(StrEnum):
    """What happened to the rows of an event; an upsert is `update`."""

    INSERT = "insert"
    UPDATE = "update"
    DELETE = "delete"


class MessageSource(StrEnum):
    """The phase that emits an event; a consumer arbitrates between phases by it."""

    REALTIME = "realtime"
    SNAPSHOT = "snapshot"
    AUDIT = "audit"


class LifecycleSignal(StrEnum):
    """The brackets of an audit, sent as events without rows."""

    AUDIT_START = "Audit-Start"
    AUDIT_END = "Audit-End"


REQUIRED_ROW_FIELDS: dict[MessageSource, tuple[str, ...]] = {
    MessageSource.REALTIME: ("path", "mtime", "size"),
    MessageSource.SNAPSHOT: ("path", "mtime", "size"),
    MessageSource.AUDIT: ("path", "mtime", "size", "parent_mtime"),
}


class TableLayout(BaseModel):
    """The columns of a table, as the source that emitted its rows declares them.

    It says how the values of `record` were meant; what they are, only the rows say. A consumer may ignore it.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    system: str = Field(description="Whose type names these are, such as `postgresql`")
    columns: dict[str, str] = Field(description="Keys of `record` in their order, each with its type, without a length")
    key: tuple[str, ...] = Field(default=(), description="The columns that name a row, in the order of its path")
    labels: dict[str, tuple[str, ...]] = Field(
        default_factory=dict, description="The values that a column of an enumerated type can have, in their order"
    )


class EventBase(BaseModel):
    """Rows of one table, emitted by one phase of one source.

    Validated at construction only, since hosts assign `rows` and `fields` afterwards. The rows themselves are never
    looked at: `fields` names their keys, and only `fields` is checked, so an event costs the same for one row as for
    a thousand.

    Raises:
        pydantic.ValidationError: rows without a `message_source`, `fields` that lack what the phase requires, or an
            unknown argument.
    """

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    event_type: EventType
    fields: list[str] = Field(description="Names of the keys of every row")
    rows: list[Any] = Field(description="One mapping a row")
    index: int = Field(default=-1, description="Position to resume from; strictly increasing, or always -1")
    event_schema: str = Field(description="`fs` for file trees, a database's schema name otherwise")
    table: str = Field(description="Database table, or an empty string")
    message_source: MessageSource = Field(
        default=MessageSource.REALTIME, description="May be left out only while there are no rows"
    )
    signal: LifecycleSignal | None = Field(default=None, description="Bracket of an audit in the guide's dialect")
    layout: TableLayout | None = Field(
        default=None, description="The columns of `table` when its rows were read, where the source says them here"
    )

    @model_validator(mode="after")
    def _rows_say_where_they_come_from(self) -> Self:
        if not self.rows:
            return self
        if "message_source" not in self.model_fields_set:
            raise ValueError("An event with rows must say its message_source: 'realtime', 'snapshot' or 'audit'")
        missing = [name for name in REQUIRED_ROW_FIELDS[self.message_source] if name not in self.fields]
        if missing:
            raise ValueError(
                f"An event of {self.message_source.value!r} rows needs {missing} in fields and in every row"
            )
        return self


class InsertEvent(EventBase):
    """Rows of things that the source knows to be new."""

    event_type: EventType = EventType.INSERT


class UpdateEvent(EventBase):
    """Rows that replace what is known of their paths, or report it for the first time."""

    event_type: EventType = EventType.UPDATE


class DeleteEvent(EventBase):
    """Rows of things that are gone; a row needs its `path` and the `mtime` of the deletion."""

    event_type: EventType = EventType.DELETE


_CLASSES: Mapping[EventType, type[EventBase]] = MappingProxyType(
    {model.model_fields["event_type"].default: model for model in (InsertEvent, UpdateEvent, DeleteEvent)}
)


def event_class(event_type: EventType) -> type[EventBase]:
    """The class of the events of a type."""
    return _CLASSES[event_type]


def audit_signal(signal: LifecycleSignal, event_schema: str = "fs") -> EventBase:
    """A bracket of an audit, as the guide's dialect has it: an event without rows.

    Source: driver contract, section 4.
    """
    return UpdateEvent(
        fields=[], rows=[], event_schema=event_schema, table="", message_source=MessageSource.AUDIT, signal=signal
    )


def parent_of(path: str) -> str:
    """The path of the container that a row's `path` lies in; the root is its own."""
    return path.rpartition("/")[0] or "/"


AuditItem: TypeAlias = EventBase | tuple[EventBase | None, dict[str, float]]
"""What an audit yields: events (guide dialect) or pairs of event and container mtimes (dialect of agent 0.8)."""
