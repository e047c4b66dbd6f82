"""When a system stands still, as far as the monitor can know."""

from __future__ import annotations

from contextlib import contextmanager

from kit_memory import MemoryWorld
from kit_source import MemoryDriver

from fustor_conformance import Kind, subject_of_class
from fustor_conformance.monitor import observed, watched_hands
from fustor_conformance.worlds.trees import FileTree


class Hands:
    """Changes a system beside its World."""

    def touch(self):
        """Change something."""

    @contextmanager
    def write_slowly(self):
        """Change something for a while."""
        yield

    def reaches(self):
        """Look."""


def entered(world=MemoryWorld):
    return subject_of_class(Kind.SOURCE, MemoryDriver, world).world()


def test_a_change_of_the_world_ends_the_quiet_and_a_look_does_not():
    with observed(MemoryDriver) as monitor, entered() as world:
        quiet = monitor.quiet_since_now()
        world.list()
        world.config()
        assert quiet()
        world.create("a")
        assert not quiet()
        assert monitor.quiet_since_now()()


def test_where_a_ready_made_world_has_something_is_no_change_of_it():
    with observed(MemoryDriver) as monitor, entered(FileTree) as world:
        path = world.create("a")
        quiet = monitor.quiet_since_now()
        assert world.path_of(world.place_of(path)) == path
        assert world.list().keys() == {path}
        assert quiet()
        world.delete(path)
        assert not quiet()


def test_while_a_block_of_the_world_runs_nothing_is_quiet():
    with observed(MemoryDriver) as monitor, entered() as world:
        before = monitor.quiet_since_now()
        with world.unreadable("/"):
            assert not before()
            assert not monitor.quiet_since_now()()
        assert monitor.quiet_since_now()()


def test_hands_beside_the_world_end_the_quiet_too():
    with observed(MemoryDriver) as monitor, entered():
        hands = watched_hands(Hands())
        first = monitor.quiet_since_now()
        hands.reaches()
        assert first()
        hands.touch()
        assert not first()
        with hands.write_slowly():
            assert not monitor.quiet_since_now()()


def test_without_a_world_nothing_is_known_to_be_quiet():
    with observed(MemoryDriver) as monitor:
        assert not monitor.quiet_since_now()()


def test_a_world_is_what_it_was_to_whoever_asks():
    with observed(MemoryDriver), entered() as world:
        assert type(world) is MemoryWorld
        assert world.operations == MemoryWorld.operations
