"""A rule in words, for the command line and the documentation."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable

from fustor_conformance.rules import FAMILIES, Kind, Rule

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


def explain(rule: Rule) -> str:
    """All that there is to know about a rule, as text of at most 100 columns."""
    parts = [f"{rule.name}", "", _filled(rule.rule), "", _titled("why", rule.why), _titled("fix", rule.fix)]
    parts += [_titled("source", rule.source), _titled("level", "; ".join(levels_in_words(rule)) or "none yet")]
    facts = {
        "after": ", ".join(rule.requires),
        "calls": ", ".join(rule.methods),
        "world": ", ".join(rule.needs),
        "only": f"drivers that declare {rule.capability}" if rule.capability else "",
        "asked": f"only with {rule.opt_in}" if rule.opt_in else "",
    }
    parts += [_titled(title, text) for title, text in facts.items() if text]
    return "\n".join(parts) + "\n"


def levels_in_words(rule: Rule) -> list[str]:
    """The rule's levels: `source MUST` where all profiles agree, else profile by profile."""
    words = []
    for kind in Kind:
        levels = rule.levels(kind)
        if set(levels) == set(kind.profiles) and len(set(levels.values())) == 1:
            words.append(f"{kind} {next(iter(levels.values()))}")
        elif levels:
            words.append(f"{kind} {', '.join(f'{level} ({profile})' for profile, level in levels.items())}")
    return words


def _filled(text: str) -> str:
    return textwrap.fill(text, _WIDTH)


def _titled(title: str, text: str) -> str:
    return textwrap.fill(text, _WIDTH, initial_indent=f"{title:<8}", subsequent_indent=" " * 8)
