"""What Spark does with a stream, step by step and without Spark: batches that come twice, readers that are gone."""

import random

import pytest

pytest.importorskip("pyspark", reason="pyspark is not installed; uv sync --group engines")

from pyspark_fustor._batch import BatchReader
from pyspark_fustor._options import PusherOptions, SourceOptions
from pyspark_fustor._pushing import in_order, push_all
from pyspark_fustor._rows import read_batches
from pyspark_fustor._session import Session
from pyspark_fustor._stream import StreamReader
from pyspark_fustor._writing import SessionWriter, open_snapshot
from spark_support import wait_until

from fustor_event_model import MessageSource

pytestmark = pytest.mark.engines

CHANGES = (
    "UPDATE t SET n = n + 1, v = v || 'x' WHERE id % 7 = {i} % 7",
    "DELETE FROM t WHERE id % 31 = {i} % 31",
    "INSERT INTO t SELECT k, 'new', {i} FROM generate_series(1000 + {i} * 10, 1009 + {i} * 10) k",
    "UPDATE t SET id = id + 50000 WHERE id = 1000 + {i} * 10",
)


class Steps:
    """The calls of Spark, in its order: a batch is planned, pushed, recorded; the one before is acknowledged."""

    def __init__(self, database):
        self._source = SourceOptions.parse(database.source | {"progress_sec": "0.1", "max_rows": "40"})
        self._pusher = PusherOptions.parse(database.pusher)
        self.reader = StreamReader(self._source)
        self.offset = self.reader.initialOffset()

    def restart(self):
        """Another process reads from here on."""
        if self.reader._feed is not None:
            self.reader._feed.close()
        self.reader = StreamReader(self._source)

    def batch(self, *, comes_twice):
        """One micro-batch, if there is anything new."""
        batches, end = self.reader.read(self.offset)
        if end == self.offset:
            return
        self.reader.commit(self.offset)
        pushed = self._push(batches)
        if comes_twice:
            self.restart()
            assert self._push(self.reader.readBetweenOffsets(self.offset, end)) == pushed
        self.offset = end

    def copy(self):
        """Everything there is."""
        reader = BatchReader(self._source)
        writer = SessionWriter(self._pusher, open_snapshot(self._pusher), MessageSource.SNAPSHOT, ends=True)
        writer.commit([writer.write(reader.read(part)) for part in reader.partitions()])

    def _push(self, batches):
        rows = in_order(read_batches(batches), 0)
        with Session(self._pusher) as session:
            return push_all(session, rows, MessageSource.REALTIME, 25).rows


@pytest.mark.parametrize("seed", range(2))
def test_a_copy_is_its_table_however_often_a_batch_comes(database, seed):
    chance = random.Random(seed)
    database.fill(300)
    steps = Steps(database)
    steps.copy()
    for i in range(15):
        for statement in CHANGES:
            database.run(statement.format(i=i))
        steps.batch(comes_twice=chance.random() < 0.4)

    def is_equal():
        steps.batch(comes_twice=chance.random() < 0.2)
        return database.difference() == []

    wait_until(is_equal, "the copy is another table")
    steps.restart()
