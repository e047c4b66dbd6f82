"""The changelog: which version it is about, and its section with the date of the release."""

import re
from datetime import date

from release.errors import ReleaseError

__all__ = ["announced", "begun", "dated", "section"]

_HEADING = re.compile(r"^## (?P<version>\S+) \((?P<when>[^)]*)\)\n", re.MULTILINE)
_UNRELEASED = "unreleased"


def announced(text: str) -> str | None:
    """Return the version that the first section is about, unless that is released already."""
    first = _HEADING.search(text)
    return first["version"] if first and first["when"] == _UNRELEASED else None


def dated(text: str, version: str, day: date) -> str:
    """Return the changelog with `day` in the heading of the section about `version`, which is the first.

    Raises:
        ReleaseError: the first section is about something else, or says nothing.
    """
    if announced(text) != version:
        raise ReleaseError(
            f"CHANGELOG.md does not begin with '## {version} ({_UNRELEASED})'; write there what changed for users"
        )
    if not section(text, version):
        raise ReleaseError(f"The section about {version!r} in CHANGELOG.md is empty; write what changed for users")
    return text.replace(f"## {version} ({_UNRELEASED})\n", f"## {version} ({day.isoformat()})\n", 1)


def begun(text: str, version: str) -> str:
    """Return the changelog with a new first section about `version`: what a rehearsal right after a release needs."""
    first = _HEADING.search(text)
    place = first.start() if first else len(text)
    return f"{text[:place]}## {version} ({_UNRELEASED})\n\n- Nothing that users see.\n\n{text[place:]}"


def section(text: str, version: str) -> str:
    """Return what stands below the heading of a version, without blank lines around it."""
    for found in _HEADING.finditer(text):
        if found["version"] == version:
            following = _HEADING.search(text, found.end())
            return text[found.end() : following.start() if following else len(text)].strip()
    return ""
