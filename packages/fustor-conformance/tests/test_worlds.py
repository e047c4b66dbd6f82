"""The ready-made Worlds, and what the kit finds out about a World by itself."""

import sqlite3
from contextlib import closing

import pytest
from kit_journal import JournalDriver, JournalWorld
from kit_memory import MemoryWorld
from kit_source import MemoryDriver

from fustor_conformance import Kind, subject_of_class
from fustor_conformance.histories.abilities import abilities
from fustor_conformance.histories.trees import DirectoryHands
from fustor_conformance.worlds import WithValues
from fustor_conformance.worlds.trees import FileTree


@pytest.fixture
def tree():
    with FileTree() as world:
        yield world


@pytest.fixture
def hands(tree):
    return DirectoryHands(tree.root)


def test_a_tree_does_what_it_says(tree):
    first, inner = tree.create("a"), tree.create("box/inner/b")
    assert tree.rename(inner, "c") == "/c"
    before = tree.list()[first]
    tree.modify(first)
    assert tree.list()[first] != before
    tree.delete("/box")
    assert sorted(tree.list()) == ["/a", "/c"]


def test_a_tree_that_was_away_is_back(tree):
    path = tree.create("a")
    with tree.interrupted():
        assert not tree.root.exists()
    assert path in tree.list()


def test_the_kit_changes_a_directory_by_itself(tree, hands):
    assert DirectoryHands.fit(tree.config()["uri"], tree)
    moved, box = hands.move_in("in/came"), hands.move_in_container("box")
    hands.truncate(moved)
    assert tree.list()[moved]["size"] == 0
    hands.replace(moved)
    assert tree.list()[moved]["size"] > 0
    hands.move_out(box)
    assert f"{box}/inner/file" not in tree.list()


def test_times_and_names_can_be_exchanged(tree, hands):
    first, second = tree.create("a"), tree.create("b")
    sizes = [tree.list()[path]["size"] for path in (second, first)]
    hands.swap(first, second)
    assert [tree.list()[path]["size"] for path in (first, second)] == sizes
    before = tree.list()[first]["mtime"]
    hands.touch(first)
    assert tree.list()[first]["mtime"] != before


def test_what_is_written_slowly_grows_at_the_end(tree, hands):
    with hands.write_slowly("slow") as path:
        begun = tree.list()[path]["size"]
    assert tree.list()[path]["size"] > begun > 0


@pytest.mark.parametrize("uri", ["memory://x", "/no/such/place", "http://localhost/", "file://elsewhere/tmp"])
def test_what_is_no_local_directory_is_left_alone(uri):
    assert not DirectoryHands.fit(uri, MemoryWorld())


def test_a_tree_that_lists_less_than_there_is_is_left_alone():
    class Selective(FileTree):
        def list(self):
            return {path: row for path, row in super().list().items() if "by-hand" not in path}

    with Selective() as world:
        assert not DirectoryHands.fit(world.config()["uri"], world)


def test_a_table_holds_the_values_that_hurt():
    with JournalWorld() as world:
        assert isinstance(world, WithValues)
        made = {world.create_with(f"hard-{n}", record): record for n, record in enumerate(world.values)}
        for path, record in made.items():
            assert record.items() <= world.list()[path]["record"].items()


def test_a_row_that_takes_a_key_replaces_the_one_that_had_it():
    with JournalWorld() as world:
        first, second = world.create("a"), world.create("b")
        world.modify(first)
        assert world.rename(first, "b") == second
        assert [row["record"]["value"] for row in world.list().values()] == [2]


def test_names_that_a_world_does_not_hold_are_left_out():
    class Narrow(JournalWorld):
        def create(self, key):
            if " " in key:
                raise sqlite3.DataError(key)
            return super().create(key.replace("%", ""))

    able = abilities(subject_of_class(Kind.SOURCE, JournalDriver, Narrow))
    assert able.onto
    assert not able.into
    assert not able.tree
    assert "-dash" in able.odd
    assert not [key for key in able.odd if " " in key]


def test_a_world_that_ignores_keys_has_no_odd_names():
    class Numbered(MemoryWorld):
        def create(self, key):
            del key
            return super().create("one")

    assert abilities(subject_of_class(Kind.SOURCE, MemoryDriver, Numbered)).odd == ()


def test_the_journal_of_a_table_has_a_line_for_each_change():
    with JournalWorld() as world:
        world.delete(world.create("a"))
        with closing(world.connect()) as conn:
            assert conn.execute("select id, gone from journal").fetchall() == [("a", 0), ("a", 1)]
