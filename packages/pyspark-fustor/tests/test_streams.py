"""A stream of changes into a copy: killed, resumed and replayed, the two are equal in the end."""

import threading

import pytest

pytest.importorskip("pyspark", reason="pyspark is not installed; uv sync --group engines")

from spark_support import wait_until

pytestmark = pytest.mark.engines

CHANGES = (
    "UPDATE t SET n = n + 1, v = md5(n::text || v) WHERE id % 97 = {i} % 97",
    "DELETE FROM t WHERE id % 997 = {i} % 997",
    "INSERT INTO t SELECT k, 'new', {i} FROM generate_series(2000000 + {i} * 10, 2000009 + {i} * 10) k",
    "UPDATE t SET id = id + 5000000 WHERE id = 2000000 + {i} * 10",
)


class Traffic:
    """Transactions, one after the other, until stopped."""

    def __init__(self, database, made):
        self._database = database
        self._stop = threading.Event()
        self.made = made
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self):
        while not self._stop.wait(0.05):
            for statement in CHANGES:
                self._database.run(statement.format(i=self.made))
            self.made += 1

    def stop(self):
        self._stop.set()
        self._thread.join()

    def goes_on(self, rounds):
        """Whether it was at work for so many rounds."""
        assert self._stop.is_set() or self._thread.is_alive(), "a statement failed"
        return self.made >= rounds


@pytest.fixture
def traffic(database):
    started = []

    def start(made=0):
        started.append(Traffic(database, made))
        return started[-1]

    yield start
    for one in started:
        one.stop()


def batches(checkpoint, log="commits"):
    """The last batch in one of the two logs: of what was planned (`offsets`), or of what was done."""
    return max((int(file.name) for file in (checkpoint / log).glob("[0-9]*")), default=-1)


def lose_the_last_commit(checkpoint):
    """What a crash between the last push and its record leaves; a batch that was only planned is read again anyway."""
    last = batches(checkpoint)
    if batches(checkpoint, "offsets") == last:
        (checkpoint / "commits" / str(last)).unlink()
        (checkpoint / "commits" / f".{last}.crc").unlink(missing_ok=True)


@pytest.mark.full
@pytest.mark.parametrize("rows", [20_000, 1_000_000])
def test_a_copy_follows_its_table_through_two_crashes_and_a_lost_commit_record(
    database, traffic, application, tmp_path, rows
):
    database.fill(rows)
    checkpoint = tmp_path / "checkpoint"
    source = database.source | {"progress_sec": "0.5"}
    stream = {"do": "stream", "source": source, "pusher": database.pusher, "checkpoint": str(checkpoint)}
    begin = {**stream, "available_now": True}  # from here on the source keeps its changes
    copy = {"do": "copy", "source": database.source | {"partitions": "4"}, "pusher": database.pusher}
    first = application(steps=[begin, copy])
    wait_until(lambda: batches(checkpoint) >= 0 or first.process.poll() is not None, "no first batch")
    changing = traffic()
    first.wait()
    running = application(steps=[stream])
    running.wait_until(lambda: batches(checkpoint) >= 3, "the stream stands still")
    running.kill()
    running = application(steps=[stream])
    running.wait_until(lambda: batches(checkpoint) >= 6, "the stream stands still")
    changing.stop()
    running.wait_until(lambda: database.difference() == [], "the copy is another table")
    running.kill()
    lose_the_last_commit(checkpoint)
    changing = traffic(changing.made)
    running = application(steps=[stream])
    before = changing.made
    running.wait_until(lambda: changing.goes_on(before + 20), "no traffic")
    changing.stop()
    running.wait_until(lambda: database.difference() == [], "the copy is another table")
    last_change = database.run("SELECT pg_current_wal_lsn()")[0][0]
    database.run("CREATE TABLE noise (n int)")
    running.wait_until(lambda: database.has_released(last_change), "an idle stream is not acknowledged")


def test_ranges_that_tasks_read_at_once_are_one_copy_again(database, application, tmp_path):
    database.fill(200)
    checkpoint = str(tmp_path / "checkpoint")
    source = database.source | {"partitions": "3", "progress_sec": "1"}
    begin = {
        "do": "stream",
        "source": source,
        "pusher": database.pusher,
        "checkpoint": checkpoint,
        "available_now": True,
    }
    application(steps=[begin, {"do": "copy", "source": database.source, "pusher": database.pusher}]).wait()
    for i in range(20):
        for statement in CHANGES:
            database.run(statement.format(i=i))
    assert database.difference() != []
    application(steps=[begin]).wait()
    assert database.difference() == []


@pytest.mark.full
def test_in_a_cluster_nothing_but_names_travels(database, application, secret, tmp_path):
    """Executors are processes of their own there, with event logs as a history server shows them."""
    database.fill(5_000)
    (tmp_path / "events").mkdir()
    settings = {"spark.eventLog.enabled": "true", "spark.eventLog.dir": f"file://{tmp_path}/events"}
    stream = {"do": "stream", "source": database.source, "pusher": database.pusher, "available_now": True}
    stream["checkpoint"] = str(tmp_path / "checkpoint")
    copy = {"do": "copy", "source": database.source | {"partitions": "4"}, "pusher": database.pusher}
    cluster = {"master": "local-cluster[2,1,1024]", "settings": settings}
    said = application(steps=[stream, copy], **cluster).wait()
    database.run("UPDATE t SET n = 7 WHERE id % 3 = 0")
    said += application(steps=[stream], **cluster).wait()
    assert database.difference() == []
    logs = [file for file in (tmp_path / "events").rglob("*") if file.is_file()]
    assert logs
    assert secret not in said + "".join(file.read_text(errors="replace") for file in logs)
    written = [file for file in (tmp_path / "checkpoint").rglob("*") if file.is_file()]
    assert all(secret.encode() not in file.read_bytes() for file in written)
