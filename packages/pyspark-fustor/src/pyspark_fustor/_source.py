"""What Spark finds under the name `fustor`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pyspark.sql.datasource import (
    DataSource,
    DataSourceReader,
    DataSourceStreamReader,
    DataSourceStreamWriter,
    DataSourceWriter,
    SimpleDataSourceStreamReader,
)
from pyspark.sql.types import StructType

from fustor_event_model import MessageSource
from pyspark_fustor._batch import BatchReader
from pyspark_fustor._options import PusherOptions, SourceOptions
from pyspark_fustor._ranges import RangesReader
from pyspark_fustor._rows import SCHEMA, require_columns
from pyspark_fustor._session import require_pusher
from pyspark_fustor._stream import StreamReader, require_stream
from pyspark_fustor._writing import SessionWriter, StreamWriter, open_snapshot

__all__ = ["DefaultSource"]


class DefaultSource(DataSource):
    """`spark.read.format("fustor")` and the other three; Spark finds it by the name of the package."""

    def __init__(self, options: Mapping[str, Any]) -> None:
        super().__init__(dict(options))

    @classmethod
    def name(cls) -> str:
        """The name of the format."""
        return "fustor"

    def schema(self) -> str:
        """The same columns for every driver."""
        SourceOptions.parse(self.options)
        return SCHEMA

    def reader(self, schema: StructType) -> DataSourceReader:
        """A batch: a snapshot, or an audit."""
        del schema
        return BatchReader(SourceOptions.parse(self.options))

    def streamReader(self, schema: StructType) -> DataSourceStreamReader:  # noqa: N802 - Spark's name
        """A stream in ranges, where `partitions` asks for several; Spark falls back to the other reader."""
        options = SourceOptions.parse(self.options)
        if options.partitions == 1:
            return super().streamReader(schema)
        require_stream(options)
        return RangesReader(options)

    def simpleStreamReader(self, schema: StructType) -> SimpleDataSourceStreamReader:  # noqa: N802 - Spark's name
        """A stream in order."""
        del schema
        options = SourceOptions.parse(self.options)
        require_stream(options)
        return StreamReader(options)

    def writer(self, schema: StructType, overwrite: bool) -> DataSourceWriter:
        """A snapshot's rows, in a session that is opened here; or those of an audit that has begun."""
        require_columns(schema.fieldNames())
        options = PusherOptions.parse(self.options)
        if options.audit_session is not None:
            return SessionWriter(options, options.audit_session, MessageSource.AUDIT, ends=True)
        return SessionWriter(options, open_snapshot(options), MessageSource.SNAPSHOT, ends=overwrite)

    def streamWriter(self, schema: StructType, overwrite: bool) -> DataSourceStreamWriter:  # noqa: N802 - Spark's name
        """A stream's rows."""
        del overwrite
        require_columns(schema.fieldNames())
        options = PusherOptions.parse(self.options)
        require_pusher(options)
        return StreamWriter(options)
