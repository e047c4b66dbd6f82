"""A small world of files and directories that tells what happens in it."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from random import Random
from typing import Any

NAMES = ("a", "b", "c")
MAX_DEPTH = 3  # of a database: its rows
COLUMNS = ("k", "n", "t", "u")
VALUES = (None, None, 0, False, "", "null", [], {}, {"t": None}, 1.5, 2**63, "long" * 9, "\u00e9")


@dataclass(frozen=True)
class Thing:
    is_directory: bool
    size: int
    mtime: float
    stamp: int  # of a directory: changes with its list of names, as device, inode, mtime and ctime together do
    record: Mapping[str, Any] | None = None  # of what is no directory


@dataclass(frozen=True)
class Change:
    """What happened to one path; `thing` is what stood there right after, None if nothing."""

    path: str
    thing: Thing | None
    was_directory: bool = False
    is_partial: bool = False
    is_new: bool = True
    left_out: frozenset[str] = frozenset()
    """Columns that did not change, and that a log does not repeat."""


def parent_of(path):
    return path.rpartition("/")[0] or "/"


def child_of(path, name):
    return f"{path.rstrip('/')}/{name}"


def is_within(path, above):
    return above in ("/", path) or path.startswith(above + "/")


class World:
    """Paths and what stands there; every operation returns its changes in order.

    In a database, the depth of a path says what it is: schema, table or row.
    """

    def __init__(self, *, is_database=False):
        self.is_database = is_database
        self.born = {}
        self.hot = "/"  # where it happened last: races need more than one change in a place
        self.clock = 100
        self.stamps = 0
        self.things = {"/": Thing(is_directory=True, size=0, mtime=100.0, stamp=0)}

    def expected(self, *, containers=True):
        return {
            path: {
                "is_directory": thing.is_directory,
                "size": thing.size,
                "mtime": thing.mtime,
                "record": thing.record,
            }
            for path, thing in self.things.items()
            if containers or not thing.is_directory
        }

    def names(self, path):
        return sorted(child.rpartition("/")[2] for child in self.things if child != "/" and parent_of(child) == path)

    def below(self, path):
        return sorted(child for child in self.things if child != path and is_within(child, path))

    def act(self, random: Random):
        self.clock += 1
        operations = [self._create] * 4 + [self._modify] * 5 + [self._delete] * 2
        operations += [self._rename, self._replace, self._exchange]
        return random.choice(operations)(random)

    def _free_place(self, random):
        directories = [path for path, thing in self.things.items() if thing.is_directory]
        path = child_of(random.choice(directories), random.choice(NAMES))
        if random.random() < 0.4 and self.things.get(parent_of(self.hot), self.things["/"]).is_directory:
            path = self.hot if parent_of(self.hot) in self.things else path
        return path if path not in self.things and path.count("/") <= MAX_DEPTH else None

    def _any(self, random, *, directory=None):
        paths = [p for p, t in self.things.items() if p != "/" and directory in (None, t.is_directory)]
        if random.random() < 0.4:
            paths = [p for p in paths if is_within(self.hot, p)] or paths
        return random.choice(paths) if paths else None

    def _create(self, random):
        path = self._free_place(random)
        return [] if path is None else [self._put(path, random, is_directory=self._kind(path, random.random() < 0.4))]

    def _kind(self, path, is_directory):
        return path.count("/") < MAX_DEPTH if self.is_database else is_directory

    def _modify(self, random):
        path = self._any(random, directory=False)
        if path is None:
            return []
        return [change for _ in range(random.choice((1, 1, 2, 3))) for change in self._update(path, random)]

    def _update(self, path, random):
        before = self.things[path].record
        after = before | {name: random.choice(VALUES) for name in before if random.random() < 0.4}
        same = [name for name in before if before[name] == after[name] and type(before[name]) is type(after[name])]
        change = self._put(path, random, is_directory=False, record=after)
        change = replace(change, is_new=False, left_out=_some(same, random))
        if random.random() < 0.7:
            return [change]
        half = replace(change, thing=replace(self.things[path], size=-1), is_partial=True)
        return [half, replace(change, left_out=_some(before, random))]

    def _exchange(self, random):
        """Two rows exchange their keys, as one transaction of a database may."""
        one, other = self._any(random, directory=False), self._any(random, directory=False)
        if one is None or one == other:
            return []
        self.things[one], self.things[other] = self.things[other], self.things[one]
        self._touch(parent_of(one))
        self._touch(parent_of(other))
        return [Change(one, self.things[one]), Change(other, self.things[other])]

    def _delete(self, random):
        path = self._any(random)
        return [] if path is None else self._remove(path)

    def _replace(self, random):
        path = self._any(random)
        if path is None:
            return []
        is_directory = self.things[path].is_directory is (random.random() < 0.5)
        return [*self._remove(path), self._put(path, random, is_directory=self._kind(path, is_directory))]

    def _rename(self, random):
        old, new = self._any(random), self._free_place(random)
        if old is None or new is None or is_within(new, old):
            return []
        moved = {new + path[len(old) :]: self.things[path] for path in [old, *self.below(old)]}
        if any(path.count("/") > MAX_DEPTH for path in moved) or (
            self.is_database and old.count("/") != new.count("/")
        ):
            return []
        changes = self._remove(old)
        self.born |= dict.fromkeys(moved, self.clock)
        self.things |= moved  # with the mtimes they had: older than what may be known of the place
        self.things[new] = replace(self.things[new], stamp=self._stamp())
        self._touch(parent_of(new))
        return changes + [Change(path, self.things[path]) for path in moved]

    def _put(self, path, random, *, is_directory, record=None):
        self.hot = path
        is_new = path not in self.things
        mtime = float(self.clock if random.random() < 0.7 else random.randrange(self.clock))
        if record is None and not is_directory:
            record = {name: random.choice(VALUES) for name in sorted(_some(COLUMNS, random))}
        self.things[path] = Thing(is_directory, random.randrange(1000), mtime, self._stamp(), record)
        if is_new:
            self.born[path] = self.clock
            self._touch(parent_of(path))
        return Change(path, self.things[path])

    def _remove(self, path):
        changes = [
            Change(gone, None, self.things.pop(gone).is_directory) for gone in [*reversed(self.below(path)), path]
        ]
        self._touch(parent_of(path))
        return changes

    def _touch(self, path):
        self.things[path] = replace(self.things[path], mtime=float(self.clock), stamp=self._stamp())

    def _stamp(self):
        self.stamps += 1
        return self.stamps


def _some(names, random):
    return frozenset(name for name in names if random.random() < 0.7)
