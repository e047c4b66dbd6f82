"""The wheels of the contract packages that a project of its own carries."""

import runpy
from collections.abc import Mapping
from functools import cache
from pathlib import Path

from fustor_new.changes.content import FileContent, Tree, read_file
from fustor_new.errors import EnvironmentProblem, UsageProblem
from fustor_new.template.contract_source import CONTRACT_PACKAGES

__all__ = ["CARRIED_IN", "carrying", "contract_wheels", "is_carried", "wheels_in"]

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


def wheels_in(directory: Path) -> Mapping[str, bytes]:
    """The wheels in a directory that a user named.

    Raises:
        UsageProblem: some of those that the template asks for are not there.
    """
    missing = [name for name in contract_wheels() if not (directory / name).is_file()]
    if missing:
        raise UsageProblem(
            f"Directory {str(directory)!r} holds no {missing[0]}; add it, or use another contract source"
        )
    return {name: read_file(directory / name).data for name in contract_wheels()}


def carrying(tree: Tree, wheels: Mapping[str, bytes]) -> Tree:
    """Return what a project holds that carries these wheels."""
    return Tree({**tree.files, **{f"{CARRIED_IN}/{name}": FileContent(data) for name, data in wheels.items()}})


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
