"""The verdicts of the conformance kit that `fustor-driver conform --record` leaves in a package."""

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fustor_new._reading import read_bytes, walk
from fustor_new._toml import texts

__all__ = ["VERDICTS_FILE", "Conformance", "read_verdicts", "sources_digest"]

VERDICTS_FILE = ".fustor-conformance.json"
_OUTCOMES = {True: ("conformant",), False: ("not conformant", "not judged")}
_ASIDE = {"tests", "build", "dist", "__pycache__", "node_modules"}


@dataclass(frozen=True, kw_only=True)
class Conformance:
    """One recorded verdict on one driver, for one host's profile."""

    kind: str
    name: str
    profile: str
    conformant: bool
    outcome: str
    """`conformant`, `not conformant` or `not judged`."""
    exercised: int | None = None
    """How many of the profile's rules a check looked at; None in a verdict of a kit that did not count them."""
    rules: int | None = None
    """How many rules the profile asks."""
    not_exercised: tuple[str, ...] = ()
    """The names of the others."""
    kit_version: str
    date: str
    sources: str
    """The digest of the package's sources that were judged."""


def read_verdicts(package: Path) -> tuple[Conformance, ...]:
    """Return the verdicts that are recorded in the package: none where there is no file, or one that says nothing."""
    try:
        data = json.loads(read_bytes(package / VERDICTS_FILE, follow=False))
    except (OSError, ValueError, RecursionError):
        return ()
    listed = data.get("verdicts") if isinstance(data, dict) and data.get("schema") == 1 else None
    found = (_verdict(one) for one in listed) if isinstance(listed, list) else ()
    return tuple(verdict for verdict in found if verdict)


def sources_digest(package: Path) -> str:
    """Return the SHA-256 over what decides how the package's drivers behave.

    That is `pyproject.toml` and every `*.py` outside of tests, hidden and build directories: for each, in the order of
    their paths, the path, a NUL, the SHA-256 of the bytes in hex and a line feed. The kit computes the same.
    """
    whole = hashlib.sha256()
    for path in sorted(_sources(package)):
        content = hashlib.sha256(read_bytes(package / path)).hexdigest()
        whole.update(f"{path}\0{content}\n".encode(errors="surrogateescape"))
    return whole.hexdigest()


def _sources(package: Path) -> Iterator[str]:
    for path, entry in walk(package, lambda name: name not in _ASIDE and not name.startswith(".")):
        if path.endswith(".py") and entry.is_file():
            yield path
    if (package / "pyproject.toml").is_file():
        yield "pyproject.toml"


def _verdict(data: Any) -> Conformance | None:
    keys = ("kind", "name", "profile", "kit_version", "date", "sources")
    if not isinstance(data, dict) or not isinstance(data.get("conformant"), bool):
        return None
    if not all(isinstance(data.get(key), str) for key in keys):
        return None
    usual = "conformant" if data["conformant"] else "not conformant"
    outcome = data.get("outcome")
    return Conformance(
        conformant=data["conformant"],
        outcome=outcome if outcome in _OUTCOMES[data["conformant"]] else usual,
        exercised=_count(data.get("exercised")),
        rules=_count(data.get("rules")),
        not_exercised=texts(data.get("not_exercised")),
        **{key: data[key] for key in keys},
    )


def _count(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None
