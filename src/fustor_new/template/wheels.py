"""The wheels of the contract packages that a project of its own carries."""

import runpy
from collections.abc import Mapping
from functools import cache
from pathlib import Path

from fustor_new.errors import EnvironmentProblem

__all__ = ["contract_wheels"]

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


def _built(checkout: Path) -> Mapping[str, bytes]:
    try:
        build = runpy.run_path(str(checkout / "hatch_build.py"))["build_wheels"]
    except ModuleNotFoundError as err:
        raise EnvironmentProblem(
            f"Cannot build the contract packages ({err}); run `uv sync --extra dev` in {str(checkout)!r}"
        ) from err
    wheels: Mapping[str, bytes] = build(checkout / "packages")
    return wheels
