"""The data source `fustor` of Apache Spark: any installed Fustor driver, batch and stream, read and written."""

from pyspark_fustor._audit import audit
from pyspark_fustor._source import DefaultSource

__all__ = ["DefaultSource", "audit"]
