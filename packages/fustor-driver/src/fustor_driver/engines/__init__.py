"""What every engine of others needs to run a Fustor driver: rows without events, positions as JSON, drivers from JSON.

Spark, Singer and Airbyte are bridged by their own modules and packages; none of them is imported here.
"""

from fustor_driver.engines.bookmarks import Bookmark, has_positions, why_snapshot
from fustor_driver.engines.building import pusher_of, source_of
from fustor_driver.engines.catching_up import Passed, SnapshotBegins, SnapshotEnds, Step, catch_up, take_snapshot
from fustor_driver.engines.rows import COLUMNS, FlatRow, events_of, flat_rows

__all__ = [
    "COLUMNS",
    "Bookmark",
    "FlatRow",
    "Passed",
    "SnapshotBegins",
    "SnapshotEnds",
    "Step",
    "catch_up",
    "events_of",
    "flat_rows",
    "has_positions",
    "pusher_of",
    "source_of",
    "take_snapshot",
    "why_snapshot",
]
