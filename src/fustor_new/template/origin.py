"""Where copier finds the template of this very installation: the git repository that it was installed from."""

import json
import subprocess
from dataclasses import dataclass, replace
from functools import cache
from importlib.metadata import Distribution, PackageNotFoundError
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from fustor_new.changes.content import Tree
from fustor_new.template.provenance import ANSWERS_FILE, with_address

__all__ = ["Origin", "find_origin", "recording"]


@dataclass(frozen=True)
class Origin:
    """The address of a repository that copier can clone, and the commit of the template there."""

    address: str
    commit: str

    def lines(self) -> bytes:
        """What an answers file records of it, as the template writes it."""
        return f"_commit: {json.dumps(self.commit)}\n_src_path: {json.dumps(self.address)}\n".encode()


@cache
def find_origin() -> Origin | None:
    """Return where this fustor-new was installed from; None where it was no git repository.

    Source: PEP 610, `direct_url.json`.
    """
    try:
        text = Distribution.from_name("fustor-new").read_text("direct_url.json")
    except PackageNotFoundError:
        return None
    return _of(json.loads(text)) if text else None


def recording(tree: Tree, origin: Origin) -> Tree:
    """Return what a new package holds, with the origin in its answers file."""
    answers = tree.files[ANSWERS_FILE]
    known = replace(answers, data=with_address(answers.data, origin.lines()))
    return replace(tree, files={**tree.files, ANSWERS_FILE: known})


def _of(said: dict[str, Any]) -> Origin | None:
    address, commit = said["url"], said.get("vcs_info", {}).get("commit_id", "")
    if commit:
        return Origin(f"git+{address}", commit)
    checkout = Path(unquote(urlsplit(address).path))
    return _checked_out(checkout) if address.startswith("file:") and (checkout / ".git").exists() else None


def _checked_out(checkout: Path) -> Origin | None:
    """Return a checkout as copier names it. It may hold more than its last commit: an update merges that too."""
    try:
        done = subprocess.run(
            ["git", "describe", "--tags", "--always"], cwd=checkout, capture_output=True, text=True, check=False
        )
    except FileNotFoundError:
        return None
    return Origin(str(checkout), done.stdout.strip()) if done.returncode == 0 else None
