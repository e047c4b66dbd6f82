"""No driver that is durable in an unusual way is called otherwise."""

import pytest
from correct_durable import (
    KeepsItOpen,
    LeavesAProcess,
    Mapped,
    ReopensToSync,
    RollsBack,
    Synchronous,
    SyncsByACommand,
    SyncsTheFileSystem,
    TouchesFirst,
)
from kit_pusher import FileWorld
from kit_sqlite import SqliteDriver, SqliteWorld
from tiers import sampled

from fustor_conformance import Kind, subject_of_class
from fustor_conformance.checks import find_check
from fustor_conformance.outcome import NotApplicable

pytestmark = pytest.mark.wide

FILES = (LeavesAProcess, Mapped, ReopensToSync, Synchronous, SyncsByACommand, SyncsTheFileSystem)
DATABASES = (KeepsItOpen, RollsBack, SqliteDriver, TouchesFirst)


@pytest.mark.parametrize("driver", sampled([*FILES, *DATABASES], 2))
def test_it_is_durable(driver):
    world = SqliteWorld if driver in DATABASES else FileWorld
    subject = subject_of_class(Kind.PUSHER, driver, world, name="durable")
    for rule in ("U16", "U27", "U28", "U29", "U33", "U34"):
        try:
            assert find_check(rule, Kind.PUSHER)(subject) > 0
        except NotApplicable as reason:  # U34 where nothing is only added to, the others where pages cannot be seen
            assert rule == "U34" or "cachestat" in str(reason) or "dirty pages" in str(reason)  # noqa: PT017
