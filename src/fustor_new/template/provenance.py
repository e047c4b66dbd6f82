"""Where a package comes from: what its answers file records, and what the template had made of it.

Copier finds the template of this very installation in the git repository that it was installed from.
"""

import hashlib
import json
import re
import reprlib
from collections.abc import Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import yaml
from packaging.version import Version

from fustor_new._reading import read_bytes
from fustor_new._yaml import DocumentError, parse_yaml
from fustor_new.changes.content import FileContent, Tree
from fustor_new.errors import EnvironmentProblem, FustorNewError, WorkspaceError, disk_allows
from fustor_new.names import Names, derive
from fustor_new.package.metadata import is_version
from fustor_new.template.history import load_history, template_version, templates_directory
from fustor_new.template.render import rendered_again

__all__ = [
    "ANSWERS_FILE",
    "Origin",
    "Record",
    "find_origin",
    "is_adopted",
    "is_template_owned",
    "likely_distribution",
    "modified_files",
    "parse_record",
    "read_record",
    "recorded_names",
    "recording",
    "recording_only",
    "rendered_files",
    "rendered_now",
    "with_address",
]

ANSWERS_FILE = ".copier-answers.yml"
_LARGEST_BYTES = 256 * 1024
_ADDRESS = re.compile(rb"^(?:_commit:|_src_path:|# No git address)[^\n]*\n", re.MULTILINE)
_RECORDED = re.compile(rb'  "(.+)": "[0-9a-f]{64}"')


@dataclass(frozen=True)
class Record:
    """What an answers file says.

    `files` has the SHA-256 of every other file as it was rendered, by path.
    `address` is the address of the template that copier knows the package by, or an empty text.
    """

    answers: Mapping[str, Any]
    template_version: str
    files: Mapping[str, str]
    address: str = ""


def read_record(package: Path) -> Record | None:
    """Return what the package's answers file records, None where there is no such file.

    Raises:
        WorkspaceError: there is one, and it cannot be read.
        EnvironmentProblem: the disk does not allow it.
    """
    path = package / ANSWERS_FILE
    with disk_allows(place=path), suppress(FileNotFoundError):
        return parse_record(read_bytes(path, limit_bytes=_LARGEST_BYTES, follow=False), path)
    return None


def parse_record(text: bytes, path: Path) -> Record:
    """Return what an answers file of these bytes records; `path` is for messages. Raises WorkspaceError."""
    if len(text) > _LARGEST_BYTES:
        raise _broken(path, f"it is larger than {_LARGEST_BYTES // 1024} kB")
    try:
        data = parse_yaml(text)
    except DocumentError as err:
        raise _broken(path, str(err)) from err
    if not isinstance(data, dict) or not all(isinstance(key, str) for key in data):
        raise _broken(path, "it is not a mapping")
    version, files, address = data.get("template_version"), data.get("files"), data.get("_src_path", "")
    if not isinstance(version, str) or not is_version(version):
        raise _broken(path, f"'template_version' is {reprlib.repr(version)}")
    if not isinstance(files, dict) or not files or not all(_is_hash_of_file(*entry) for entry in files.items()):
        raise _broken(path, "'files' is not a mapping of paths to hashes")
    given = {key: value for key, value in data.items() if key not in {"template_version", "files"} and key[:1] != "_"}
    return Record(given, version, files, str(address))


def rendered_files(record: Record) -> Mapping[str, FileContent]:
    """Return what the recorded version of the template made of the recorded answers, by path.

    Raises:
        EnvironmentProblem: this installation does not know that version.
        WorkspaceError: that template refuses the answers.
    """
    version = record.template_version
    if version == template_version():
        return rendered_now(record)
    history = load_history()
    if version not in history.versions:
        raise EnvironmentProblem(f"Template {version!r} is not known here; {_remedy(version, history.versions)}")
    return rendered_again(history.template(version), record.answers)


def rendered_now(record: Record) -> Mapping[str, FileContent]:
    """Return what today's template makes of the recorded answers, by path. Raises WorkspaceError."""
    return rendered_again(templates_directory(), record.answers)


def modified_files(package: Path, record: Record) -> tuple[str, ...]:
    """Return the files that were edited or are missing since they were rendered, sorted. Raises EnvironmentProblem.

    The answers file does not count, nor do files that the author has added.
    """
    return tuple(sorted(path for path, expected in record.files.items() if _hash_of(package / path) != expected))


def recorded_names(record: Record) -> Names:
    """Return the names that the package was given. Raises FustorNewError where its answers say none that can be."""
    said: dict[str, Any] = {key: value for key, value in record.answers.items() if isinstance(value, str)}
    derived = derive(said.get("kind", ""), said.get("name", ""))
    if said.get("layout") != "standalone":
        return derived
    free = ("distribution", "package", "entry_point", "class_name")
    chosen = {field: said[field] for field in free if field in said}
    # The directory of a project of its own is its author's business.
    return replace(derived, directory="", **chosen)


def likely_distribution(package: Path) -> str:
    """Return what a driver whose metadata cannot be read is called: as its record says, else as its directory is."""
    try:
        record = read_record(package)
        return recorded_names(record).distribution if record else f"fustor-{package.name}"
    except FustorNewError:  # the record is broken, too
        return f"fustor-{package.name}"


def is_adopted(record: Record) -> bool:
    """Tell whether the package was adopted: its record names only what the template owns."""
    return all(map(is_template_owned, record.files))


def recording_only(answers_file: bytes, paths: Collection[str]) -> bytes:
    """Return the answers file without the hashes of other files than `paths`.

    That is the record of a package that was adopted: the files that are not named are its author's own.
    """
    lines = ((line, _RECORDED.fullmatch(line.rstrip())) for line in answers_file.splitlines(keepends=True))
    return b"".join(line for line, found in lines if found is None or found[1].decode() in paths)


def with_address(answers_file: bytes, lines: bytes) -> bytes:
    """Return the answers file with these lines as what copier updates the package from, below its first one."""
    head, end, rest = answers_file.partition(b"\n")
    return head + end + lines + _ADDRESS.sub(b"", rest)


def is_template_owned(path: str) -> bool:
    """Tell whether an update writes the file anew (it is the template's), by its path in the package."""
    return any(fnmatchcase(path, pattern) for pattern in _owned(templates_directory() / "manifest.yml"))


@cache
def _owned(manifest: Path) -> tuple[str, ...]:
    return tuple(yaml.safe_load(manifest.read_text(encoding="utf-8"))["template_owned"])


def _hash_of(path: Path) -> str:
    """Return the hash of a file, an empty text where there is none (a symlink does not count)."""
    if path.is_symlink() or not path.is_file():
        return ""
    with disk_allows(place=path):
        return hashlib.sha256(read_bytes(path, follow=False)).hexdigest()


def _broken(path: Path, why: str) -> WorkspaceError:
    return WorkspaceError(
        f"Cannot read {str(path)!r} ({why}); put it back as it was rendered, or adopt the package anew"
    )


def _is_hash_of_file(path: object, digest: object) -> bool:
    return (
        isinstance(path, str)
        and not path.startswith("/")
        and ".." not in path.split("/")
        and isinstance(digest, str)
        and re.fullmatch("[0-9a-f]{64}", digest) is not None
    )


def _remedy(version: str, known: Mapping[str, object]) -> str:
    if Version(version) > Version(template_version()):
        return f"it is newer than {template_version()}, the template of this fustor-new; install a newer fustor-new"
    return f"this fustor-new has {', '.join(sorted(known))}; install one that has it"


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
    from importlib.metadata import Distribution, PackageNotFoundError  # noqa: PLC0415 - who only looks does without

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
    import subprocess  # noqa: PLC0415 - as above

    try:
        done = subprocess.run(
            ["git", "describe", "--tags", "--always"], cwd=checkout, capture_output=True, text=True, check=False
        )
    except FileNotFoundError:
        return None
    return Origin(str(checkout), done.stdout.strip()) if done.returncode == 0 else None
