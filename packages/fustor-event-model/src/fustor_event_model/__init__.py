"""The events that travel from a source driver to a pusher driver."""

from fustor_event_model.models import (
    AuditItem,
    DeleteEvent,
    EventBase,
    EventType,
    InsertEvent,
    LifecycleSignal,
    MessageSource,
    TableLayout,
    UpdateEvent,
    audit_signal,
    event_class,
    parent_of,
)

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
