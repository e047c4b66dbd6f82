"""Rendering: the only module that knows copier."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from fustor_new.errors import EnvironmentProblem, WorkspaceError
from fustor_new.template.history import templates_directory
from fustor_new.template.spec import DriverSpec

__all__ = ["render", "render_again"]


def render(spec: DriverSpec, destination: Path) -> None:
    """Write a new package into the new directory `destination`, the same bytes as `copier copy` with these answers.

    Raises:
        EnvironmentProblem: the package could not be written.
    """
    _copy(templates_directory(), spec.answers(), destination)


def render_again(templates: Path, given: Mapping[str, Any], destination: Path) -> None:
    """Write what the template in a directory makes of recorded answers; new questions take their defaults.

    Raises:
        WorkspaceError: the template refuses the answers.
        EnvironmentProblem: the package could not be written.
    """
    from copier.errors import CopierError  # noqa: PLC0415 - takes longer to import than a refusal may take
    from jinja2 import TemplateError  # noqa: PLC0415

    try:
        _copy(templates, given, destination)
    except (CopierError, TemplateError, ValueError, TypeError) as error:
        raise WorkspaceError(f"The template refuses the answers ({error})") from error


def _copy(templates: Path, given: Mapping[str, Any], destination: Path) -> None:
    from copier import run_copy  # noqa: PLC0415 - takes longer to import than a refusal may take
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
                cleanup_on_error=False,  # the stage is removed as a whole by whoever made it
            )
    except OSError as error:
        raise EnvironmentProblem(
            f"Cannot write {str(destination)!r} ({error.strerror or error}); make room or choose another place"
        ) from error
