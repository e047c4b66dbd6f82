import gc

import pytest

from fustor_driver.hosts import heap
from fustor_driver.hosts.heap import calm_collector


@pytest.fixture(autouse=True)
def _as_before(monkeypatch):
    monkeypatch.setattr(heap, "_before", [])  # runs that other tests have left behind are none of these
    before = gc.get_threshold()
    yield
    gc.set_threshold(*before)


def test_the_collector_is_calm_as_long_as_one_run_goes_on():
    gc.set_threshold(700, 10, 10)
    first, second = calm_collector(), calm_collector()
    with first:
        assert gc.get_threshold()[0] > 700
        assert gc.get_freeze_count() > 0
        second.__enter__()
    assert gc.get_threshold()[0] > 700
    second.__exit__(None, None, None)
    assert gc.get_threshold() == (700, 10, 10)
    assert gc.get_freeze_count() == 0


@pytest.mark.parametrize("young", [0, 10**6])
def test_what_the_user_set_is_not_lowered(young):
    gc.set_threshold(young, 10, 10)
    with calm_collector():
        assert gc.get_threshold() == (young, 10, 10)


def test_garbage_of_a_run_is_collected():
    class Node:
        alive = 0

        def __init__(self):
            Node.alive += 1
            self.me = self

        def __del__(self):
            Node.alive -= 1

    with calm_collector():
        for _ in range(30_000):
            Node()
        assert Node.alive < 20_000
