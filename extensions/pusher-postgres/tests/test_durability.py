"""A server that answers before its log is on the disk: the kit sees it, with and without the World's help."""

import os

import pytest

from fustor_conformance import Kind, subject_of_class
from fustor_conformance.checks import find_check
from fustor_conformance.outcome import Broken
from fustor_pusher_postgres import PostgresDriver, _server
from fustor_pusher_postgres.testing import World
from fustor_testing_postgres import Server


class Plain:
    """The World with nothing but what every World has."""

    keyed = World.keyed

    def __init__(self):
        self._world = World()

    def __enter__(self):
        self._world.__enter__()
        return self

    def __exit__(self, *exc_info):
        self._world.__exit__(*exc_info)

    def config(self):
        return self._world.config()

    def stored(self):
        return self._world.stored()


def judge(world):
    subject = subject_of_class(Kind.PUSHER, PostgresDriver, world, name="postgres")
    return find_check("U27", Kind.PUSHER)(subject)


@pytest.fixture(autouse=True, scope="module")
def _on_a_disk():
    """Where no server is named, one whose files are where the kit can see whether they are synced: not in memory."""
    if "FUSTOR_TEST_PG_DSN" in os.environ:
        yield
        return
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("FUSTOR_TEST_PG_DIR", raising=False)
        server = Server.started()
        patch.setenv("FUSTOR_TEST_PG_DSN", server.uri)
        yield
        server.remove()


WORLDS = [World, pytest.param(Plain, marks=pytest.mark.skipif("FUSTOR_TEST_PG_DSN" in os.environ, reason="not here"))]


@pytest.mark.parametrize("world", WORLDS)
def test_a_push_is_on_the_disk(world):
    assert judge(world) > 0


@pytest.mark.parametrize("world", WORLDS)
def test_a_push_that_does_not_wait_is_seen(world, monkeypatch):
    settings = [setting.replace("synchronous_commit=on", "synchronous_commit=off") for setting in _server._SETTINGS]
    monkeypatch.setattr(_server, "_SETTINGS", tuple(settings))
    with pytest.raises(Broken, match="push returned"):
        judge(world)
