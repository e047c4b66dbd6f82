"""What no driver can cure under agent 0.8.17 and Fusion, and the settings that help: docs/hosts.md tells of them."""

import shutil
import time

import pytest
from hosts.tree_and_view import Pair
from hosts.waiting import eventually

TRAFFIC_SEC = 9

pytestmark = pytest.mark.hosts


@pytest.mark.parametrize(("timeout_sec", "is_lost"), [(3, True), (3600, False)])
def test_steady_traffic_ends_a_session_unless_its_time_is_long(new_agent, new_fusion, tmp_path, timeout_sec, is_lost):
    root = tmp_path / "world"
    root.mkdir()
    (root / "there").touch()
    with Pair(root, new_agent("0.8.17"), new_fusion(timeout_sec=timeout_sec)).live() as pair:
        pair.settles()
        seen, numbers = [], iter(range(10_000))
        until = time.monotonic() + TRAFFIC_SEC

        def look():
            (root / f"{next(numbers)}").touch()
            seen.append("/there" in (pair.fusion.tree() or {}))
            return time.monotonic() > until

        assert eventually(look, 2 * TRAFFIC_SEC)
        assert (not all(seen)) == is_lost
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
