"""The wheels of the contract packages that a project of its own carries."""

import os
import runpy
from collections.abc import Mapping
from functools import cache
from pathlib import Path

from fustor_new.changes.content import FileContent, read_file
from fustor_new.errors import EnvironmentProblem, UsageProblem
from fustor_new.template.contract_source import CONTRACT_PACKAGES, ContractSource

__all__ = ["CARRIED_IN", "carried_files", "contract_wheels", "is_carried"]

CARRIED_IN = "vendor/wheels"
"""Where a project has them."""
_PACKAGED = Path(__file__).resolve().parents[1] / "wheels"
_CHECKOUT = Path(__file__).resolve().parents[3]


@cache
def contract_wheels() -> Mapping[str, bytes]:
    """The wheels by file name: those that were built into this fustor-new, in a checkout those of its `packages/`.

    Raises:
        EnvironmentProblem: there are none, and none can be built.
    """
    if packaged := sorted(_PACKAGED.glob("*.whl")):
        return {path.name: path.read_bytes() for path in packaged}
    if not (_CHECKOUT / "packages/fustor-core/pyproject.toml").is_file():
        raise EnvironmentProblem(f"No wheels of the contract packages in {str(_PACKAGED)!r}; install fustor-new again")
    return _built(_CHECKOUT)


def carried_files(source: ContractSource, folder: Path) -> Mapping[str, FileContent]:
    """The wheels that a project of its own carries, by their paths in it; none unless its contract source has wheels.

    Args:
        source: where it takes the contract packages from.
        folder: what the place of a directory of wheels is relative to.

    Raises:
        UsageProblem: some of those that the template asks for are not in the directory that a user named.
        EnvironmentProblem: there are none, and none can be built.
    """
    wheels = contract_wheels() if source.kind == "vendor" else {}
    if source.kind == "wheels":
        wheels = _wheels_in(Path(os.path.normpath(folder / source.location)))
    return {f"{CARRIED_IN}/{name}": FileContent(data) for name, data in wheels.items()}


def _wheels_in(directory: Path) -> Mapping[str, bytes]:
    missing = [name for name in contract_wheels() if not (directory / name).is_file()]
    if missing:
        raise UsageProblem(
            f"Directory {str(directory)!r} holds no {missing[0]}; add it, or use another contract source"
        )
    return {name: read_file(directory / name).data for name in contract_wheels()}


def is_carried(path: str) -> bool:
    """Tell whether a file of a project, by its path there, is one of its contract wheels, of whichever version."""
    folder, _, name = path.rpartition("/")
    distribution = name.partition("-")[0].replace("_", "-")
    return folder == CARRIED_IN and name.endswith(".whl") and distribution in CONTRACT_PACKAGES


def _built(checkout: Path) -> Mapping[str, bytes]:
    try:
        build = runpy.run_path(str(checkout / "hatch_build.py"))["build_wheels"]
    except ModuleNotFoundError as err:
        raise EnvironmentProblem(
            f"Cannot build the contract packages ({err}); run `uv sync --extra dev` in {str(checkout)!r}"
        ) from err
    wheels: Mapping[str, bytes] = build(checkout / "packages")
    return wheels
