"""Drivers that each break one rule: the reference source or pusher with one method changed."""

from kit_mutants import (
    audit,
    durable,
    event,
    index,
    keeping,
    monitor,
    pusher,
    realtime,
    registry,
    run,
    shape,
    snapshot,
    values,
)

__all__ = [
    "MUTANTS",
    "audit",
    "durable",
    "event",
    "index",
    "keeping",
    "monitor",
    "pusher",
    "realtime",
    "run",
    "shape",
    "snapshot",
    "values",
]

MUTANTS = sorted(registry.MUTANTS, key=str)
