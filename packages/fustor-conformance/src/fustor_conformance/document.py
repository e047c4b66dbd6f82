"""The rules as documentation: `python -m fustor_conformance.document > docs/checks.md`."""

from __future__ import annotations

import sys
from itertools import groupby

from fustor_conformance.explain import levels_in_words
from fustor_conformance.rules import FAMILIES, Rule, all_rules

__all__ = ["document"]

_HEAD = """# The checks

What "is a Fustor driver" means, rule by rule. Generated from the rules of `fustor-conformance`
(`python -m fustor_conformance.document`); `fustor-driver explain ID` prints the same.
"""


def document() -> str:
    """All rules as Markdown."""
    parts = [_HEAD]
    for family, rules in groupby(all_rules(), key=lambda rule: rule.family):
        parts.append(f"## {family}: {FAMILIES[family]}\n")
        parts += map(_section, rules)
    return "\n".join(parts)


def _section(rule: Rule) -> str:
    lines = [f"### {rule.name}\n", f"**{rule.rule}.**\n", f"- Why: {rule.why}.", f"- Fix: {rule.fix}."]
    lines += [f"- Source: {rule.source}.", f"- Level: {'; '.join(levels_in_words(rule)) or 'none yet'}."]
    if rule.needs:
        lines.append(f"- The World needs: {', '.join(rule.needs)}.")
    if rule.capability:
        lines.append(f"- Only for drivers that declare `{rule.capability}`.")
    if rule.opt_in:
        lines.append(f"- Only with `{rule.opt_in}`.")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    sys.stdout.write(document())
