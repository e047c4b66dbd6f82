"""What realtime emits between audits, and what the next audit lists for it."""

import os

import pytest
from fs_audits import ALL, listed, pairs, skipped

from fustor_conformance.monitor.opening import without_opening
from fustor_source_fs._rows import DELETE, UPSERT


class TestBesideRealtime:
    def test_a_deleted_and_remade_container_is_listed(self, tree, driver, reader):
        cache = {}
        running = reader(driver)
        pairs(driver, cache)
        running.told()
        pairs(driver, cache)
        pairs(driver, cache)
        assert "/a/b" in skipped(pairs(driver, cache))
        driver._memory.note(deletion("/a"))
        assert {"/a", "/a/b", "/a/b/c"} <= listed(pairs(driver, cache))

    def test_a_deletion_before_the_last_visit_does_not_matter(self, tree, driver):
        cache = {}
        driver._memory.note(deletion("/a"))
        pairs(driver, cache)
        pairs(driver, cache)
        pairs(driver, cache)
        assert skipped(pairs(driver, cache)) == ALL

    @pytest.mark.parametrize(
        ("path", "is_directory", "again"),
        [
            ("/a/b/x", False, {"/", "/a", "/a/b"}),
            ("/d/x", False, {"/", "/d"}),
            ("/d", True, {"/", "/d"}),
            ("/a", True, {"/", "/a", "/a/b", "/a/b/c"}),
        ],
        ids=["something-below", "something-in-a-leaf", "itself", "above"],
    )
    @pytest.mark.parametrize("when", ["before-the-last-audit", "during-it"])
    @pytest.mark.usefixtures("tree")
    def test_what_realtime_touched_is_listed_in_the_next_audit(self, driver, path, is_directory, again, when):
        cache = {}
        pairs(driver, cache)
        if when == "before-the-last-audit":
            driver._memory.note(upsert(path, is_directory))
            assert skipped(pairs(driver, cache)) == ALL
        else:
            items = without_opening(driver.get_audit_iterator(mtime_cache=cache, batch_size=1))
            next(items)
            driver._memory.note(upsert(path, is_directory))
            list(items)
        assert listed(pairs(driver, cache)) == again

    def test_what_realtime_touched_long_ago_is_not_listed(self, tree, driver):
        cache = {}
        pairs(driver, cache)
        driver._memory.note(upsert("/a/b/x", False))
        for _ in range(3):
            rows = pairs(driver, cache)
        assert skipped(rows) == ALL
        assert not any((driver._memory._below, driver._memory._deleted, driver._memory._trees))

    def test_too_many_touched_paths_mean_a_full_audit(self, tree, driver):
        cache = {}
        pairs(driver, cache)
        for number in range(3):
            paths = [f"/n/{number}/{one}" for one in range(100_000)]
            driver._memory.note(event("+", *({"path": path, "parent_path": path} for path in paths)))
        assert listed(pairs(driver, cache)) == ALL
        assert sum(map(len, (driver._memory._below, driver._memory._deleted, driver._memory._trees))) <= 200_000


def event(sign, *rows):
    full = [{"is_directory": False, "mtime": 1.0, "size": 0, **row} for row in rows]
    kind = DELETE if sign == "-" else UPSERT
    return kind.event(
        fields=["path", "mtime", "size"], rows=full, event_schema="fs", table="", message_source="realtime"
    )


def deletion(path):
    return event("-", {"path": path, "parent_path": os.path.dirname(path), "is_directory": True})


def upsert(path, is_directory):
    return event("+", {"path": path, "parent_path": os.path.dirname(path), "is_directory": is_directory})
