"""What is stored is what the view holds, after every push of random histories."""

import asyncio
from contextlib import closing

import psycopg2
import pytest
from postgres_histories import play
from psycopg2 import sql

PLAIN = 30
FULL = 2_000
LENGTH = 30


@pytest.fixture
def stored(module_database):
    """Reads a task's rows by path, over one connection."""
    with closing(psycopg2.connect(module_database.dsn)) as conn, conn.cursor() as cur:
        conn.autocommit = True

        def read(task):
            cur.execute(
                "SELECT relation FROM fustor._fustor_tables t JOIN fustor._fustor_tasks k ON k.number = t.task"
                " WHERE k.task = %s",
                (task,),
            )
            rows = {}
            for (name,) in cur.fetchall():
                cur.execute(
                    sql.SQL(
                        "SELECT path, mtime, size, is_directory, audit_skipped, record, parent_mtime, extra FROM {}"
                    ).format(sql.Identifier("fustor", name))
                )
                for path, mtime, size, is_directory, skipped, record, parent_mtime, extra in cur.fetchall():
                    assert path not in rows, f"{path!r} is in two tables"
                    row = {"path": path, "mtime": mtime, "size": size, "is_directory": is_directory}
                    row |= {"audit_skipped": skipped, "record": record, "parent_mtime": parent_mtime, **(extra or {})}
                    rows[path] = {key: value for key, value in row.items() if value is not None}
            return {path: row for path, row in rows.items() if not (path == "/" and "mtime" not in row)}

        yield read


def expect_equal(database, stored, seeds, length):
    async def main():
        driver = database.driver()
        try:
            for seed in seeds:
                await play(driver, stored, seed, length, f"history {seed} {length}")
            assert driver.statistics()["refused_batches"] == 0
        finally:
            await driver.close()

    asyncio.run(main())


@pytest.mark.parametrize("start", range(0, PLAIN, 10))
def test_tables_equal_the_view(module_database, stored, start):
    print(f"seeds {start} to {start + 9}")
    expect_equal(module_database, stored, range(start, start + 10), LENGTH)


@pytest.mark.full
@pytest.mark.parametrize("start", range(PLAIN, FULL, 100))
def test_tables_equal_the_view_in_many_histories(database, stored, start):
    expect_equal(database, stored, range(start, start + 100), 60)
