"""Where the template is, its version, and what it was in each version, from one file that travels in the wheel.

`python -m fustor_new.template.history VERSION` records the template under that version, as part of every change of it.
"""

import hashlib
import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from fustor_new.errors import EnvironmentProblem, UsageProblem

__all__ = ["PLACES", "History", "load_history", "record", "template_texts", "template_version", "templates_directory"]

PLACES = tuple(Path(__file__).resolve().parents[depth] / "templates" for depth in (1, 3))
"""Where the template is: in the package, as in a wheel, else in the checkout that the package is imported from."""
_NAME = "history.json"
_VERSION = "version.jinja"
_SCHEMA = 1


def templates_directory() -> Path:
    """The template of this very installation.

    Raises:
        EnvironmentProblem: it is in none of its places; the installation is damaged.
    """
    for directory in PLACES:
        if (directory / _VERSION).is_file():
            return directory
    raise EnvironmentProblem(f"No template at {str(PLACES[0])!r}; install fustor-new again")


def template_version() -> str:
    """The version of this installation's template, which is not that of the tool. Raises EnvironmentProblem."""
    return (templates_directory() / _VERSION).read_text(encoding="utf-8").strip()


@dataclass(frozen=True)
class History:
    """Every recorded version of the template: the hash of each file's text by path, and the texts by hash."""

    versions: Mapping[str, Mapping[str, str]]
    texts: Mapping[str, str]

    def template(self, version: str) -> dict[str, str]:
        """Return the template's files of a version that is recorded, by path."""
        return {path: self.texts[digest] for path, digest in self.versions[version].items()}

    def with_version(self, version: str, files: Mapping[str, str]) -> "History":
        """Return this history and `files` as that version.

        Raises:
            UsageProblem: the version is recorded with other files, or is below one that is recorded.
        """
        from packaging.version import Version  # noqa: PLC0415 - only who records anything needs it

        hashes = {path: _hash(text) for path, text in files.items()}
        if self.versions.get(version, hashes) != hashes:
            raise UsageProblem(f"Version {version!r} is recorded with other files; give the template a new version")
        last = max(self.versions, key=Version, default=version)
        if version not in self.versions and Version(version) < Version(last):
            raise UsageProblem(f"Version {version!r} is below {last!r}, which is recorded; a template only gets newer")
        texts = {_hash(text): text for text in files.values()}
        return History({**self.versions, version: hashes}, {**self.texts, **texts})

    def dump(self) -> str:
        """Return the history as it is written, such that a later one is the same with more in it."""
        from packaging.version import Version  # noqa: PLC0415 - only who records anything needs it

        versions = {one: dict(sorted(self.versions[one].items())) for one in sorted(self.versions, key=Version)}
        digests = dict.fromkeys(digest for files in versions.values() for digest in files.values())
        texts = {digest: self.texts[digest].splitlines(keepends=True) for digest in digests}
        data = {"schema": _SCHEMA, "versions": versions, "texts": texts}
        return json.dumps(data, indent=1, ensure_ascii=False) + "\n"


def load_history() -> History:
    """Return the history of this installation.

    Raises:
        EnvironmentProblem: it is not there, or damaged.
    """
    return _loaded(templates_directory() / _NAME)


def template_texts(templates: Path) -> dict[str, str]:
    """Return the files of the template in a directory, by path."""
    paths = [templates / "copier.yml", templates / "manifest.yml", *templates.rglob("*.jinja")]
    return {path.relative_to(templates).as_posix(): path.read_bytes().decode() for path in sorted(paths)}


def record(templates: Path, history: Path, version: str = "") -> str:
    """Write the template in a directory into the file `history`, under its version, and return that version.

    Args:
        templates: the directory.
        history: the file, which need not exist.
        version: the version that the template is given; empty: the one that it has.

    Raises:
        UsageProblem: the version is recorded with other files, or is below one that is recorded.
        EnvironmentProblem: the file is damaged.
    """
    files = template_texts(templates)
    files[_VERSION] = version or files[_VERSION]
    before = _load(history) if history.exists() else History({}, {})
    after = before.with_version(files[_VERSION].strip(), files).dump()
    (templates / _VERSION).write_text(files[_VERSION], encoding="utf-8", newline="\n")
    history.write_text(after, encoding="utf-8", newline="\n")
    return files[_VERSION].strip()


def _load(path: Path) -> History:
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
        return History(data["versions"], {digest: "".join(lines) for digest, lines in data["texts"].items()})
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as err:
        raise EnvironmentProblem(f"Cannot read the history {str(path)!r} ({err}); install fustor-new again") from err


_loaded = cache(_load)


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


if __name__ == "__main__":
    here = templates_directory()
    print(f"Recorded {record(here, here / _NAME, *sys.argv[1:])}")  # noqa: T201 - the answer
