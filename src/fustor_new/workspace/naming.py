"""Which driver of the workspace at hand a word of the command line means: a name, a full name, or a path."""

import difflib
import os
from collections.abc import Sequence
from pathlib import Path

from fustor_new.errors import EnvironmentProblem, UsageProblem, WorkspaceError
from fustor_new.kinds import Kind
from fustor_new.names import normalize
from fustor_new.package.descriptions import read_project
from fustor_new.package.metadata import Metadata
from fustor_new.workspace.drivers import driver_folders, driver_packages
from fustor_new.workspace.finding import place_of, workspace_above

__all__ = ["driver_directory", "driver_labels", "driver_paths"]


def driver_directory(name: str, start: Path | None = None) -> Path:
    """Return the directory of the package that a name or path means.

    A name is one of the workspace at `start` or above, by default the current directory, and so is a path that leads
    nowhere from here.

    Raises:
        UsageProblem: it means none, or several.
    """
    start = start or Path.cwd()
    found = _packages(start)
    place = place_of(_from(start, Path(name)))
    here = [place] if place.is_dir() else []
    meant = _only(name, [*_called(name, found, start), *here])
    if meant is None:
        raise UsageProblem(f"No driver {name!r} is here; {_hint(name, found, start)}")
    return meant


def driver_labels(start: Path) -> list[str]:
    """Return what `list` calls the drivers of the workspace at `start` or above, sorted."""
    return sorted(label for one in _packages(start) for label in one.labels)


def driver_paths(words: Sequence[Path], start: Path | None = None) -> list[Path]:
    """Return the paths that the words are, or mean as names; what means nothing stays as it is, for others to refuse.

    `start` is as for `driver_directory`.

    Raises:
        UsageProblem: a name means several drivers, or is nearly that of one.
    """
    start = start or Path.cwd()
    return [_from(start, word) if _is_path(word) else _named(str(word), start) for word in words]


def _from(start: Path, path: Path) -> Path:
    return start / path if not os.path.lexists(path) and os.path.lexists(start / path) else path


def _is_path(word: Path) -> bool:
    return len(word.parts) != 1 or str(word).startswith(".") or os.path.lexists(word)


def _named(name: str, start: Path) -> Path:
    try:
        found = _packages(start)
    except OSError:  # a name that no file system takes: what asked for it says so
        return Path(name)
    if (called := _only(name, _called(name, found, start))) is not None:
        return called
    workspace = workspace_above(start)
    gone = [one for one in (workspace.directories if workspace else ()) if one.rpartition("/")[2] == _short(name)]
    if workspace and len(gone) == 1:
        return workspace.root / gone[0]
    if _near(name, found):
        raise UsageProblem(f"No driver {name!r} is here; {_hint(name, found, start)}")
    return Path(name)


def _only(name: str, places: Sequence[Path]) -> Path | None:
    """Return the one place that a name means, None where it means none; raises UsageProblem for several."""
    several = list(dict.fromkeys(places))
    if len(several) > 1:
        raise UsageProblem(f"{name!r} means {' and '.join(repr(str(one)) for one in several)}; write the path of one")
    return several[0] if several else None


def _packages(start: Path) -> list[Metadata]:
    workspace = workspace_above(start)
    return [one for one in driver_packages(workspace) if isinstance(one, Metadata)] if workspace else []


def _called(name: str, found: Sequence[Metadata], start: Path) -> list[Path]:
    """Return where the drivers of that name are: as `list` shows it, as the distribution, else without the kind."""
    exact = [one.folder for one in found if name in one.labels or normalize(name) == normalize(one.name)]
    short = [one.folder for one in found for _, entry_point in one.drivers if normalize(name) == normalize(entry_point)]
    spelled = [one.folder for one in found if _short(name) in one.labels]
    return exact or spelled or short or _unreadable(name, start)


def _unreadable(name: str, start: Path) -> list[Path]:
    """Return the directories of that name whose metadata cannot be read, as with the marks of a conflict in it."""
    workspace = workspace_above(start)
    names = {_short(name), *(f"{kind}-{normalize(name)}" for kind in Kind)}
    folders = driver_folders(workspace) if workspace else []
    return [folder for folder in folders if folder.name in names and not _is_readable(folder)]


def _is_readable(folder: Path) -> bool:
    try:
        read_project(folder)
    except (WorkspaceError, EnvironmentProblem):
        return False
    return True


def _short(name: str) -> str:
    return normalize(name).removeprefix("fustor-")


def _near(name: str, found: Sequence[Metadata]) -> str:
    """Return what `list` calls the driver whose name, with or without its kind, is nearest; "" where none is near."""
    points = (pair for one in found for pair in zip(one.drivers, one.labels, strict=True))
    spelled = {normalize(entry_point): label for (_, entry_point), label in points}
    spelled |= {label: label for one in found for label in one.labels}
    near = difflib.get_close_matches(_short(name), spelled, n=1)
    return spelled[near[0]] if near else ""


def _hint(name: str, found: Sequence[Metadata], start: Path) -> str:
    if not found and workspace_above(start) is None:
        return "name the root of its workspace with --workspace DIR"
    near = _near(name, found)
    return f"did you mean {near!r}?" if near else "`fustor-new list` shows those that are there"
