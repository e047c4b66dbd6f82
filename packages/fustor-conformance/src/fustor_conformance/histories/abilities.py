"""What a World can do beyond its protocol, found out once by trying it on a World that nobody reads."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Self
from weakref import WeakKeyDictionary

from fustor_conformance.histories.trees import DirectoryHands
from fustor_conformance.subject import SourceSubject
from fustor_conformance.worlds import HostileKeys, SourceWorld

_ODD = (
    ".hidden",
    "with blank",
    " leading",
    "trailing ",
    "100%",
    "a%2Fb%41",
    "plus+and&equals=",
    "quo\"te'",
    "-dash",
    "caf\u00e9",
    "cafe\u0301",
    "\u65e5\u672c\u8a9e \U0001f418",
    "Case",
    "case",
    "hash#ask?",
    "semi;colon,comma:",
    "*glob[x]",
    "$HOME",
    "~tilde",
    "back\\slash",
    "new\nline",
    "tab\there",
    "dotted.tar.gz",
    "0",
    "null",
    "n" * 200,
    "\u00fc" * 110,
    "long" * 350,
)
"""Names that systems allow and paths, patterns, logs, JSON, SQL or a shell do not expect: each is tried once."""
_ODD_NESTED = (".hidden-box/.inner", "a box/with blank/\u00fc", "deep/" * 24 + "leaf", "dash/-r", "percent%/%25")
"""Where the World can nest."""
_PATIENCE_SEC = 5.0
_abilities: WeakKeyDictionary[SourceSubject, Abilities] = WeakKeyDictionary()


@dataclass(frozen=True)
class Abilities:
    """What may be asked of every World of a subject.

    Args:
        operations: what the World says that it can do.
        odd: the hostile names that it holds.
        onto: a thing may be renamed to a name that another one has, and replaces it.
        into: a thing may be renamed into a container and out of it.
        tree: it is a local directory whose every file is a thing, so that the kit can change it by itself.
    """

    operations: frozenset[str]
    odd: tuple[str, ...] = ()
    onto: bool = False
    into: bool = False
    tree: bool = False


def abilities(subject: SourceSubject) -> Abilities:
    """The abilities of the subject's World, tried out when first asked for."""
    if subject not in _abilities:
        with _Trial(subject) as trial:
            _abilities[subject] = Abilities(
                trial.operations, trial.odd(), trial.holds(_onto), trial.holds(_into), trial.is_tree()
            )
    return _abilities[subject]


class _Trial:
    """A World to try things on; another one takes its place after an error, which may have left it unusable."""

    def __init__(self, subject: SourceSubject) -> None:
        self._subject = subject
        self._until = time.monotonic() + _PATIENCE_SEC
        self._open = ExitStack()

    def __enter__(self) -> Self:
        self._world = self._open.enter_context(self._subject.world())
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._open.close()

    @property
    def operations(self) -> frozenset[str]:
        """What the World says that it can do."""
        return frozenset(self._world.operations)

    def holds(self, attempt: Callable[[SourceWorld], bool]) -> bool:
        """Whether the attempt succeeds."""
        try:
            return time.monotonic() < self._until and attempt(self._world)
        except NotImplementedError:
            raise
        except Exception:  # noqa: BLE001 - whatever a World answers to what it cannot do
            self._open.close()
            self._open = ExitStack()
            self._world = self._open.enter_context(self._subject.world())
            return False

    def odd(self) -> tuple[str, ...]:
        """The odd names that the World holds, each as a thing of its own."""
        if "create" not in self._world.operations or not self.holds(_names_things):
            return ()
        declared = self._world.hostile_keys if isinstance(self._world, HostileKeys) else ()
        nested = _ODD_NESTED if "nest" in self._world.operations else ()
        return tuple(key for key in dict.fromkeys((*_ODD, *nested, *declared)) if self.holds(_holder(key)))

    def is_tree(self) -> bool:
        """Whether the World is a local directory, whose files the World's own listing names."""
        if "create" not in self._world.operations:
            return False
        return self.holds(lambda world: DirectoryHands.fit(self._subject.config(world).uri, world))


def _names_things(world: SourceWorld) -> bool:
    """Whether a key leads to a thing of its own, which some Worlds leave to chance."""
    first, second = world.create("kit-one"), world.create("kit-two")
    return first != second and {first, second} <= world.list().keys()


def _holder(key: str) -> Callable[[SourceWorld], bool]:
    def attempt(world: SourceWorld) -> bool:
        before = world.list().keys()
        path = world.create(key)
        if path in before or path not in world.list():
            return False
        if "modify" in world.operations:
            world.modify(path)
        if "delete" in world.operations and "/" not in key:
            world.delete(path)
            return world.list().keys() == before
        return True

    return attempt


def _onto(world: SourceWorld) -> bool:
    if not {"create", "rename"} <= world.operations:
        return False
    first, second = world.create("kit-from"), world.create("kit-onto")
    return world.rename(first, "kit-onto") == second and first not in world.list() and second in world.list()


def _into(world: SourceWorld) -> bool:
    if not {"create", "rename", "nest"} <= world.operations:
        return False
    thing, inside = world.create("kit-outside"), world.create("kit-box/inside")
    moved = world.rename(thing, "kit-box/moved")
    out = world.rename(inside, "kit-moved-out")
    there = world.list()
    return (
        moved.rpartition("/")[0] == inside.rpartition("/")[0]
        and {moved, out} <= there.keys()
        and not {thing, inside} & there.keys()
    )
