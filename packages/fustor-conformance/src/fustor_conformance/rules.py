"""The rules: what each check asks of a driver, why, at which level, and the function that judges it."""

from __future__ import annotations

import difflib
import tomllib
from collections.abc import Callable, Mapping
from enum import StrEnum
from functools import cache
from importlib.resources import files
from types import MappingProxyType
from typing import Any, TypeAlias, TypeVar

from pydantic import BaseModel, ConfigDict, Field, model_validator

from fustor_driver.errors import UsageProblem
from fustor_driver.kinds import Kind, Profile

__all__ = [
    "FAMILIES",
    "Check",
    "Kind",
    "Level",
    "Profile",
    "Rule",
    "UnknownRuleError",
    "all_rules",
    "check",
    "check_by",
    "depth",
    "find_rule",
    "registered",
    "rules_for",
    "rules_like",
]

FAMILIES: Mapping[str, str] = MappingProxyType(
    {
        "P": "package",
        "L": "the package as it is written",
        "C": "shape of the class",
        "E": "events",
        "I": "indexes and positions",
        "M": "realtime",
        "S": "snapshot",
        "A": "audit",
        "U": "pushers",
        "R": "under hosts",
    }
)
"""What the rules of a letter are about, in the order in which they are shown."""
Check: TypeAlias = Callable[[Any], int]
"""Looks at a subject and returns how much it has observed; raises Broken, NotApplicable or NotJudged."""

_SHOWN = 5
_C = TypeVar("_C", bound=Check)
_checks: dict[tuple[str, Kind], Check] = {}


class Level(StrEnum):
    """How much a check weighs: without every MUST a driver is not conformant, a SHOULD is advice."""

    MUST = "MUST"
    SHOULD = "SHOULD"


class UnknownRuleError(UsageProblem):
    """No check has this name."""


class Rule(BaseModel):
    """One check of the kit, in words: an entry of the `.toml` beside the check's module.

    Args:
        id: with the slug its stable name, `A10-unreadable-directory` in a test's id.
        rule: what a driver does, in one line.
        why: what a host or a consumer does when the rule is broken.
        fix: the smallest change that usually cures it.
        source: where the rule comes from.
        source_level: MUST or SHOULD for every profile, or one level a profile; absent: not for sources.
        pusher_level: the same for pushers.
        requires: checks that must have passed before this one can say anything.
        methods: what it exercises; a stub among them makes it "to do".
        needs: what the World must be able to do; absent there: skipped, and listed.
        capability: the optional name that a driver must declare; not declared: skipped, and listed.
        opt_in: the option without which it is not judged.
        deadline_sec: how long it may take, where the usual minute is too short.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: str = Field(pattern=rf"^[{''.join(FAMILIES)}][0-9]{{2}}$")
    slug: str = Field(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$")
    rule: str
    why: str
    fix: str
    source: str
    source_level: dict[Profile, Level] = Field(default_factory=dict)
    pusher_level: dict[Profile, Level] = Field(default_factory=dict)
    requires: tuple[str, ...] = ()
    methods: tuple[str, ...] = ()
    needs: tuple[str, ...] = ()
    capability: str | None = None
    opt_in: str | None = None
    deadline_sec: float | None = None

    @model_validator(mode="before")
    @classmethod
    def _one_level_means_every_profile(cls, data: dict[str, Any]) -> dict[str, Any]:
        spread = dict(data)
        for kind in Kind:
            level = data.get(f"{kind}_level")
            if isinstance(level, str):
                spread[f"{kind}_level"] = dict.fromkeys(Profile, level)
        return spread

    @property
    def name(self) -> str:
        """The stable name, as in a test's id: `A10-unreadable-directory`."""
        return f"{self.id}-{self.slug}"

    @property
    def family(self) -> str:
        """The letter that the checks of one family share."""
        return self.id[0]

    def levels(self, kind: Kind) -> dict[Profile, Level]:
        """The level in each profile that has this check for drivers of `kind`."""
        return self.source_level if kind is Kind.SOURCE else self.pusher_level


@cache
def depth(rule_id: str, kind: Kind) -> int:
    """How many rules come before this one at most, for drivers of this kind; 0 where it builds on none."""
    required = [other for other in map(find_rule, find_rule(rule_id).requires) if other.levels(kind)]
    return max((depth(other.id, kind) + 1 for other in required), default=0)


@cache
def all_rules() -> tuple[Rule, ...]:
    """Every rule, family by family."""
    tables = [file for file in files("fustor_conformance").joinpath("checks").iterdir() if file.name.endswith(".toml")]
    entries = (entry for table in tables for entry in tomllib.loads(table.read_text(encoding="utf-8"))["rule"])
    families = list(FAMILIES)
    return tuple(sorted(map(Rule.model_validate, entries), key=lambda rule: (families.index(rule.family), rule.id)))


def rules_for(kind: Kind, profile: Profile | None = None) -> tuple[Rule, ...]:
    """The rules for drivers of `kind`, in any profile or in one."""
    return tuple(rule for rule in all_rules() if (profile in rule.levels(kind) if profile else rule.levels(kind)))


def find_rule(name: str) -> Rule:
    """The rule with this id (`A10`), slug or name, whatever its case.

    Raises:
        UnknownRuleError: there is none.
    """
    wanted = name.lower()
    for rule in all_rules():
        if wanted in (rule.id.lower(), rule.slug, rule.name.lower()):
            return rule
    near = [rule.name for rule in rules_like(name)] or difflib.get_close_matches(
        wanted, [rule.slug for rule in all_rules()], n=3
    )
    hint = f"did you mean {', '.join(near[:_SHOWN])}?" if near else "`fustor-driver explain` lists them all"
    raise UnknownRuleError(f"No check is called {name!r}; {hint}")


def rules_like(text: str) -> tuple[Rule, ...]:
    """The rules whose name has this text in it."""
    return tuple(rule for rule in all_rules() if text.lower() in rule.name.lower())


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


def check_by(rule_id: str, looked_at: str, judge: Check) -> None:
    """Register as the check `rule_id` a function that only asks another one; `looked_at` becomes its docstring."""
    judge.__doc__ = looked_at
    check(rule_id)(judge)


def registered(rule_id: str, kind: Kind) -> Check | None:
    """The function that was registered for `rule_id` and drivers of `kind`, if there is one."""
    return _checks.get((rule_id, kind))
