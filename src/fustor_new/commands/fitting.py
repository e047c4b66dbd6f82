"""Whether a driver and a workspace fit: which versions of Python both allow, and which members the driver needs."""

from collections.abc import Collection, Iterator, Mapping

from fustor_new._toml import table, text
from fustor_new.errors import WorkspaceError
from fustor_new.names import normalize
from fustor_new.template.contract_source import CONTRACT_PACKAGES
from fustor_new.workspace.pythons import MINORS, minors
from fustor_new.workspace.root import Workspace

__all__ = ["RENDERED_PYTHON", "clashes", "holds_contract", "narrowing", "unsourced"]

RENDERED_PYTHON = ">=3.11"
"""What a rendered package asks for."""


def narrowing(workspace: Workspace, directory: str, requires_python: str) -> Iterator[str]:
    """Yield a note where the package allows less than the workspace: uv resolves for what all members allow.

    Raises:
        WorkspaceError: no version of Python would be left.
    """
    said = _pythons(workspace, directory)
    wanted = minors(requires_python)
    left = MINORS.intersection(*filter(None, map(minors, said.values())))
    if wanted is None or not left:  # the workspace has a fault of its own, which `doctor` names
        return
    if not left & wanted:
        file, python = next((file, python) for file, python in said.items() if not wanted & (minors(python) or wanted))
        raise WorkspaceError(
            f"{directory!r} needs Python {requires_python!r}, and {file} allows {python!r} only; "
            f"change `requires-python` there, or use --standalone"
        )
    lost = sorted(minor for minor in left if minor < min(wanted) and said)
    if lost:
        yield (
            f"The workspace allows Python 3.{lost[0]}; with {directory} in it uv resolves and syncs it for "
            f"{requires_python!r} alone (to keep them apart, use --standalone)"
        )


def unsourced(workspace: Workspace, requirements: Collection[str]) -> tuple[str, ...]:
    """Return which of the required distributions are members that no source of the root names, normalized and sorted.

    uv resolves nothing in a workspace where a requirement on a member does not say that the member is meant.
    """
    root = text(table(workspace.data, "project"), "name")
    members = {normalize(root), *(normalize(package.name) for package in workspace.packages)}
    known = {normalize(name) for name in table(workspace.data, "tool", "uv", "sources")}
    return tuple(sorted({normalize(name) for name in requirements} & members - known - {""}))


def holds_contract(workspace: Workspace) -> bool:
    """Tell whether the contract packages are members."""
    return set(CONTRACT_PACKAGES) <= {normalize(package.name) for package in workspace.packages}


def clashes(workspace: Workspace) -> Iterator[str]:
    """Yield a note where members have the names of contract packages that are to come from elsewhere."""
    members = {normalize(package.name) for package in workspace.packages}
    if taken := sorted(members & set(CONTRACT_PACKAGES)):
        yield (
            f"The workspace has members called {', '.join(taken)}, and the contract packages come from elsewhere: "
            f"uv resolves one distribution of a name, so it will refuse both together (use --standalone)"
        )


def _pythons(workspace: Workspace, directory: str) -> Mapping[str, str]:
    """Return which Python the root and the other members ask for, by file, where they say."""
    said = {"pyproject.toml": text(table(workspace.data, "project"), "requires-python")}
    for package in workspace.packages:
        if (other := workspace.relative(package.folder)) != directory:
            said[f"{other}/pyproject.toml"] = package.requires_python
    return {file: python for file, python in said.items() if minors(python)}
