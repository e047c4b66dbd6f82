"""The clone that a release is made in, so that one that fails leaves nothing, and how its commit and tag come back."""

import contextlib
from pathlib import Path

from release.errors import ReleaseError
from release.programs import run

__all__ = ["cloned", "commit", "hand_over", "require_clean", "tags"]

_IDENTITY = {"user.name": "Rehearsal", "user.email": "rehearsal@localhost"}
"""Who commits where the repository knows nobody; only a rehearsal gets that far."""


def require_clean(repository: Path) -> None:
    """Refuse a work tree with changes that are not committed: they would not be in the release.

    Raises:
        ReleaseError: there are some, or no branch is checked out.
    """
    if changed := _git(repository, "status", "--porcelain").splitlines():
        raise ReleaseError(f"{len(changed)} files are not as they were committed; commit or stash them: {changed[0]!r}")
    if not _git(repository, "branch", "--show-current"):
        raise ReleaseError("No branch is checked out; check out the branch that the release belongs to")


def tags(repository: Path) -> list[str]:
    """Return the names of all tags."""
    return _git(repository, "tag", "--list").split()


def cloned(repository: Path, into: Path) -> Path:
    """Return a clone whose head is the work tree as it stands, changes that are not committed included."""
    run("git", "clone", "-q", repository, into, cwd=repository)
    for key, otherwise in _IDENTITY.items():
        _git(into, "config", key, _configured(repository, key) or otherwise)
    _git(into, "config", "commit.gpgsign", "false")
    changed = [name for name in _git(repository, "ls-files", "-zmo", "--exclude-standard").split("\0") if name]
    for name in changed:
        (into / name).unlink(missing_ok=True)
        if (repository / name).is_file():
            (into / name).parent.mkdir(parents=True, exist_ok=True)
            (into / name).write_bytes((repository / name).read_bytes())
            (into / name).chmod((repository / name).stat().st_mode)
    if changed:
        commit(into, "the work tree")
    return into


def commit(tree: Path, subject: str, *, tag: str = "", message: str = "") -> None:
    """Commit all that has changed, and tag it with a message.

    Args:
        tree: a clone.
        subject: of the commit.
        tag: its name; without one there is none.
        message: of the tag.
    """
    _git(tree, "add", "--all")
    _git(tree, "commit", "-q", "--allow-empty", "-m", subject)
    if tag:
        run(
            "git",
            "tag",
            "--annotate",
            "--cleanup=whitespace",
            "--file=-",
            tag,
            cwd=tree,
            text=f"{subject}\n\n{message}\n",
        )


def hand_over(tree: Path, repository: Path, tag: str) -> None:
    """Bring the commit of the clone to the branch that is checked out in the repository, then its tag.

    Raises:
        ReleaseError: the branch has moved meanwhile; neither commit nor tag is there.
    """
    _git(repository, "fetch", "-q", "--no-tags", str(tree), "HEAD")
    _git(repository, "merge", "-q", "--ff-only", "FETCH_HEAD")
    _git(repository, "fetch", "-q", "--no-tags", str(tree), f"refs/tags/{tag}:refs/tags/{tag}")


def _configured(repository: Path, key: str) -> str:
    with contextlib.suppress(ReleaseError):  # git ends with 1 where nothing is configured
        return _git(repository, "config", key)
    return ""


def _git(repository: Path, *arguments: str) -> str:
    return run("git", *arguments, cwd=repository).strip()
