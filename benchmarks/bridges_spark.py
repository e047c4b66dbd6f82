"""What is measured of Spark: batches and streams of `pyspark_fustor` into a sink that keeps nothing."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from tempfile import TemporaryDirectory
from typing import Any

__all__ = ["batch", "missing", "spark_session", "stream"]


def missing() -> str | None:
    """Why nothing can be measured here; None where it can."""
    if find_spec("pyspark") is None:
        return "pyspark is not installed: uv sync --extra dev --group engines"
    if shutil.which("java") is None:
        return "Java is not installed: on Debian, apt-get install openjdk-17-jre-headless"
    return None


@contextmanager
def spark_session(cores: int = 2) -> Iterator[Any]:
    """Spark on this machine; its workers have the drivers of this process."""
    from pyspark.sql import SparkSession  # noqa: PLC0415 - not everywhere installed

    os.environ["PYSPARK_PYTHON"] = sys.executable
    builder = SparkSession.builder.master(f"local[{cores}]").appName("bridges")
    for name, value in (("ui.enabled", "false"), ("ui.showConsoleProgress", "false"), ("log.level", "ERROR")):
        builder = builder.config(f"spark.{name}", value)
    spark = builder.getOrCreate()
    try:
        yield spark
    finally:
        spark.stop()


def batch(spark: Any, partitions: int, rows: int) -> Callable[[], int]:
    """A snapshot of so many rows by so many tasks; what is returned says how many rows have come."""
    from pyspark.sql import Observation  # noqa: PLC0415 - not everywhere installed
    from pyspark.sql.functions import count, lit  # noqa: PLC0415 - not everywhere installed

    seen = Observation()
    frame = spark.read.format("fustor").options(**_options(partitions, rows)).load()
    frame.observe(seen, count(lit(1)).alias("rows")).write.format("noop").mode("overwrite").save()
    return lambda: int(seen.get["rows"])


def stream(spark: Any, partitions: int, rows: int) -> Callable[[], int]:
    """A query over so many changes, from its start to its end; with one partition they are in order."""
    frame = spark.readStream.format("fustor").options(**_options(partitions, rows), start_position="1").load()
    with TemporaryDirectory() as checkpoint:
        writing = frame.writeStream.format("noop").option("checkpointLocation", checkpoint)
        query = writing.trigger(availableNow=True).start()
        query.awaitTermination()
    return lambda: sum(progress["numInputRows"] for progress in query.recentProgress) + 1


def _options(partitions: int, rows: int) -> dict[str, str]:
    return {"driver": "ticks", "uri": str(rows), "partitions": str(partitions)}
