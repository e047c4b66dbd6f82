"""Contract section 8, point 1: realtime always wins."""

import pytest
from view_source import begun, delete, upsert
from view_variants import ChangeOfKindLeavesWhatIsBelow, DeleteLeavesWhatIsBelow, RealtimeOnlyIfYounger

from fustor_conformance.view import View


@pytest.fixture
def view():
    return begun(View())


def test_unknown_parents_appear_as_containers_of_unknown_mtime(view):
    view.apply(upsert("/a/b/c", size=7))
    assert view.paths() == {"/", "/a", "/a/b", "/a/b/c"}
    assert view.row("/a/b") == {"path": "/a/b", "is_directory": True, "mtime": None, "size": None}
    assert view.difference({"/a/b/c": {"size": 7, "is_directory": False}}) == []


def test_an_upsert_replaces_be_its_mtime_older_or_not(view):
    view.apply(upsert("/a", 9.0, 1))
    view.apply(upsert("/a", 3.0, 2))
    assert view.row("/a") == {"path": "/a", "mtime": 3.0, "size": 2}


def test_a_container_told_again_keeps_its_contents(view):
    view.apply(upsert("/a/b"))
    view.apply(upsert("/a", is_directory=True))
    assert view.paths() == {"/", "/a", "/a/b"}


def test_a_change_of_kind_removes_what_was_below(view):
    view.apply(upsert("/a/b/c"))
    view.apply(upsert("/a"))
    assert view.paths() == {"/", "/a"}


def test_something_below_a_file_makes_that_a_container(view):
    view.apply(upsert("/a", 5.0))
    view.apply(upsert("/a/b"))
    assert view.row("/a")["is_directory"] is True
    assert view.row("/a")["mtime"] is None


def test_a_delete_removes_the_path_and_all_below_it(view):
    for path in ("/a/b/c", "/a/d", "/ab"):
        view.apply(upsert(path))
    view.apply(delete("/a"))
    assert view.paths() == {"/", "/ab"}


def test_a_delete_of_the_root_removes_everything(view):
    view.apply(upsert("/a/b"))
    view.apply(delete("/"))
    assert view.paths() == set()


def test_a_delete_of_the_unknown_changes_nothing(view):
    view.apply(upsert("/a"))
    view.apply(delete("/b/c"))
    assert view.paths() == {"/", "/a"}


def test_a_path_deleted_and_told_again_is_there(view):
    for event in (upsert("/a", 5.0), delete("/a", 6.0), upsert("/a", 5.0)):
        view.apply(event)
    assert "/a" in view.paths()


def test_events_are_neither_changed_nor_kept(view):
    event = upsert("/a", 5.0, 1)
    before = event.model_dump()
    view.apply(event)
    assert event.model_dump() == before
    event.rows[0]["size"] = 99  # hosts assign rows after they were pushed
    assert view.row("/a")["size"] == 1


@pytest.mark.parametrize("path", ["a", "", "//a", "/a/", "/a//b", None, 3])
def test_a_row_without_an_absolute_path_is_refused_and_changes_nothing(view, path):
    event = upsert("/a")
    event.rows = [{"path": "/b", "mtime": 1.0, "size": 1}, {"path": path, "mtime": 1.0, "size": 1}]
    with pytest.raises(ValueError, match="Path"):
        view.apply(event)
    assert view.paths() == set()


@pytest.mark.parametrize("mtime", [None, "1", True, float("nan"), float("inf")])
def test_a_row_without_a_finite_mtime_is_refused(view, mtime):
    with pytest.raises(ValueError, match="has mtime"):
        view.apply(upsert("/a", mtime))


def test_a_row_that_is_no_mapping_is_refused(view):
    event = upsert("/a")
    event.rows = ["/a"]
    with pytest.raises(ValueError, match="not a mapping"):
        view.apply(event)


def test_an_event_before_any_session_is_a_mistake_of_the_host():
    with pytest.raises(RuntimeError, match="begin_session"):
        View().apply(upsert("/a"))


def test_depth_has_no_limit(view):
    path = "/a" * 3000
    view.apply(upsert(path))
    assert len(view.paths()) == 3001
    view.snapshot_end()
    assert view.difference({path: {"size": 1}}) == []
    view.apply(delete("/a"))
    assert view.paths() == {"/"} or view.paths() == set()


@pytest.mark.parametrize(
    ("behaviour", "broken"),
    [
        (test_an_upsert_replaces_be_its_mtime_older_or_not, RealtimeOnlyIfYounger),
        (test_a_change_of_kind_removes_what_was_below, ChangeOfKindLeavesWhatIsBelow),
        (test_a_delete_removes_the_path_and_all_below_it, DeleteLeavesWhatIsBelow),
    ],
)
def test_a_view_without_the_clause_fails(behaviour, broken):
    with pytest.raises(AssertionError):
        behaviour(begun(broken()))
