"""Steps of histories, and the text that they are; those of the World: every change that it or the kit's hands make."""

from __future__ import annotations

import inspect
import posixpath
import re
import time
from collections import Counter
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from typing import Any

from fustor_conformance._scenes import in_time
from fustor_conformance.histories.abilities import Abilities
from fustor_conformance.histories.trees import DirectoryHands, hands_of
from fustor_conformance.worlds import SourceWorld, WithLongValues, WithValues

_FORM = re.compile(r"([a-z_]+)\((\d+)\)")
_PLAIN = ("a", "b", "dir/a", "dir/deep/a", "dir/b", "c")
"""Few, so that a history meets the same name again."""
_NEW = ("a", "x", "y", "b")
"""What things are renamed to."""
_LONG = ("l", "m", "n")
"""Of things with long values."""
_BURSTS = (40, 300, 1100)
_ENOUGH = 520
"""Beyond what looks at a system take at a time; more only where the World is quick."""
_BURST_SEC = 1.5
_LONGEST_SEC = 8.0
_WIDE = 70
_HAMMER = 25
_MANY = 60

CHANGES = Counter(create=5, modify=3, delete=3, rename=3, recreate=2, onto=1, move=2, kind=2, odd=2)
CHANGES += Counter(value=2, create_long=2, exchange=2)
"""What a random history draws, each with its weight."""
BY_HAND = Counter(touch=2, empty=2, truncate=1, replace=2, move_in=2, move_in_container=2, move_out=2)
BY_HAND += Counter(make_container=1, swap=1, renew=1, become_container=1)
"""What takes more than the World's protocol: the World may have it, or be a directory that the kit can change."""
_TO_A_THING = {
    **{name: {"files": True} for name in ("touch", "truncate", "replace", "become_container")},
    "renew": {"boxes": True},
    "move_out": {},
}
"""What hands do to a thing, each with what that has to be."""
_NEW_THING = {
    "empty": ("empty-", False),
    "move_in": ("came-", False),
    "move_in_container": ("box-", True),
    "make_container": ("bare-", True),
}
"""What hands make, each with how its key begins and whether it is a container."""
AT_ONCE = Counter(burst=1, deep=1, wide=1, odd_all=1, modify_all=1, delete_all=1, values=1, hammer=2)
"""Many changes, made before the host reads on."""


@dataclass(frozen=True, slots=True)
class Step:
    """What to do, and a number that picks what to do it to."""

    name: str
    pick: int = 0

    def __str__(self) -> str:
        return f"{self.name}({self.pick})"


def written(steps: Iterable[Step]) -> str:
    """The steps as one line: `create(3) drain(0)`."""
    return " ".join(map(str, steps))


def parsed(text: str) -> list[Step]:
    """The steps that `written` wrote.

    Raises:
        ValueError: the text holds something else.
    """
    steps = []
    for word in text.split():
        if (found := _FORM.fullmatch(word)) is None:
            raise ValueError(f"{word!r} is not a step of a history; a step looks like 'create(3)'")
        steps.append(Step(found[1], int(found[2])))
    return steps


class Changes:
    """Makes the changes of one World. What it cannot do, or has nothing to do to, is nothing."""

    def __init__(self, world: SourceWorld, uri: str, able: Abilities) -> None:
        self._world = world
        self._able = able
        self._hands = hands_of(world, uri, tree=able.tree)
        self._paths: dict[str, str] = {}
        self._serial = 0
        self.most = max(_BURSTS)
        """How many changes a burst has at most."""
        self._pick = 0
        self._among: Collection[str] | None = None

    def do(self, step: Step, among: Collection[str] | None = None) -> None:
        """Make one change, to one of `among` where that is given and the step is about something that is there."""
        self._pick, self._among = step.pick, among
        if step.name in _TO_A_THING:
            self._by_hand_to(step.name, **_TO_A_THING[step.name])
        elif step.name in _NEW_THING:
            prefix, is_box = _NEW_THING[step.name]
            self._by_hand_new(step.name, prefix, is_box=is_box)
        else:
            change: Callable[[], None] = getattr(self, f"_{step.name}")
            change()

    def has(self, name: str) -> bool:
        """Whether there is such a step."""
        return name in CHANGES or name in BY_HAND or name in AT_ONCE

    def _can(self, *operations: str) -> bool:
        return set(operations) <= self._world.operations

    def _create(self) -> None:
        self._make(_PLAIN[self._pick % len(_PLAIN)])

    def _make(self, key: str, listed: dict[str, dict[str, Any]] | None = None) -> None:
        """A thing for this key, if there is none and no thing stands where a container is needed."""
        key = key if self._can("nest") else key.replace("/", "-")
        if self._can("create") and self._is_free(key, listed):
            self._paths[key] = self._world.create(key)

    def _is_free(self, key: str, listed: dict[str, dict[str, Any]] | None = None) -> bool:
        listed = self._world.list() if listed is None else listed
        steps = key.split("/")
        above = ["/".join(steps[: depth + 1]) for depth in range(len(steps) - 1)]
        return not self._taken(key, listed) and not any(self._taken(box, listed, thing=True) for box in above)

    def _taken(self, key: str, listed: dict[str, dict[str, Any]], *, thing: bool = False) -> bool:
        """Whether something (or, with `thing`, something that is no container) has this key already."""
        known = self._paths.get(key)
        found = [row for path, row in listed.items() if path == known or path.endswith(f"/{key}")]
        return any(not row.get("is_directory") for row in found) if thing else bool(found)

    def _burst(self) -> None:
        if not self._can("create"):
            return
        began = time.monotonic()
        for made in range(min(_BURSTS[self._pick % len(_BURSTS)], self.most)):
            if time.monotonic() > began + (_BURST_SEC if made >= _ENOUGH else _LONGEST_SEC):
                return
            self._world.create(self._new_key("many/" if self._can("nest") and self._pick % 2 else "many-"))

    def _new_key(self, prefix: str) -> str:
        self._serial += 1
        return f"{prefix}{self._serial}"

    def _deep(self) -> None:
        self._make("down/" * (8 + self._pick % 8) + "leaf")

    def _wide(self) -> None:
        if self._can("create"):
            for _ in range(_WIDE):
                self._world.create(self._new_key("wide/" if self._can("nest") else "wide-"))

    def _odd(self) -> None:
        if self._able.odd:
            self._make(self._able.odd[self._pick % len(self._able.odd)])

    def _odd_all(self) -> None:
        listed = self._world.list()
        for key in self._able.odd:
            self._make(key, listed)

    def _modify_all(self) -> None:
        if self._can("modify"):
            for path in self._things(files=True)[:_MANY]:
                self._world.modify(path)

    def _delete_all(self) -> None:
        for _ in range(min(_MANY, len(self._things()))):
            self._delete()

    def _things(self, *, files: bool = False, boxes: bool = False) -> list[str]:
        """What there is to change, in order of paths; containers only where the World makes them."""
        with_boxes = not files and self._can("nest")
        return sorted(
            path
            for path, row in self._world.list().items()
            if (self._among is None or path in self._among)
            and (with_boxes or not row.get("is_directory"))
            and (not boxes or row.get("is_directory"))
        )

    def _modify(self) -> None:
        things = self._things(files=True)
        if things and self._can("modify"):
            self._world.modify(things[self._pick % len(things)])

    def _hammer(self) -> None:
        things = self._things(files=True)
        if things and self._can("modify"):
            for _ in in_time(range(_HAMMER), _BURST_SEC):
                self._world.modify(things[self._pick % len(things)])

    def _delete(self) -> None:
        things = self._things()
        if things and self._can("delete"):
            self._world.delete(things[self._pick % len(things)])

    def _recreate(self) -> None:
        """Away and back at once."""
        listed = self._world.list()
        keys = sorted(
            key for key, path in self._paths.items() if path in listed and (self._among is None or path in self._among)
        )
        if keys and self._can("create", "delete"):
            key = keys[self._pick % len(keys)]
            self._world.delete(self._paths[key])
            self._paths[key] = self._world.create(key)

    def _rename(self) -> None:
        self._give_key(self._things(), _NEW[self._pick % len(_NEW)], self._pick)

    def _move(self) -> None:
        """Into another container, or out of one."""
        if self._able.into:
            self._make("dir/b")
            things = self._things()
            self._give_key(things, self._new_key("dir/moved-" if self._pick % 2 else "moved-"), self._pick // 2)

    def _give_key(self, things: list[str], key: str, pick: int) -> None:
        if not things or not self._can("rename") or not self._is_free(key):
            return
        path = things[pick % len(things)]
        if "/" not in key or not f"/{posixpath.dirname(key)}/".startswith(f"{path}/"):  # nothing moves into itself
            self._paths[key] = self._world.rename(path, key)

    def _onto(self) -> None:
        """A thing takes the name, and the place, of another one."""
        files = self._things(files=True)
        keys = sorted(key for key, path in self._paths.items() if path in files)
        if self._able.onto and len(keys) > 1:
            first, second = keys[self._pick % len(keys)], keys[(self._pick + 1) % len(keys)]
            if posixpath.dirname(self._paths[first]) == posixpath.dirname(self._paths[second]):
                self._paths[second] = self._world.rename(self._paths[first], second)

    def _kind(self) -> None:
        """A thing where a container was, or a container where a thing was."""
        if not self._can("create", "delete", "nest"):
            return
        key = ("k", "dir")[self._pick % 2]
        known, listed = self._kept(key), self._world.list()
        if known in listed:
            self._world.delete(known)
        was_box = bool(listed.get(known, {}).get("is_directory"))
        made = key if was_box else f"{key}/in"
        self._paths[made] = self._world.create(made)
        self._paths[key] = self._paths[made] if was_box else posixpath.dirname(self._paths[made])

    def _kept(self, key: str) -> str:
        """The path that has, or had, this key."""
        found = [path for path in self._world.list() if path == self._paths.get(key) or path.endswith(f"/{key}")]
        return min(found, key=len, default="")

    def _value(self) -> None:
        """A thing with a record that hurts."""
        if isinstance(self._world, WithValues) and self._world.values:
            number = self._pick % len(self._world.values)
            key = f"value-{number}"
            if self._is_free(key):
                self._paths[key] = self._world.create_with(key, dict(self._world.values[number]))

    def _values(self) -> None:
        if isinstance(self._world, WithValues):
            for number in range(len(self._world.values)):
                self._pick = number
                self._value()

    def _create_long(self) -> None:
        key = _LONG[self._pick % len(_LONG)]
        if isinstance(self._world, WithLongValues) and self._is_free(key):
            self._paths[key] = self._world.create_long(key)

    def _exchange(self) -> None:
        listed = self._world.list()
        paths = sorted(path for path, row in listed.items() if "record" in row and "size" not in row)
        if isinstance(self._world, WithLongValues) and len(paths) > 1:
            self._world.exchange(paths[self._pick % len(paths)], paths[(self._pick + 1) % len(paths)])

    def _hand(self, name: str) -> Any:
        """Who can do this: a bound method, or None."""
        return next((method for who in self._hands if (method := getattr(who, name, None)) is not None), None)

    def _within_reach(self, method: Any, things: list[str]) -> list[str]:
        """Of the things those that whoever has the method can find."""
        who = getattr(inspect.unwrap(method), "__self__", None)  # a monitor may stand before it
        return [path for path in things if who.reaches(path)] if isinstance(who, DirectoryHands) else things

    def _by_hand_to(self, name: str, **what: bool) -> None:
        method = self._hand(name)
        if method is not None and (things := self._within_reach(method, self._things(**what))):
            method(things[self._pick % len(things)])

    def _by_hand_new(self, name: str, prefix: str, *, is_box: bool) -> None:
        method = self._hand(name)
        if method is not None and (self._can("nest") or not is_box):
            key = self._new_key(prefix if self._pick % 3 else f".{prefix}")
            in_box = self._pick % 2 and self._can("nest") and self._is_free("dir/x")
            self._paths[key] = method(f"dir/{key}" if in_box else key)

    def _swap(self) -> None:
        if (method := self._hand("swap")) is None:
            return
        things = self._within_reach(method, self._things(files=True))
        if len(things) > 1:
            method(things[self._pick % len(things)], things[(self._pick + 1) % len(things)])

    def write_slowly(self, pick: int) -> Any:
        """A block while which a new thing is being written, in the root or a container; None where nobody can."""
        method = self._hand("write_slowly")
        boxes = [path for path in self._things(boxes=True) if path.count("/") == 1 and path.lstrip("/").isalnum()]
        if method is None:
            return None
        return method(self._new_key(f"{boxes[0].lstrip('/')}/slow-" if boxes and pick % 2 else "slow-"))
