"""What is stored is what the view holds, after every push of random histories."""

import asyncio

import pytest
from postgres_histories import LONG_NAMES, MANY_NAMES, NAMES, NEW_NAMES, play, reader

PLAIN = 30
FULL = 2_000
LENGTH = 30


def expect_equal(database, seeds, length, names=NAMES):
    async def main():
        driver = database.driver(max_delete_rows=1_000_000)  # a view has no guard
        try:
            with reader(database) as stored:
                for seed in seeds:
                    task = f"history {seed} {length} {len(names)} {names is LONG_NAMES}"
                    await play(driver, stored, seed, length, task=task, names=names)
            assert driver.statistics()["refused_batches"] == 0
        finally:
            await driver.close()

    asyncio.run(main())


@pytest.mark.parametrize("start", range(0, PLAIN, 10))
def test_tables_equal_the_view(module_database, start):
    print(f"seeds {start} to {start + 9}")
    expect_equal(module_database, range(start, start + 10), LENGTH)


@pytest.mark.wide
@pytest.mark.parametrize("names", [MANY_NAMES, NEW_NAMES, LONG_NAMES], ids=["many names", "new names", "long names"])
def test_tables_equal_the_view_with_other_names(module_database, names):
    expect_equal(module_database, range(10), LENGTH, names)


@pytest.mark.full
@pytest.mark.parametrize("start", range(PLAIN, FULL, 100))
def test_tables_equal_the_view_in_many_histories(database, start):
    expect_equal(database, range(start, start + 100), 60)


@pytest.mark.full
@pytest.mark.parametrize("start", range(0, FULL // 4, 100))
def test_tables_equal_the_view_in_many_histories_of_new_paths(database, start):
    expect_equal(database, range(start, start + 100), 60, MANY_NAMES)


@pytest.mark.full
@pytest.mark.parametrize("start", range(0, FULL // 4, 100))
def test_tables_equal_the_view_in_many_histories_of_pushes_of_new_rows(database, start):
    expect_equal(database, range(start, start + 100), 60, NEW_NAMES)
