"""Batches under Spark: partitions, writers, audits, refusals."""

import pytest

pytest.importorskip("pyspark", reason="pyspark is not installed; uv sync --group engines")

from job import session
from pyspark_fustor import audit

pytestmark = pytest.mark.engines

BEFORE = ["event_type", "message_source", "event_schema", "`table`", "position"]
BEHIND = ["mtime", "size", "parent_mtime", "layout", "row"]


@pytest.fixture(scope="module")
def spark(java, tmp_path_factory):
    del java
    spark = session(**{"spark.sql.warehouse.dir": str(tmp_path_factory.mktemp("warehouse"))})
    yield spark
    spark.stop()


def read(spark, options):
    return spark.read.format("fustor").options(**options).load()


def write(frame, options, mode="overwrite"):
    frame.write.format("fustor").options(**options).mode(mode).save()


def test_partitions_together_are_the_table_each_row_once(spark, database):
    database.fill(20_000)
    rows = read(spark, database.source | {"partitions": "4"})
    assert rows.rdd.getNumPartitions() >= 4
    found = rows.selectExpr("get_json_object(row, '$.record.id')", "message_source").distinct().collect()
    assert rows.count() == 20_000
    assert {(int(key), phase) for key, phase in found} == {(key, "snapshot") for key in range(1, 20_001)}


def test_a_complete_snapshot_replaces_what_the_copy_had(spark, database):
    database.fill(2_000)
    write(read(spark, database.source), database.pusher)
    assert database.difference() == []
    database.run("DELETE FROM t WHERE id <= 50")
    write(read(spark, database.source | {"partitions": "3"}), database.pusher)
    assert database.difference() == []


def test_without_overwrite_nothing_is_deleted(spark, database):
    database.fill(100)
    write(read(spark, database.source), database.pusher)
    write(read(spark, database.source).where("path like '%/7'"), database.pusher, "append")
    assert database.difference() == []


def test_a_job_that_fails_pushes_no_end(spark, database):
    database.fill(300)
    write(read(spark, database.source), database.pusher)
    broken = (
        read(spark, database.source)
        .selectExpr(*BEFORE, "if(path like '%/300', raise_error('x'), path) path", *BEHIND)
        .where("path not like '%/7'")
    )
    with pytest.raises(Exception, match="x"):
        write(broken, database.pusher)
    assert database.difference() == []


def test_an_audit_deletes_what_is_gone_and_mends_what_differs(spark, database):
    database.fill(500)
    write(read(spark, database.source), database.pusher)
    database.run("DELETE FROM t WHERE id = 7")
    database.run("UPDATE t SET n = 9 WHERE id = 8")
    audit(spark, database.source, database.pusher)
    assert database.difference() == []


def test_an_audit_beside_another_writer_ends_without_its_end(spark, database):
    database.fill(500)
    write(read(spark, database.source), database.pusher)
    rows = read(spark, database.source | {"phase": "audit"})
    with pytest.raises(Exception, match=r"419|new session"):
        write(rows, database.pusher | {"audit_session": "1-gone"}, "append")
    assert database.difference() == []


def test_a_dataframe_of_other_columns_is_refused(spark, database):
    with pytest.raises(Exception, match="has the columns"):
        write(spark.range(3), database.pusher)


def test_a_pusher_with_sessions_of_one_process_is_refused(spark, database, tmp_path):
    database.fill(3)
    with pytest.raises(Exception, match="within one process"):
        write(read(spark, database.source), {"driver": "fs", "endpoint": str(tmp_path), "task": "t"})


def test_a_source_without_positions_is_no_stream(spark, tmp_path):
    options = {"driver": "fs", "uri": str(tmp_path)}
    with pytest.raises(Exception, match="get_latest_position"):
        spark.readStream.format("fustor").options(**options).load().writeStream.format("noop").option(
            "checkpointLocation", str(tmp_path / "c")
        ).start().processAllAvailable()


def test_changes_of_more_than_one_task_are_refused(spark, database, tmp_path):
    database.fill(10)
    options = database.source | {"partitions": "2"}

    def follow():
        changes = spark.readStream.format("fustor").options(**options).load()
        writing = changes.writeStream.format("fustor").options(**database.pusher).trigger(availableNow=True)
        writing.option("checkpointLocation", str(tmp_path)).start().awaitTermination()

    follow()
    for n in range(20):  # megabytes: both of two ranges have some, whatever else the server writes meanwhile
        database.run("UPDATE t SET v = (SELECT string_agg(md5(k::text || %s), '') FROM generate_series(1, 500) k)", n)
    with pytest.raises(Exception, match="coalesce"):
        follow()


def test_no_plan_shows_the_secret(spark, database, secret, capfd):
    database.fill(3)
    rows = read(spark, database.source)
    rows.explain(True)
    assert rows.count() == 3
    shown = capfd.readouterr()
    assert "fustor" in shown.out
    assert secret not in shown.out + shown.err + str(rows._jdf.queryExecution().toString())
