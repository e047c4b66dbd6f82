"""Which check comes next, and who makes it, when several processes share them."""

from __future__ import annotations

import threading
from collections.abc import Iterable

from fustor_conformance._recording import RECORDED
from fustor_conformance.rules import Kind, Rule, find_rule

__all__ = ["Plan"]

_LONGEST = 1.0
_HERE = frozenset({"M14"})
"""What has been watched from the beginning, by a process of its own that this one has started."""


class Plan:
    """Gives out each check once its prerequisites are done, first those on which the most time depends.

    One recording answers many checks of a source, and each process makes its own: so they all go to the one that took
    the first of them, which makes them before anything else. Callable from any thread.
    """

    def __init__(self, rules: Iterable[Rule], kind: Kind) -> None:
        self._left = {rule.id: rule for rule in _with_prerequisites(rules, kind)}
        self._before = {rule.id: {name for name in rule.requires if name in self._left} for rule in self._left.values()}
        self._rank = {name: self._ranked(name) for name in self._left}
        self._done: set[str] = set()
        self._is_over = False
        self._recorder: object = None
        self._changed = threading.Condition()

    def take(self, worker: object) -> Rule | None:
        """The next check for this worker, as soon as there is one; None when there will be none.

        Args:
            worker: whoever makes the checks that it takes; None for the process that has the plan, which waits for
                what it watches.
        """
        with self._changed:
            while mine := [name for name in self._left if self._is_for(worker, name)]:
                if ready := [name for name in mine if self._before[name] <= self._done]:
                    chosen = max(ready, key=lambda name: (name in RECORDED, self._rank[name]))
                    if chosen in RECORDED:
                        self._recorder = worker
                    return self._left.pop(chosen)
                self._changed.wait()
            return None

    def done(self, rule: Rule) -> None:
        """This one has its verdict."""
        with self._changed:
            self._done.add(rule.id)
            self._changed.notify_all()

    def wait(self, rule: Rule) -> None:
        """Until this one has its verdict, or nobody works any more."""
        with self._changed:
            self._changed.wait_for(lambda: rule.id in self._done or self._is_over)

    def abandon(self) -> None:
        """Nothing is taken any more."""
        with self._changed:
            self._is_over = True
            self._left.clear()
            self._changed.notify_all()

    def _is_for(self, worker: object, name: str) -> bool:
        if worker is None or name in _HERE:
            return worker is None and name in _HERE
        return name not in RECORDED or self._recorder in (None, worker)

    def _ranked(self, name: str) -> float:
        own = find_rule(name).deadline_sec or _LONGEST
        after = (self._ranked(other) for other, before in self._before.items() if name in before)
        return own + max(after, default=0.0)


def _with_prerequisites(rules: Iterable[Rule], kind: Kind) -> list[Rule]:
    found: dict[str, Rule] = {}
    todo = list(rules)
    while todo:
        rule = todo.pop(0)
        if rule.id not in found:
            found[rule.id] = rule
            todo += [other for other in map(find_rule, rule.requires) if other.levels(kind)]
    return list(found.values())
