"""What a built file says of itself, and whether that is true."""

import tarfile
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from packaging.metadata import Metadata
from packaging.utils import canonicalize_name, parse_sdist_filename, parse_wheel_filename
from packaging.version import Version

from release.errors import ReleaseError

__all__ = ["Described", "described", "faults", "require_true"]

LICENCE = "Apache-2.0"
ADDRESSES: frozenset[str] = frozenset()
"""The addresses of the project that exist in public. There is none yet, so no distribution may name one."""
STATUSES = {"Development Status :: 3 - Alpha", "Development Status :: 4 - Beta"}
"""What a distribution may say before a release has proved itself to anybody."""


@dataclass(frozen=True)
class Described:
    """A wheel or an sdist: its metadata, as it lies in there and read, and the licence files in it by name."""

    file: Path
    raw: bytes
    metadata: Metadata
    licences: dict[str, bytes]
    named: tuple[str, Version]
    """Name and version as the file name says them."""


def described(file: Path) -> Described:
    """Read a file.

    Raises:
        ReleaseError: its metadata breaks the rules of an index.
    """
    parts = _wheel_parts(file) if file.suffix == ".whl" else _sdist_parts(file)
    raw = parts.pop("")
    name, version = parse_wheel_filename(file.name)[:2] if file.suffix == ".whl" else parse_sdist_filename(file.name)
    try:
        metadata = Metadata.from_email(raw)
    except* ValueError as errors:  # packaging finds every fault at once
        raise ReleaseError(f"{file.name}: {'; '.join(str(one) for one in errors.exceptions)}") from errors
    return Described(file, raw, metadata, parts, (name, version))


def require_true(files: tuple[Path, ...], tree: Path) -> None:
    """Refuse files that say something untrue.

    Args:
        files: wheels and sdists of the distributions of the tree.
        tree: what they were built from.

    Raises:
        ReleaseError: with every fault, one a line.
    """
    licence = (tree / "LICENSE").read_bytes()
    if found := [f"{file.name}: {fault}" for file in files for fault in faults(described(file), licence)]:
        raise ReleaseError("\n".join(found))


def faults(one: Described, licence: bytes) -> Iterator[str]:
    """Yield what a file says that is not true, or does not say.

    Args:
        one: the file.
        licence: the text of the licence of this repository.
    """
    metadata = one.metadata
    if (canonicalize_name(metadata.name), metadata.version) != one.named:
        yield f"it is {metadata.name} {metadata.version} inside"
    if metadata.license_expression != LICENCE or licence not in one.licences.values():
        yield f"it is under {metadata.license_expression!r} with {sorted(one.licences)!r}, not {LICENCE!r} and its text"
    if not metadata.summary or not (metadata.author or metadata.author_email):
        yield "it has no summary or no author; write `description` and `authors`"
    if metadata.description_content_type != "text/markdown" or not (metadata.description or "").startswith("# "):
        yield "its README is not its long description; write `readme`"
    if metadata.requires_python is None or not metadata.requires_python.contains("3.11"):
        yield f"it requires Python {metadata.requires_python}"
    yield from _claims(metadata)


def _claims(metadata: Metadata) -> Iterator[str]:
    """Yield what is claimed of addresses, of the state of the project, and of where requirements come from."""
    addresses = {*(metadata.project_urls or {}).values(), *filter(None, [metadata.home_page, metadata.download_url])}
    for address in sorted(addresses - ADDRESSES):
        yield f"nobody answers at {address!r}; leave the address out"
    status = [text for text in metadata.classifiers or [] if text.startswith("Development Status ::")]
    if len(status) != 1 or status[0] not in STATUSES:
        yield f"it says {status!r}; write one of {sorted(STATUSES)!r}"
    for requirement in metadata.requires_dist or []:
        if requirement.url:
            yield f"it requires {requirement.name} from {requirement.url!r}, which only one machine has"


def _wheel_parts(file: Path) -> dict[str, bytes]:
    """The metadata under no name, and the licence files under theirs."""
    with zipfile.ZipFile(file) as archive:
        names = {name.partition(".dist-info/")[2]: name for name in archive.namelist()}
        wanted = {part: name for part, name in names.items() if part.startswith("licenses/")}
        found = {part.removeprefix("licenses/"): archive.read(name) for part, name in wanted.items()}
        return {"": archive.read(names["METADATA"]), **found}


def _sdist_parts(file: Path) -> dict[str, bytes]:
    root = file.name.removesuffix(".tar.gz")
    with tarfile.open(file) as archive:
        found = {}
        for name in ("PKG-INFO", "LICENSE"):
            if f"{root}/{name}" in archive.getnames() and (data := archive.extractfile(f"{root}/{name}")):
                found["" if name == "PKG-INFO" else name] = data.read()
        return found
