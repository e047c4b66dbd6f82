"""One Spark application, as a user writes it: `python job.py JSON`."""

import json
import os
import sys

from pyspark.sql import SparkSession


def session(master="local[2]", **settings):
    """A session without a web page; executors take the environment of this process."""
    os.environ["PYSPARK_PYTHON"] = sys.executable
    builder = SparkSession.builder.master(master).appName("fustor")
    settings = {"spark.ui.enabled": "false", "spark.sql.shuffle.partitions": "2", **settings}
    for name, value in settings.items():
        builder = builder.config(name, value)
    return builder.getOrCreate()


def stream(spark, source, pusher, checkpoint, available_now=False):
    """Changes of the source into the pusher, until killed or, with `available_now`, until now."""
    changes = spark.readStream.format("fustor").options(**source).load()
    if int(source.get("partitions", 1)) > 1:
        changes = changes.coalesce(1)
    writing = changes.writeStream.format("fustor").options(**pusher).option("checkpointLocation", checkpoint)
    writing = writing.trigger(availableNow=True) if available_now else writing
    writing.start().awaitTermination()


def copy(spark, source, pusher):
    """Everything that the source has."""
    spark.read.format("fustor").options(**source).load().write.format("fustor").options(**pusher).mode(
        "overwrite"
    ).save()


def main(job):
    """Do the steps of a job in one application."""
    spark = session(job.get("master", "local[2]"), **job.get("settings", {}))
    for step in job["steps"]:
        {"stream": stream, "copy": copy}[step.pop("do")](spark, **step)
    spark.stop()


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
