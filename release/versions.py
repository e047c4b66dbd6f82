"""One version for all, written into every project, and into the template, which names the wheels of the contract."""

import re
import sys
from collections.abc import Iterable
from pathlib import Path

from packaging.version import InvalidVersion, Version

from release.errors import ReleaseError
from release.programs import run
from release.projects import Project, projects_of, version_line

__all__ = ["following", "raise_versions", "released_versions", "require_later"]

_NAMES_WHEELS = "templates/parts/source-line.jinja"
_TEMPLATE_VERSION = "templates/version.jinja"
_WHEEL = re.compile(r"('fustor-[a-z-]+': ')[^']+(?=')")


def following(version: str) -> str:
    """Return the next version that changes the least: `1.2.4` for `1.2.3`, `1.2.0` for `1.2.0rc1`."""
    now = Version(version)
    return now.base_version if now.is_prerelease else f"{now.major}.{now.minor}.{now.micro + 1}"


def require_later(version: str, projects: Iterable[Project], released: Iterable[str]) -> None:
    """Refuse a version that is not written as `1.2.3` or `1.2.3rc1`, or does not come after all that was published.

    Args:
        version: the version of the release.
        projects: what is to have it.
        released: the versions that were released.

    Raises:
        ReleaseError: it is one of these.
    """
    try:
        new = Version(version)
    except InvalidVersion as err:
        raise ReleaseError(f"{version!r} is not a version; write it as '1.2.3'") from err
    if str(new) != version or not re.fullmatch(r"\d+\.\d+\.\d+((a|b|rc)\d+)?", version):
        raise ReleaseError(
            f"{version!r} is not written as a version of this project; write it as '1.2.3' or '1.2.3rc1'"
        )
    for one in projects:
        if Version(one.version) > new:
            raise ReleaseError(f"{one.name} is {one.version} already; release a later version than {version!r}")
    if passed := [old for old in released if Version(old) >= new]:
        raise ReleaseError(f"Version {max(passed, key=Version)!r} is released; release a later one than {version!r}")


def released_versions(tags: Iterable[str]) -> list[str]:
    """Return the versions among the tags of the repository."""
    return [tag[1:] for tag in tags if re.fullmatch(r"v\d+\.\d+\.\d+((a|b|rc)\d+)?", tag)]


def raise_versions(tree: Path, version: str) -> str | None:
    """Write the version into every project, and bring the template and the reference drivers along.

    Returns the version of the template that this made, or None where the template names these wheels already.

    Raises:
        ReleaseError: a driver cannot follow the template by itself.
    """
    for project in projects_of(tree):
        text = project.version_file.read_text(encoding="utf-8")
        raised = version_line(project.version_file).sub(rf"\g<1>{version}", text, count=1)
        project.version_file.write_text(raised, encoding="utf-8")
    names = tree / _NAMES_WHEELS
    before = names.read_text(encoding="utf-8")
    after = _WHEEL.sub(rf"\g<1>{version}", before)
    if after == before:
        return None
    names.write_text(after, encoding="utf-8")
    return _next_template(tree)


def _next_template(tree: Path) -> str:
    """Hand in the template as CONTRIBUTING.md says, with the tree's own command."""
    version = following((tree / _TEMPLATE_VERSION).read_text(encoding="utf-8").strip())
    own = {"PYTHONPATH": str(tree / "src")}
    run(sys.executable, "-m", "fustor_new.template.history", version, cwd=tree, variables=own)
    run(sys.executable, "-m", "fustor_new", "update", "--all", cwd=tree, variables=own)
    return version
