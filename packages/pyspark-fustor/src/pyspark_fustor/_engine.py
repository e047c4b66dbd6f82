"""What later releases of Spark have and 4.0 lacks."""

from __future__ import annotations

from typing import TYPE_CHECKING

__all__ = ["SupportsTriggerAvailableNow"]

if TYPE_CHECKING:

    class SupportsTriggerAvailableNow:
        """Marks a stream reader that can end at the newest position."""
else:
    try:
        from pyspark.sql.streaming.datasource import SupportsTriggerAvailableNow
    except ImportError:  # before 4.2 Spark reads one batch

        class SupportsTriggerAvailableNow:
            """Marks nothing."""
