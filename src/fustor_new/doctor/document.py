"""The table of checks as documentation: `python -m fustor_new.doctor.document > docs/doctor.md`."""

import sys

from fustor_new.doctor.registry import all_checks

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
    about = [f"\n## {one.name}\n\n**{one.rule}.**\n\n- Why: {one.why}.\n- Fix: {one.fix}." for one in checks]
    return _HEAD + "\n".join([*rows, *about, ""])


if __name__ == "__main__":
    sys.stdout.write(document())
