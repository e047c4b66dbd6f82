"""The table of checks as documentation: `python -m fustor_new.doctor.document > docs/doctor.md`."""

import sys

from fustor_new.doctor.registry import Check, all_checks

__all__ = ["document"]

_HEAD = """# The checks of `fustor-new doctor`

What `fustor-new doctor` looks for: W in the workspace, D in each driver package. It reads and never imports a driver.
Beside an installed `fustor-conformance` those rules of [the kit](checks.md) that reading can judge are asked too.
Generated from the table of checks (`python -m fustor_new.doctor.document`).

| id | level | what must hold | `--fix` |
|---|---|---|---|
"""


def document() -> str:
    """The whole table as Markdown."""
    checks = all_checks()
    rows = [f"| {one.name} | {one.severity.value} | {one.rule} | {'yes' if one.is_safe else ''} |" for one in checks]
    return _HEAD + "\n".join(rows) + "\n" + "".join(map(_section, checks))


def _section(check: Check) -> str:
    return f"\n## {check.name}\n\n**{check.rule}.**\n\n- Why: {check.why}.\n- Fix: {check.fix}.\n"


if __name__ == "__main__":
    sys.stdout.write(document())
