"""Where a new package takes the contract packages from, until they are on an index.

uv reads only the sources of the package at hand, so every one carries its own, also in a workspace that lacks ours. For
a checkout and for a git address uv finds what those packages need in turn: they are members of one workspace there. A
project of its own carries the wheels themselves (`vendor`): nothing in it points to the place where it was made.
"""

import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Self

from fustor_new._reading import check_usable, from_home, is_file
from fustor_new.errors import UsageProblem

__all__ = ["CHOICES", "CONTRACT_PACKAGES", "ContractSource"]

CONTRACT_PACKAGES = ("fustor-conformance", "fustor-core", "fustor-driver", "fustor-event-model")

CHOICES = "use vendor, workspace, index, a git URL (git+https://...@ref), or the directory of a checkout or of wheels"
_WHEELS = "wheels:"
_URL = re.compile(r"(?:git\+)?(?P<url>(?:https?|ssh|git|file)://[^/\s]*/[^@\s#?]+)(?:@(?P<ref>[^@\s#?]+))?")
_SCP = re.compile(r"(?P<host>[^/\s:]+@[^/\s:]+):(?P<path>[^\s]+)")


@dataclass(frozen=True)
class ContractSource:
    """One of `vendor`, `workspace`, `index`, a git address with an optional ref, or a directory: a checkout, or wheels.

    A directory is relative to the new package, unless a user gave an absolute path.
    """

    kind: Literal["vendor", "workspace", "index", "git", "directory", "wheels"]
    location: str = ""
    ref: str = ""

    @classmethod
    def parse(cls, text: str, *, project: Path, base: Path | None = None) -> Self:
        """The source that a user means by `text`.

        Args:
            text: `vendor`, `workspace`, `index`, a git URL, or a directory: a checkout or its `packages` directory, or
                one that holds the wheels.
            project: where the new package will be; a directory is written relative to it, unless `text` is absolute.
            base: what a relative directory in `text` is relative to; the current directory by default.

        Raises:
            UsageProblem: `text` is none of these, or the directory holds no contract packages.
        """
        for kind in ("vendor", "workspace", "index"):
            if text == kind:
                return cls(kind=kind)
        if "://" in text or text.startswith("git+"):
            return cls._parse_git(text)
        if scp := _SCP.fullmatch(text):
            raise UsageProblem(
                f"Cannot use contract source {text!r}; write it as git+ssh://{scp['host']}/{scp['path']}"
            )
        return cls._parse_directory(text, project, base or Path.cwd())

    @classmethod
    def _parse_git(cls, text: str) -> Self:
        match = _URL.fullmatch(text)
        if match is None:
            raise UsageProblem(f"{text!r} is not a git URL; {CHOICES}")
        # uv looks for a branch or tag of that name; without a ref it takes the default branch, which is HEAD.
        ref = "" if match["ref"] == "HEAD" else match["ref"] or ""
        return cls(kind="git", location=match["url"], ref=ref)

    @classmethod
    def _parse_directory(cls, text: str, project: Path, base: Path) -> Self:
        named = from_home(text.removeprefix(_WHEELS))
        directory = check_usable(base / named, "a directory of contract packages")
        if text and any(directory.glob("fustor_core-*.whl")):
            return cls(kind="wheels", location=_written(directory, project, named))
        candidates = [directory, directory.parent] if directory.name == "packages" else [directory]
        for candidate in candidates:
            if text and is_file(candidate / "packages" / "fustor-core" / "pyproject.toml"):
                return cls(kind="directory", location=_written(candidate, project, named))
        raise UsageProblem(f"Directory {text!r} holds no packages/fustor-core and no wheel of it; {CHOICES}")

    def answer(self) -> str:
        """The text that the template understands, and that the answers file records."""
        if self.kind == "git":
            return f"git+{self.location}" + (f"@{self.ref}" if self.ref else "")
        if self.kind == "wheels":
            return _WHEELS + self.location
        return self.location if self.kind == "directory" else self.kind


def _written(directory: Path, project: Path, named: Path) -> str:
    """The directory as a user asked for it: an absolute path, or the way from the package, which begins with a dot."""
    absolute = directory.resolve()
    way = (absolute if named.is_absolute() else Path(os.path.relpath(absolute, project.resolve()))).as_posix()
    if not way.isprintable():
        raise UsageProblem(f"Directory {str(named)!r} leads over {way!r}, which no TOML file can hold; choose another")
    return way if way.startswith((".", "/")) else f"./{way}"
