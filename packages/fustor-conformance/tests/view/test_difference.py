"""Contract section 8, point 6: what is, and what is not, a difference between view and world."""

import pytest
from view_source import AUDIT_END, AUDIT_START, upsert

from fustor_conformance.view import Difference, DifferenceKind, View
from fustor_event_model import MessageSource


@pytest.fixture
def view():
    view = View()
    view.begin_session("s", -1)
    return view


def audited(view, *rows):
    view.snapshot_end()
    for event in (AUDIT_START, *rows, AUDIT_END):
        view.apply(event)


def skipped(path, source=MessageSource.AUDIT):
    return upsert(path, is_directory=True, audit_skipped=True, source=source)


def listed(path):
    return upsert(path, is_directory=True, source=MessageSource.AUDIT)


def test_missing_unexpected_and_differing_paths_are_told_in_order(view):
    view.apply(upsert("/b", 1.0, 1))
    view.apply(upsert("/c", 1.0, 1, record={"k": 1}))
    world = {"/a": {}, "/c": {"size": 2, "mtime": 1.0, "record": {"k": 1}}}
    found = view.difference(world)
    assert found == [
        Difference("/a", DifferenceKind.MISSING),
        Difference("/b", DifferenceKind.UNEXPECTED),
        Difference("/c", DifferenceKind.FIELD, "size", 1, 2),
    ]
    assert [str(difference) for difference in found] == [
        "'/a' is in the world and not in the view",
        "'/b' is in the view and not in the world",
        "'/c' has size 1 in the view and 2 in the world",
    ]


def test_only_the_fields_given_are_compared(view):
    view.apply(upsert("/a", 1.0, 1))
    assert view.difference({"/a": {"is_directory": False}}) == []
    assert len(view.difference({"/a": {"is_directory": True, "record": {}}})) == 2


def test_mtime_and_size_of_containers_are_no_difference_and_their_kind_is(view):
    view.apply(upsert("/a/b", 1.0, 1))
    view.apply(upsert("/a", 5.0, 5, is_directory=True))
    world = {"/a": {"is_directory": True, "mtime": 9.0, "size": 9}, "/a/b": {}}
    assert view.difference(world) == []
    assert [found.path for found in view.difference({**world, "/a": {"is_directory": False}})] == ["/a"]


def test_the_root_is_a_container_of_every_world(view):
    assert view.difference({"/": {"is_directory": True}}) == []
    view.apply(upsert("/a"))
    assert view.difference({"/a": {}}) == []


def test_a_suspect_may_differ_in_size_and_mtime_and_nothing_else(view):
    view.apply(upsert("/a", 1.0, 1, is_atomic_write=False))
    world = {"/a": {"size": 2, "mtime": 2.0, "is_directory": False}}
    assert view.difference(world) == []
    assert [found.field for found in view.difference({"/a": {"is_directory": True}})] == ["is_directory"]
    view.apply(upsert("/a", 1.0, 1))
    assert [found.field for found in view.difference(world)] == ["size", "mtime"]


def test_untold_changes_are_left_out_with_all_below_them(view):
    view.apply(upsert("/a/b"))
    view.apply(upsert("/ab"))
    assert [found.path for found in view.difference({}, untold=["/a"])] == ["/ab"]


def test_a_world_of_rows_does_not_hold_containers_against_the_view(view):
    view.apply(upsert("/s/empty", is_directory=True))
    view.apply(upsert("/s/t/1"))
    assert [found.path for found in view.difference({"/s/t/1": {}})] == ["/s/empty"]
    assert view.difference({"/s/t/1": {}}, containers=False) == []


@pytest.mark.parametrize("source", [MessageSource.AUDIT, MessageSource.SNAPSHOT])
def test_what_is_below_a_container_that_was_not_listed_is_left_out_until_it_is(view, source):
    view.apply(upsert("/a/old/x"))
    if source is MessageSource.SNAPSHOT:
        view.apply(skipped("/a", source))
        view.snapshot_end()
    else:
        audited(view, skipped("/a"), listed("/"))
    world = {"/a": {"is_directory": True}, "/a/new": {}}
    assert view.difference(world) == []
    assert [found.path for found in view.difference({"/b": {}})] == ["/a", "/b"]
    audited(view, listed("/a"), listed("/"))
    assert [found.path for found in view.difference(world)] == ["/a/new"]


def test_what_was_listed_below_a_container_whose_stamps_moved_is_judged(view):
    view.apply(upsert("/a/b/x"))
    audited(view, upsert("/a/b/x", source=MessageSource.AUDIT), listed("/a/b"), skipped("/a"), listed("/"))
    assert [found.path for found in view.difference({"/a/b": {}, "/a/b/y": {}, "/a/z": {}})] == ["/a/b/x", "/a/b/y"]
    audited(view, skipped("/a"), listed("/"))  # this time nobody got as far as /a/b
    assert view.difference({"/a/b": {}, "/a/b/y": {}}) == []
