"""Whether a World says enough for a verdict: what it must have for its driver's kind; and how fast it is."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Iterable, Mapping
from contextlib import suppress
from weakref import WeakKeyDictionary

from fustor_conformance._desk import told
from fustor_conformance.outcome import Broken
from fustor_conformance.subject import PusherSubject, SourceSubject, Subject
from fustor_core.drivers import PusherDriver
from fustor_event_model import MessageSource

PROBE = "kit-probe"
"""The key of a thing that is made in every World first, so that it shows where two are one."""
_BARE = frozenset({"path", "file_name", "parent_path", "parent_mtime", "is_directory"})
"""What says where a thing is and not how it is."""
_KEPT = ("size", "mtime", "record")
_PUSHED = "/kit-probe"
_found: WeakKeyDictionary[Subject, dict[str, str]] = WeakKeyDictionary()
_lock = threading.RLock()
_WRONG = "wrong"


def require_sound(subject: Subject) -> None:
    """See to it that the subject's World does as it says, since each of its mistakes looks like many of the driver's.

    Raises:
        Broken: it does not.
    """
    if why := insufficient(subject).get(_WRONG):
        raise Broken(why)


def left_over(before: Iterable[str], made: Iterable[str]) -> str | None:
    """What is wrong with a World that had these paths when it was entered, before the kit made `made` in it.

    Paths without the kit's key are left out: those are of a World that has the same things whatever it makes.
    """
    found = sorted(path for path in set(before) & set(made) if "kit-" in path)
    if not found:
        return None
    return f"A World that has just been entered has {found[0]!r} in it already; give each one a system of its own"


def insufficient(subject: Subject) -> Mapping[str, str]:
    """The needs of rules that the subject's World does not serve although its driver's kind must have them, with why.

    A World or a driver that fails here has nothing said against it: the checks themselves meet the failure.
    """
    with _lock:
        if subject not in _found:
            _found[subject] = {}
            with suppress(Exception):  # told by the check that meets it, with its own words
                _found[subject] = _of_source(subject) if isinstance(subject, SourceSubject) else _of_pusher(subject)
        return _found[subject]


def _of_source(subject: SourceSubject) -> dict[str, str]:
    began = time.monotonic()
    with subject.world() as world:
        if "create" not in world.operations:
            return {"create": "The World cannot create, and without a change nothing is seen; give it `create`"}
        before = world.list()
        path = world.create(PROBE)
        there = world.list()
        if why := _odd(path, there) or left_over(before, [path]):
            return {_WRONG: why}
        rows = [row for row in there.values() if not row.get("is_directory")]
        with suppress(Exception), subject.driver(world) as driver:  # what fails here is told by the checks
            next(iter(driver.get_snapshot_iterator()), None)
            subject.manners.measured(time.monotonic() - began)
    if rows and not any(row.keys() - _BARE for row in rows):
        told = sorted({name for row in rows for name in row}) or "nothing"
        return {"create": f"The World's list() says {told} of a thing besides its path; say its size, or its record"}
    return {}


def _odd(path: object, there: object) -> str | None:
    """What is wrong with the path of a new thing, or with the list of what is there now."""
    if not isinstance(there, Mapping) or not all(isinstance(row, Mapping) for row in there.values()):
        return f"The World's list() gives a {type(there).__name__}, not a dict that has a row's fields for each path"
    if path not in there:
        return (
            f"The World's create({PROBE!r}) gives {path!r}, and its list() has {sorted(there)[:3]}: create gives the"
            " path that rows of the thing have, once it is there for everybody"
        )
    return None


def _of_pusher(subject: Subject) -> dict[str, str]:
    assert isinstance(subject, PusherSubject)  # noqa: S101 - there are two kinds
    began = time.monotonic()
    with subject.world() as world:
        if not isinstance(getattr(world, "keyed", None), bool):
            return {"stored": "The World does not say whether its destination is `keyed`"}
        asyncio.run(_push(subject.driver(world)))
        rows = [row for row in world.stored() if row.get("path") == _PUSHED]
    subject.manners.measured(time.monotonic() - began)
    if rows and not any(name in row for row in rows for name in _KEPT):
        return {
            "stored": f"The World's stored() says {sorted(rows[0])} of a row that was pushed with {', '.join(_KEPT)}; "
            "say every field"
        }
    return {}


async def _push(driver: PusherDriver) -> None:
    session = await driver.create_session("kit:probe")
    await driver.push(
        [told(MessageSource.REALTIME, _PUSHED, index=1, record={"kit": 1})], session_id=session["session_id"]
    )
    await driver.close()
