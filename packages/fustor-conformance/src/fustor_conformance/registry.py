"""Which function is which check."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias, TypeVar

from fustor_conformance.rules import Kind, find_rule

__all__ = ["Check", "check", "registered"]

Check: TypeAlias = Callable[[Any], int]
"""Looks at a subject and returns how much it has observed; raises Broken, NotApplicable or NotJudged."""

_C = TypeVar("_C", bound=Check)
_checks: dict[tuple[str, Kind], Check] = {}


def check(rule_id: str, *kinds: Kind) -> Callable[[_C], _C]:
    """Register the decorated function as the check `rule_id` for drivers of `kinds`, all that the rule has if none."""
    rule = find_rule(rule_id)

    def register(function: _C) -> _C:
        for kind in kinds or [kind for kind in Kind if rule.levels(kind)]:
            if (rule_id, kind) in _checks:
                raise ValueError(f"Two functions are {rule_id!r} for a {kind}; register one")
            _checks[rule_id, kind] = function
        return function

    return register


def registered(rule_id: str, kind: Kind) -> Check | None:
    """The function that was registered for `rule_id` and drivers of `kind`, if there is one."""
    return _checks.get((rule_id, kind))
