"""An audit as one batch job."""

from __future__ import annotations

from collections.abc import Mapping

from pyspark.sql import SparkSession

from fustor_event_model import LifecycleSignal, MessageSource, audit_signal
from pyspark_fustor._options import Phase, PusherOptions, SourceOptions
from pyspark_fustor._session import Session

__all__ = ["audit"]


def audit(spark: SparkSession, source: Mapping[str, str], pusher: Mapping[str, str]) -> None:
    """Read everything again and have the pusher delete what is gone; no other writer of the task may run meanwhile.

    The audit's start is durable before anything is listed, and its end is pushed only when every task has succeeded.

    Args:
        spark: where it runs.
        source: the options of a read, `phase` aside.
        pusher: the options of a write.

    Raises:
        ConfigError: an option is wrong.
        DriverError: the pusher refuses, or keeps sessions within one process.
    """
    SourceOptions.parse(source)
    options = PusherOptions.parse(pusher)
    with Session(options) as opened:
        opened.require_shared()
        opened.push([audit_signal(LifecycleSignal.AUDIT_START)], MessageSource.AUDIT)
        rows = spark.read.format("fustor").options(**source).option("phase", Phase.AUDIT.value).load()
        rows.write.format("fustor").options(**pusher).option("audit_session", opened.id).mode("append").save()
