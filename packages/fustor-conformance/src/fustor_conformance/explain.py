"""A rule in words, for the command line and the documentation."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable

from fustor_conformance.rules import FAMILIES, Kind, Profile, Rule

__all__ = ["explain", "levels_in_words", "listing"]

_WIDTH = 100


def listing(rules: Iterable[Rule], width: int = _WIDTH) -> str:
    """The rules family by family, each with its name and what it demands, in lines of at most `width` characters."""
    shown = tuple(rules)
    column = max(len(rule.name) for rule in shown) + 4
    lines: list[str] = []
    for letter, about in FAMILIES.items():
        family = [rule for rule in shown if rule.family == letter]
        lines += [f"{letter}  {about}"] if family else []
        for rule in family:
            start = f"  {rule.name:<{column - 2}}"
            lines += textwrap.wrap(start + rule.rule, max(width, column + 20), subsequent_indent=" " * column)
    return "\n".join(lines) + "\n"


def explain(rule: Rule, width: int = _WIDTH) -> str:
    """All that there is to know about a rule, in lines of at most `width` characters, and of 100."""
    width = min(width, _WIDTH)
    parts = [rule.name, "", textwrap.fill(rule.rule, width), ""]
    facts = {
        "why": rule.why,
        "fix": rule.fix,
        "source": rule.source,
        "level": "; ".join(levels_in_words(rule)) or "none yet",
        "after": ", ".join(rule.requires),
        "calls": ", ".join(rule.methods),
        "world": ", ".join(rule.needs),
        "only": f"drivers that declare {rule.capability}" if rule.capability else "",
        "asked": f"only with {rule.opt_in}" if rule.opt_in else "",
    }
    told = ((f"{title:<8}", text) for title, text in facts.items() if text)
    parts += (textwrap.fill(text, width, initial_indent=title, subsequent_indent=" " * 8) for title, text in told)
    return "\n".join(parts) + "\n"


def levels_in_words(rule: Rule) -> list[str]:
    """The rule's levels: `source MUST` where all profiles agree, else profile by profile."""
    words = []
    for kind in Kind:
        levels = rule.levels(kind)
        if set(levels) == set(Profile) and len(set(levels.values())) == 1:
            words.append(f"{kind} {next(iter(levels.values()))}")
        elif levels:
            words.append(f"{kind} {', '.join(f'{level} ({profile})' for profile, level in levels.items())}")
    return words
