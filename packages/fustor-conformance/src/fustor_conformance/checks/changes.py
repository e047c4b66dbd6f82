"""Family M: what changes fast, deep, in a row, or under odd names."""

from __future__ import annotations

import posixpath
from collections.abc import Sequence

from fustor_conformance._paths import at_or_below, containers
from fustor_conformance._reading import Stream, last_word, with_paths
from fustor_conformance._scenes import (
    Row,
    in_time,
    marks,
    odd_fields,
    odd_things,
    pace,
    view_of,
    whatever_it_raises,
)
from fustor_conformance.outcome import Broken
from fustor_conformance.rules import check
from fustor_conformance.subject import SourceSubject
from fustor_conformance.worlds import SourceWorld, WithUnreadable
from fustor_event_model import EventBase, EventType

_BOXES = 60
_BOXES_SEC = 1.0
_STEPS = 12
_STEP_SEC = 0.00004
_REST_SEC = 0.004
_TURNS = 20
_TURNS_SEC = 0.8
_TRICKLE = 150
_TRICKLE_SEC = 0.8
_REFUSED_SEC = 0.5
_PACES = (0.0, 0.0, 0.001, 0.0, 0.004, 0.0, 0.02)


@check("M11")
def containers_come_and_go(subject: SourceSubject) -> int:
    """Filled in the moment they are made, filled after a move, and removed with all that is in them."""
    with subject.world() as world, subject.driver(world) as driver, subject.stream(driver) as stream:
        stream.require(_filled_at_once(world))
        if "rename" in world.operations:
            _moved(world, stream)
            stream.require(_filled_after_moves(world))
        if "delete" in world.operations:
            _removed(world, stream)
        return len(stream.events)


def _filled_at_once(world: SourceWorld) -> list[str]:
    """Containers with some things each, which come a little later after one another every time; and rest in between."""
    paths: list[str] = []
    for number in in_time(range(_BOXES), _BOXES_SEC):
        for name in ("first", "second", "third", "fourth"):
            paths.append(world.create(f"kit-new-{number}/inner/{name}"))
            pace(_STEP_SEC * (number % _STEPS))
        pace(_REST_SEC)
    return paths


def _moved(world: SourceWorld, stream: Stream) -> None:
    """What is made and changed in a container after its move has its new path; its old one can be used again."""
    thing = world.create("kit-move/inner/thing")
    stream.require([thing])
    top = posixpath.dirname(posixpath.dirname(thing))
    old = at_or_below(world.list(), top)
    began = len(stream.events)
    new = world.rename(top, "kit-moved")
    late = world.create("kit-moved/inner/late")
    moved = f"{new}{thing[len(top) :]}"
    if "modify" in world.operations:
        world.modify(moved)
    stream.require([moved, late], deleted=old)
    _require_deepest_first(old, stream.events[began:])
    again = world.create("kit-move/inner/again")
    stream.require([again, moved])
    _require_world(world, stream, [again, moved, late])


def _filled_after_moves(world: SourceWorld) -> list[str]:
    """Containers that move, with one thing each that comes a little later after the move every time."""
    paths = []
    for number in range(_STEPS):
        thing = world.create(f"kit-going-{number}/inner/thing")
        top = posixpath.dirname(posixpath.dirname(thing))
        new = world.rename(top, f"kit-gone-{number}")
        pace(_STEP_SEC * number)
        paths += [f"{new}{thing[len(top) :]}", world.create(f"kit-gone-{number}/inner/late")]
    return paths


def _removed(world: SourceWorld, stream: Stream) -> None:
    thing = world.create("kit-doomed/inner/deep/thing")
    others = [world.create(f"kit-doomed/inner/{name}") for name in ("one", "two")]
    stream.require([thing, *others])
    top = "/".join(thing.split("/")[:-3])
    gone = at_or_below(world.list(), top)
    began = len(stream.events)
    world.delete(top)
    stream.require((), deleted=gone)
    _require_deepest_first(gone, stream.events[began:])


def _require_deepest_first(gone: Sequence[str], events: Sequence[EventBase]) -> None:
    deleted = [path for event, path in with_paths(events) if event.event_type is EventType.DELETE]
    last = {path: place for place, path in enumerate(deleted)}
    for path in gone:
        for up in containers(path):
            if up in last and last[up] < last[path]:
                raise Broken(f"The delete of {up!r} comes before that of {path!r}, which is in it", str(deleted[:20]))


@check("M12")
def order_of_one_path(subject: SourceSubject) -> int:
    """Made, changed, removed and made again, over and over: the last word is what there is."""
    with subject.world() as world, subject.driver(world) as driver, subject.stream(driver) as stream:
        there, gone, briefly = (_over_and_over(world, key) for key in ("kit-there", "kit-gone", "kit-briefly"))
        world.delete(briefly)
        stream.require([there, gone])
        world.delete(gone)
        paths = [there, *(_box_over_and_over(world) if "nest" in world.operations else ())]
        stream.require([path for path in paths if path in world.list()], deleted=[gone])
        _require_world(world, stream, [path for path in paths if path in world.list()])
        if not stream.wait_past(lambda _: not _ghosts(stream, world), *marks(world)):
            raise Broken("The last word of the stream is a row, and these are gone", *_ghosts(stream, world))
        return len(stream.events)


def _ghosts(stream: Stream, world: SourceWorld) -> list[str]:
    there = world.list()
    told = last_word(stream.events)
    names = ("kit-gone", "kit-briefly")
    return [path for path, is_there in told.items() if is_there and path not in there and path.endswith(names)]


def _over_and_over(world: SourceWorld, key: str) -> str:
    path = world.create(key)
    for turn in in_time(range(_TURNS), _TURNS_SEC):
        if "modify" in world.operations:
            world.modify(path)
        world.delete(path)
        pace(_PACES[turn % len(_PACES)])
        path = world.create(key)
    return path


def _box_over_and_over(world: SourceWorld) -> list[str]:
    """A container that goes and comes back with other things in it."""
    paths = []
    for turn in range(_TURNS // 2):
        paths.append(world.create(f"kit-box/inner/of-{turn}"))
        pace(_PACES[turn % len(_PACES)])
        world.delete(posixpath.dirname(posixpath.dirname(paths[-1])))
    return [*paths, world.create("kit-box/inner/last")]


@check("M13")
def between_two_looks(subject: SourceSubject) -> int:
    """Changes at every distance from one another while the stream is read."""
    with subject.world() as world, subject.driver(world) as driver, subject.stream(driver) as stream:
        paths: list[str] = []
        for number in in_time(range(_TRICKLE), _TRICKLE_SEC):
            paths.append(world.create(f"kit-{number}"))
            if "modify" in world.operations and number % 3 == 0:
                world.modify(paths[number // 2])
            pace(_PACES[number % len(_PACES)])
        stream.require(paths)
        _require_world(world, stream, paths)
        return len(stream.events)


@check("M16")
def refused_is_not_gone(subject: SourceSubject) -> int:
    """A container that cannot be listed for a while, as the stream goes on."""
    with subject.world() as world, subject.driver(world) as driver, subject.stream(driver) as stream:
        assert isinstance(world, WithUnreadable)  # noqa: S101 - the table says that this check needs it
        nests = "nest" in world.operations
        keys = ("kit-refused/thing", "kit-refused/inner/thing") if nests else ("kit-thing", "kit-other")
        things = [world.create(key) for key in keys]
        stream.require(things)
        container, began = posixpath.dirname(things[0]), len(stream.events)
        with world.unreadable(container):
            _go_on_beside(world, stream)
            gone = _deleted(stream.events[began:], container)
        if gone:
            raise Broken(f"{container!r} could not be listed for a while, and the stream deletes what is in it", *gone)
        stream.require([world.create("kit-later")])
        return len(stream.events)


def _go_on_beside(world: SourceWorld, stream: Stream) -> None:
    """So long that who looks at the whole system has looked; something else changes, where the World can do that."""
    began, late = len(stream.events), ""
    with whatever_it_raises():  # a World may have to give up its rights meanwhile
        late = world.create("kit-beside")
    stream.wait_for(lambda events: last_word(events[began:]).get(late) is True, seconds=_REFUSED_SEC)
    stream.wait_for(lambda events: any(e.event_type is EventType.DELETE for e in events[began:]), seconds=_REFUSED_SEC)


def _deleted(events: Sequence[EventBase], container: str) -> list[EventBase]:
    inside = container.rstrip("/") + "/"
    deletes = (event for event in events if event.event_type is EventType.DELETE)
    return [event for event in deletes if any(f"{row['path']}/".startswith(inside) for row in event.rows)][:3]


@check("M15")
def rows_are_the_world(subject: SourceSubject) -> int:
    """Odd and long names, made and changed: each row as the World has it."""
    with subject.world() as world, subject.driver(world) as driver, subject.stream(driver) as stream:
        paths = [world.create("kit-plain"), *odd_things(world)]
        stream.require(paths)
        _require_world(world, stream, paths)
        if "modify" in world.operations:
            for path in paths:
                world.modify(path)
            _require_world(world, stream, paths)
        return len(stream.events)


def _require_world(world: SourceWorld, stream: Stream, paths: Sequence[str]) -> None:
    """The last rows about these paths are what the World lists, before patience ends."""
    expected = world.list()

    def odd() -> list[tuple[str, Row]]:
        view = view_of(stream.events)
        return [(path, fields) for path in paths if (fields := odd_fields(view.get(path), expected[path]))]

    if not stream.wait_for(lambda _: not odd()):
        path, fields = odd()[0]
        raise Broken(f"{path!r} is reported last as {fields}, the world has {expected[path]}")
