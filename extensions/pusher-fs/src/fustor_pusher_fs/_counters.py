"""What a driver counts."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(slots=True)
class Counters:
    """What was done for one driver since it was constructed."""

    batches: int = 0
    events: int = 0
    rows: int = 0
    bytes_written: int = 0
    duplicate_batches: int = 0
    duplicate_events: int = 0
    failed_writes: int = 0
    refused_deletions: int = 0
    segments_begun: int = 0
    segments_removed: int = 0
    cuts: int = 0
