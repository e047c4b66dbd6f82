"""The files of a release: an sdist of each distribution, and its wheel built from that."""

from pathlib import Path

from release.errors import ReleaseError
from release.programs import run
from release.projects import projects_of

__all__ = ["build"]


def build(tree: Path, into: Path) -> tuple[Path, ...]:
    """Build every distribution of the tree and return the files, by name.

    Files in them are as old as the commit that is checked out, so that who builds it again gets the same bytes.

    Raises:
        ReleaseError: one cannot be built, or another number of files came out.
    """
    when = run("git", "log", "-1", "--format=%ct", cwd=tree).strip()
    command = ("uv", "build", "--quiet", "--all-packages", "--no-create-gitignore", "--out-dir", into)
    run(*command, cwd=tree, variables={"SOURCE_DATE_EPOCH": when})
    files = tuple(sorted((*into.glob("*.whl"), *into.glob("*.tar.gz"))))
    expected = 2 * len(projects_of(tree))
    if len(files) != expected:
        raise ReleaseError(f"{len(files)} files were built instead of {expected}: {[file.name for file in files]!r}")
    return files
