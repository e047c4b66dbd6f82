import asyncio
import os
import shutil
import subprocess
import threading

import pytest
from fs_audits import ALL, listed, pairs, skipped

from fustor_conformance.monitor.opening import without_opening
from fustor_core.exceptions import DriverError
from fustor_event_model import LifecycleSignal


class TestGuideDialect:
    def test_signals_bracket_the_rows(self, tree, driver):
        events = list(driver.get_audit_iterator())
        assert [event.signal for event in (events[0], events[-1])] == [
            LifecycleSignal.AUDIT_START,
            LifecycleSignal.AUDIT_END,
        ]
        assert not events[0].rows
        assert not events[-1].rows
        assert all(event.signal is None for event in events[1:-1])

    def test_every_directory_is_listed_every_time(self, tree, driver):
        for _ in range(2):
            rows = {row["path"]: row for event in driver.get_audit_iterator() for row in event.rows}
            assert listed(rows) == ALL
            assert {"/a/file", "/a/b/c/file", "/d/file"} <= set(rows)

    def test_nothing_is_listed_before_the_start_was_taken(self, tree, driver):
        events = driver.get_audit_iterator()
        assert next(events).signal is LifecycleSignal.AUDIT_START
        (tree / "late").write_bytes(b"")
        assert "/late" in {row["path"] for event in events for row in event.rows}

    @pytest.mark.parametrize("how", ["stop_event", "close"])
    def test_a_stopped_audit_has_no_end(self, tree, driver, how):
        stop = threading.Event()
        events = driver.get_audit_iterator(stop_event=stop, batch_size=1)
        next(events)
        next(events)
        stop.set() if how == "stop_event" else asyncio.run(driver.close())
        assert [event for event in events if event.signal] == []

    def test_a_root_replaced_meanwhile_is_an_error_without_an_end(self, tree, driver):
        events = driver.get_audit_iterator(batch_size=1)
        seen = [next(events), next(events)]
        tree.rename(tree.with_name("aside"))
        tree.mkdir()
        with pytest.raises(DriverError, match="replaced"):
            seen.extend(events)
        assert "/" not in {row["path"] for event in seen for row in event.rows}
        assert seen[-1].signal is not LifecycleSignal.AUDIT_END

    def test_a_missing_root_is_an_error(self, make_driver, root):
        events = make_driver(uri=str(root / "missing")).get_audit_iterator()
        next(events)
        with pytest.raises(DriverError, match="cannot be read"):
            next(events)


class TestRows:
    def test_a_containers_row_goes_out_after_all_below_it(self, tree, driver, rows_of):
        order = [row["path"] for row in rows_of(driver.get_audit_iterator(batch_size=1))]
        for container in ALL:
            below = [path for path in order if path != container and path.startswith(container.rstrip("/") + "/")]
            assert all(order.index(path) < order.index(container) for path in below)
        assert order[-1] == "/"

    def test_parent_mtime_is_that_of_the_parent_before_it_was_listed(self, tree, driver):
        events = driver.get_audit_iterator(batch_size=1)
        before = tree.stat().st_mtime
        rows = {}
        for event in events:
            for row in event.rows:
                rows[row["path"]] = row
                (tree / f"new-{row['file_name']}").write_bytes(b"")
        assert rows["/a"]["parent_mtime"] == rows["/"]["mtime"] == rows["/"]["parent_mtime"] == before
        assert rows["/a/file"]["parent_mtime"] == rows["/a"]["mtime"] == (tree / "a").stat().st_mtime
        assert rows["/a/file"]["parent_path"] == "/a"

    def test_a_directory_that_changes_while_it_is_listed_is_marked(self, root, driver):
        for number in range(5):
            (root / f"f{number}").write_bytes(b"")
        events = driver.get_audit_iterator(batch_size=1)
        next(events)
        next(events)
        (root / "late").write_bytes(b"")
        rows = {row["path"]: row for event in events for row in event.rows}
        assert skipped(rows) == {"/"}

    def test_a_directory_removed_while_it_is_read_has_no_row(self, root, driver):
        (root / "a").mkdir()
        for number in range(5):
            (root / "a" / f"f{number}").write_bytes(b"")
        events = driver.get_audit_iterator(batch_size=1)
        next(events)
        next(events)
        shutil.rmtree(root / "a")
        assert "/a" not in {row["path"] for event in events for row in event.rows}

    def test_a_directory_that_became_a_file_is_told_as_a_file(self, root, driver):
        for name in ("a", "b"):
            (root / name).mkdir()
            (root / name / "f").write_bytes(b"")
        events = driver.get_audit_iterator(batch_size=1)
        next(events)
        first = next(events).rows[0]["parent_path"]
        other = "b" if first == "/a" else "a"
        shutil.rmtree(root / other)
        (root / other).write_bytes(b"now a file")
        rows = {row["path"]: row for event in events for row in event.rows}
        assert rows[f"/{other}"]["is_directory"] is False
        assert rows[f"/{other}"]["size"] == 10

    def test_an_unreadable_directory_is_marked_and_costs_no_other_row(self, public_root, make_driver, as_nobody):
        for name in ("closed", "no-search", "open"):
            (public_root / name).mkdir()
            (public_root / name / "file").write_bytes(b"")
        (public_root / "closed").chmod(0)
        (public_root / "no-search").chmod(0o744)
        driver = make_driver(uri=str(public_root), clock_granularity_sec=0)
        as_nobody()
        cache = {}
        rows = pairs(driver, cache)
        assert skipped(rows) == {"/closed", "/no-search"}
        assert listed(rows) == {"/", "/open"}
        assert not cache.keys() & {"/closed", "/no-search"}
        assert driver.statistics()["failed_listings"] == 2


class TestUnchanged:
    def test_a_quiet_tree_gives_one_marked_row_a_directory(self, tree, driver):
        cache = {}
        assert listed(pairs(driver, cache)) == ALL
        assert set(cache) == ALL
        before = dict(cache)
        rows = pairs(driver, cache)
        assert set(rows) == skipped(rows) == ALL
        assert cache == before

    def test_below_an_unchanged_directory_a_change_is_found(self, tree, driver):
        cache = {}
        pairs(driver, cache)
        (tree / "a/b/c/new").write_bytes(b"")
        rows = pairs(driver, cache)
        assert listed(rows) == {"/a/b/c"}
        assert "/a/b/c/new" in rows

    def test_the_hosts_cache_is_never_changed(self, tree, driver):
        cache = {"/": 1.0, "/d": 2.0}
        list(driver.get_audit_iterator(mtime_cache=cache))
        assert cache == {"/": 1.0, "/d": 2.0}

    def test_a_cleared_cache_means_a_full_audit(self, tree, driver):
        pairs(driver, {})
        assert listed(pairs(driver, {})) == ALL

    def test_a_directory_that_the_host_remembers_otherwise_is_listed(self, tree, driver):
        cache = {}
        pairs(driver, cache)
        cache["/a/b"] += 1
        del cache["/d"]
        assert listed(pairs(driver, cache)) == {"/a/b", "/d"}

    def test_a_host_that_knows_more_than_the_driver_gets_a_full_audit(self, tree, driver, make_driver):
        cache = {}
        pairs(driver, cache)
        other = make_driver(clock_granularity_sec=0.02)
        assert listed(pairs(other, cache)) == ALL

    @pytest.mark.parametrize("field", range(4), ids=["device", "inode", "mtime", "ctime"])
    def test_every_stamp_counts(self, tree, driver, field):
        cache = {}
        pairs(driver, cache)
        record = driver._memory._past.records["/a/b"]
        record.stamps = tuple(value + (place == field) for place, value in enumerate(record.stamps))
        assert listed(pairs(driver, cache)) == {"/a/b"}

    def test_a_restored_mtime_does_not_hide_a_change(self, tree, driver):
        cache = {}
        pairs(driver, cache)
        status = (tree / "d").stat()
        (tree / "d/new").write_bytes(b"")
        os.utime(tree / "d", ns=(status.st_atime_ns, status.st_mtime_ns))
        assert "/d/new" in pairs(driver, cache)

    def test_an_audit_that_did_not_come_there_forgets(self, tree, driver):
        cache = {}
        pairs(driver, cache)
        stop = threading.Event()
        items = without_opening(driver.get_audit_iterator(mtime_cache=cache, stop_event=stop, batch_size=1))
        taken = [next(items)]
        stop.set()
        taken += items
        visited = {row["path"] for event, _ in taken for row in event.rows}
        assert len(visited) < len(ALL)
        assert listed(pairs(driver, cache)) == ALL - visited

    def test_what_the_host_did_not_come_back_for_is_forgotten(self, tree, driver):
        cache = {}
        pairs(driver, cache)
        items = without_opening(driver.get_audit_iterator(mtime_cache=cache))
        next(items)
        items.close()
        assert listed(pairs(driver, cache)) == ALL

    def test_a_guide_audit_in_between_forgets(self, tree, driver):
        cache = {}
        pairs(driver, cache)
        list(driver.get_audit_iterator())
        assert listed(pairs(driver, cache)) == ALL

    def test_two_audits_at_once_do_not_share_a_past(self, tree, driver):
        cache = {}
        pairs(driver, cache)
        one = without_opening(driver.get_audit_iterator(mtime_cache=cache))
        next(one)
        assert listed(pairs(driver, dict(cache))) == ALL

    @pytest.mark.skipif(os.geteuid() != 0, reason="Only root can become another user and come back")
    @pytest.mark.parametrize("mode", [0o700, 0o744], ids=["closed", "no-search"])
    def test_a_failed_listing_is_forgotten(self, public_root, make_driver, as_nobody, mode):
        """Nothing but the reader changes after it: if it had left a record, the next audit would skip the directory."""
        closed = public_root / "a"
        closed.mkdir(mode)
        driver = make_driver(uri=str(public_root), clock_granularity_sec=0)
        cache = {}
        pairs(driver, cache)
        before = closed.stat()
        (closed / "new").write_bytes(b"")
        os.utime(closed, ns=(before.st_atime_ns, before.st_mtime_ns))
        as_nobody()
        assert "/a" in skipped(pairs(driver, cache))
        as_nobody(again=True)
        rows = pairs(driver, cache)
        assert "/a" in listed(rows)
        assert "/a/new" in rows

    @pytest.mark.parametrize(("younger", "expected"), [(0.5, True), (-3.0, True), (3.0, False)])
    def test_a_directory_younger_than_the_clocks_tick_is_listed_again(self, tree, make_driver, younger, expected):
        """As on a kernel that stamps two changes within one tick alike; a stamp in the future is younger too."""
        driver = make_driver(clock_granularity_sec=2)
        for path in ("a/b/c", "a/b", "a", "d", "."):
            os.utime(tree / path, (1, 1))
        newest = max((tree / path).stat().st_ctime for path in ("a/b/c", "a/b", "a", "d", "."))
        driver._memory.clock = lambda: newest + younger
        cache = {}
        pairs(driver, cache)
        assert (listed(pairs(driver, cache)) == ALL) is expected

    def test_every_nth_audit_is_a_full_one(self, tree, make_driver):
        driver, cache = make_driver(clock_granularity_sec=0.02, full_audit_every=3), {}
        assert [listed(pairs(driver, cache)) == ALL for _ in range(6)] == [True, False, True, False, False, True]

    def test_a_vanished_directory_below_an_unchanged_one_is_doubted(self, tree, driver):
        """Its parent looks unchanged, so that something else is wrong: nothing is claimed about either."""
        cache = {}
        pairs(driver, cache)
        driver._memory._past.records["/a"].subdirectories += "\0phantom"
        rows = pairs(driver, cache)
        assert "/a" in skipped(rows)
        assert "/a" in listed(pairs(driver, cache))

    def test_a_path_too_long_for_one_call_is_listed_anew(self, root, make_driver):
        fd, name = os.open(root, os.O_RDONLY), "d" * 250
        for _ in range(20):
            os.mkdir(name, dir_fd=fd)
            following = os.open(name, os.O_RDONLY, dir_fd=fd)
            os.close(fd)
            fd = following
        os.close(fd)
        try:
            driver, cache = make_driver(clock_granularity_sec=0, full_audit_every=0), {}
            assert len(listed(pairs(driver, cache))) == 21
            rows = pairs(driver, cache)
            assert len(rows) == 21
            assert 10 < len(skipped(rows)) < 21
        finally:
            subprocess.run(["rm", "-rf", str(root)], check=True)
