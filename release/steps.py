"""All that a release is, in order."""

import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory

from release.alone import try_each
from release.building import build
from release.changelog import announced, begun, dated, section
from release.clone import cloned, commit, hand_over, require_clean, tags
from release.errors import ReleaseError
from release.index import write_index
from release.metadata import require_true
from release.programs import run
from release.projects import pins, projects_of
from release.serving import served
from release.versions import following, raise_versions, released_versions, require_later

__all__ = ["Release", "make"]


@dataclass(frozen=True)
class Release:
    """What is to be released: from where, as what, when, and where the site goes; a rehearsal leaves no other trace."""

    repository: Path
    version: str | None
    day: date
    site: Path | None
    rehearsal: bool


def make(release: Release, report: Callable[[str], None]) -> None:
    """Make a release, or rehearse it.

    Everything happens in a temporary clone. Only when all of it has passed, the commit and the tag come into the
    repository and the site to its place.

    Args:
        release: what is released.
        report: called with a line for each step that is done.

    Raises:
        ReleaseError: a step failed; the repository is as it was.
    """
    if release.site and release.site.exists():
        raise ReleaseError(f"Directory {str(release.site)!r} exists; move it away, or choose another by --into")
    if not release.rehearsal:
        require_clean(release.repository)
    steps = _Steps(report)
    with TemporaryDirectory(prefix="fustor-release-") as name:
        scratch = Path(name)
        tree = cloned(release.repository, scratch / "tree")
        version = steps.written(tree, release)
        steps.published(tree, scratch / "site")
        steps.tried(tree, scratch / "site", scratch / "environments")
        if not release.rehearsal:
            hand_over(tree, release.repository, f"v{version}")
            report(f"commit and tag v{version} are in {release.repository}")
        if release.site:
            shutil.copytree(scratch / "site", release.site)
            report(f"the site is in {release.site}")


class _Steps:
    """The steps, each of which reports what it has done and how long it took."""

    def __init__(self, report: Callable[[str], None]) -> None:
        self._report, self._since = report, time.monotonic()

    def written(self, tree: Path, release: Release) -> str:
        """Write versions and changelog, commit and tag; return the version."""
        changelog = tree / "CHANGELOG.md"
        text = changelog.read_text(encoding="utf-8")
        projects = projects_of(tree)
        version = release.version or announced(text)
        if release.rehearsal and version is None:
            version = following(projects[0].version)
            text = begun(text, version)
        if version is None:
            raise ReleaseError("CHANGELOG.md announces no version; say which one to release")
        require_later(version, projects, released_versions(tags(release.repository)))
        changelog.write_text(dated(text, version, release.day), encoding="utf-8")
        template = raise_versions(tree, version)
        commit(tree, f"release: {version}", tag=f"v{version}", message=section(text, version))
        also = f", and in the template, which is {template} now" if template else ""
        self._done(f"version {version} is written into {len(projects)} distributions{also}")
        return version

    def published(self, tree: Path, site: Path) -> None:
        """Build every file, see that it speaks the truth, and lay an index over them."""
        files = build(tree, site / "packages")
        self._done(f"{len(files)} files are built")
        require_true(files, tree)
        twine = ("uvx", "--quiet", "--constraints", tree / "release/twine.txt", "twine", "check", "--strict")
        run(*twine, *files, cwd=site)
        self._done("their metadata is true, and `twine check --strict` passes")
        write_index(site)

    def tried(self, tree: Path, site: Path, scratch: Path) -> None:
        """Install each distribution from the index over loopback into an environment of its own, and try it there."""
        scratch.mkdir()
        constraints = scratch / "constraints.txt"
        constraints.write_text("\n".join(pins(tree)) + "\n", encoding="utf-8")
        with served(site) as address:
            for line in try_each(projects_of(tree), address, constraints, scratch):
                self._report(f"   {line}")
        self._done("each distribution works alone, installed from the index")

    def _done(self, what: str) -> None:
        now = time.monotonic()
        self._report(f"{what} ({now - self._since:.1f} s)")
        self._since = now
