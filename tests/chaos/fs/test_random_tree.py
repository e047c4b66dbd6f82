"""Whatever happens to the tree, what the events tell is what an independent walk finds."""

import pytest

SEEDS = range(100, 105)


def run(base, worker, host, seed, operations, **params):
    print(f"seed {seed}, {operations} operations")
    with worker(base, seed, operations // 4) as finish:
        finish()
    with host(base / "root", **params) as running, worker(base, seed + 5000, operations) as finish:
        running.snapshot()
        finish()
        running.until_equal(20)
        assert running.driver.statistics()["overflows"] == 0
        print(f"{running.events} rows")


def test_a_short_history(base, worker, host):
    run(base, worker, host, 1, 1500)


@pytest.mark.chaos
@pytest.mark.parametrize("seed", SEEDS)
def test_histories(base, worker, host, seed):
    run(base, worker, host, seed, 10_000)


@pytest.mark.full
@pytest.mark.parametrize("seed", range(1000, 1200))
def test_many_histories(base, worker, host, seed):
    run(base, worker, host, seed, 10_000)
