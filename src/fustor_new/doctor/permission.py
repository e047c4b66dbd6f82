"""Where a repair may write: below the workspace or the package that is examined, and through no symlink."""

import os
from dataclasses import replace
from pathlib import Path

from fustor_new.changes.plan import Change
from fustor_new.doctor.finding import Finding, Recover, Register
from fustor_new.errors import WorkspaceError
from fustor_new.workspace.root_file import root_place

__all__ = ["permitted"]


def permitted(finding: Finding, base: Path) -> Finding:
    """Return the finding, without its repair where that would write outside of `base`, a real path."""
    match finding.repair:
        case None:
            return finding
        case Register():
            allowed = _is_root_file_inside(base)
        case Change(path=path) | Recover(folder=path):
            is_root_file = path == base / "pyproject.toml"
            allowed = _is_root_file_inside(base) if is_root_file else _is_plainly_below(path, base)
    return finding if allowed else replace(finding, repair=None)


def _is_root_file_inside(base: Path) -> bool:
    try:
        root_place(base, base / "pyproject.toml")
    except WorkspaceError:
        return False
    return True


def _is_plainly_below(path: Path, base: Path) -> bool:
    """Tell whether `path` is spelled as a place below `base`, or `base` itself, and no part of it is a symlink."""
    if not path.is_relative_to(base) or ".." in path.parts:
        return False
    within = [path, *path.parents][: len(path.parts) - len(base.parts)]
    return not any(os.path.islink(part) for part in within)  # noqa: PTH114 - takes any name
