"""Where a new package takes the contract packages from, until they are on an index.

uv reads only the sources of the package at hand, so every one carries its own, also in a workspace that lacks ours. For
a checkout and for a git address uv finds what those packages need in turn: they are members of one workspace there.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Self

from fustor_new.errors import UsageProblem

__all__ = ["CHOICES", "CONTRACT_PACKAGES", "ContractSource"]

CONTRACT_PACKAGES = ("fustor-conformance", "fustor-core", "fustor-driver", "fustor-event-model")

CHOICES = "use workspace, index, a git URL (git+https://...@ref) or the directory of a checkout"
_URL = re.compile(r"(?:git\+)?(?P<url>(?:https?|ssh|git|file)://[^/\s]*/[^@\s#?]+)(?:@(?P<ref>[^@\s#?]+))?")
_SCP = re.compile(r"(?P<host>[^/\s:]+@[^/\s:]+):(?P<path>[^\s]+)")


@dataclass(frozen=True)
class ContractSource:
    """One of `workspace`, `index`, a git address with an optional ref, or a directory relative to the new package."""

    kind: Literal["workspace", "index", "git", "directory"]
    location: str = ""
    ref: str = ""

    @classmethod
    def parse(cls, text: str, *, project: Path, base: Path | None = None) -> Self:
        """The source that a user means by `text`.

        Args:
            text: `workspace`, `index`, a git URL, or a directory: a checkout or its `packages` directory.
            project: where the new package will be; a directory is written relative to it.
            base: what a relative directory in `text` is relative to; the current directory by default.

        Raises:
            UsageProblem: `text` is none of these, or the directory holds no contract packages.
        """
        if text in {"workspace", "index"}:
            return cls(kind="workspace" if text == "workspace" else "index")
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
        directory = base / Path(text).expanduser()
        candidates = [directory, directory.parent] if directory.name == "packages" else [directory]
        for candidate in candidates:
            if text and (candidate / "packages" / "fustor-core" / "pyproject.toml").is_file():
                return cls(kind="directory", location=_relative(candidate, project, text))
        raise UsageProblem(f"Directory {text!r} holds no packages/fustor-core; {CHOICES}")

    def answer(self) -> str:
        """The text that the template understands, and that the answers file records."""
        if self.kind == "git":
            return f"git+{self.location}" + (f"@{self.ref}" if self.ref else "")
        return self.location if self.kind == "directory" else self.kind


def _relative(directory: Path, project: Path, text: str) -> str:
    """The way from the package to the directory, beginning with a dot, so that it reads as nothing else."""
    way = Path(os.path.relpath(directory.resolve(), project.resolve())).as_posix()
    if not way.isprintable():
        raise UsageProblem(f"Directory {text!r} leads over {way!r}, which no TOML file can hold; choose another")
    return way if way.startswith(".") else f"./{way}"
