"""What no driver can cure under agent 0.8.17 and Fusion, and the settings that help: docs/hosts.md tells of them."""

import itertools
import shutil
import threading
from contextlib import contextmanager

import pytest
from hosts.tree_and_view import Pair
from hosts.waiting import eventually
from tiers import longer

TOUCH_SEC = 0.05
SHORT_SEC = 9
"""A time-out of sessions: the agent sends a heartbeat once it has pushed nothing for a third of it, 3 s."""
LOST_SEC, KEPT_SEC = 60, 12
"""For how long a loss is awaited, and for how long there must be none."""

pytestmark = pytest.mark.hosts


@contextmanager
def traffic(root):
    """A new file every moment, while the block runs."""
    is_over = threading.Event()

    def touch():
        for number in itertools.count():
            (root / f"{number}").touch()
            if is_over.wait(TOUCH_SEC):
                return

    thread = threading.Thread(target=touch)
    thread.start()
    try:
        yield
    finally:
        is_over.set()
        thread.join()


@pytest.mark.parametrize(("timeout_sec", "is_lost"), [longer(SHORT_SEC, True), (3600, False)])
def test_steady_traffic_ends_a_session_unless_its_time_is_long(new_agent, new_fusion, tmp_path, timeout_sec, is_lost):
    root = tmp_path / "world"
    root.mkdir()
    (root / "there").touch()
    with Pair(root, new_agent("0.8.17"), new_fusion(timeout_sec=timeout_sec)).live() as pair:
        pair.settles()
        is_away = lambda: "/there" not in (pair.fusion.tree() or {}) or pair.fusion.sessions() > 1  # noqa: E731 - used once
        with traffic(root):
            assert eventually(is_away, LOST_SEC if is_lost else KEPT_SEC) == is_lost
        pair.settles()


def test_what_comes_back_with_its_old_time_is_not_shown_before_it_is_touched(new_agent, new_fusion, tmp_path):
    root = tmp_path / "world"
    root.mkdir()
    (root / "a").touch()
    with Pair(root, new_agent("0.8.17"), new_fusion()).live() as pair:
        pair.settles()
        shutil.move(root / "a", root / "b")
        pair.settles()
        shutil.move(root / "b", root / "a")
        pair.audited()
        assert pair.difference()["missing"] == ["/a"]
        (root / "a").touch()
        pair.settles()
