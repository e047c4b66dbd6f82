"""Rendering: the only module that knows copier."""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from fustor_new.changes.content import FileContent, Tree
from fustor_new.errors import EnvironmentProblem, WorkspaceError, disk_allows
from fustor_new.template.history import templates_directory
from fustor_new.template.spec import DriverSpec

__all__ = ["render", "rendered", "rendered_again"]


def render(spec: DriverSpec, destination: Path) -> None:
    """Write a new package into the new directory `destination`, the same bytes as `copier copy` with these answers.

    Raises:
        EnvironmentProblem: the package could not be written.
    """
    _copy(templates_directory(), spec.answers(), destination)


def rendered(spec: DriverSpec) -> Tree:
    """Return what a new package holds; raises as `render`."""
    with _scratch() as scratch:
        render(spec, scratch / "rendered")
        return Tree.read(scratch / "rendered")


def rendered_again(template: Path | Mapping[str, str], given: Mapping[str, Any]) -> Mapping[str, FileContent]:
    """Return what a template, a directory or its texts by path, makes of recorded answers, by path.

    New questions take their defaults.

    Raises:
        WorkspaceError: the template refuses the answers.
        EnvironmentProblem: the package could not be written.
    """
    from copier.errors import CopierError  # noqa: PLC0415 - takes longer to import than a refusal may take
    from jinja2 import TemplateError  # noqa: PLC0415

    with _scratch() as scratch:
        folder = template if isinstance(template, Path) else _written(template, scratch / "template")
        try:
            _copy(folder, given, scratch / "rendered")
        except (CopierError, TemplateError, ValueError, TypeError) as error:
            raise WorkspaceError(f"The template refuses the answers ({error})") from error
        return Tree.read(scratch / "rendered").files


@contextmanager
def _scratch() -> Iterator[Path]:
    """Give a directory to render into. Raises EnvironmentProblem where the disk does not allow it."""
    problem = "Cannot render the template ({why}); make room or set TMPDIR"
    with disk_allows(problem), TemporaryDirectory(prefix="fustor-new-") as scratch:
        yield Path(scratch)


def _written(texts: Mapping[str, str], folder: Path) -> Path:
    for path, text in texts.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(text.encode())
    return folder


def _copy(templates: Path, given: Mapping[str, Any], destination: Path) -> None:
    from copier import Settings, run_copy  # noqa: PLC0415 - takes longer to import than a refusal may take
    from plumbum import local  # noqa: PLC0415 - as above

    try:
        destination.mkdir(parents=True, exist_ok=True)
        # No git, which copier would start for the template and for each file; an empty PATH is the current directory.
        with local.env(PATH=os.devnull):
            run_copy(
                str(templates),
                destination,
                data=dict(given),
                defaults=True,
                overwrite=True,
                quiet=True,
                settings=Settings(),  # not those of this user, who may have no home directory
                cleanup_on_error=False,  # the stage is removed as a whole by whoever made it
            )
    except OSError as error:
        raise EnvironmentProblem(
            f"Cannot write {str(destination)!r} ({error.strerror or error}); make room or choose another place"
        ) from error
