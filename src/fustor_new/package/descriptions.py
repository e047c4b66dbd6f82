"""What a package on disk says of itself, read from wherever it says it: an author's project, an sdist, a wheel."""

import configparser
import email
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from email.message import Message
from functools import reduce
from pathlib import Path
from typing import Any

from fustor_new._reading import is_directory, is_file, read_bytes
from fustor_new._toml import parse_toml, table, text, texts
from fustor_new.errors import UsageProblem, disk_allows
from fustor_new.package.metadata import EntryPoint, Metadata

__all__ = ["holds_package", "read_metadata", "read_project"]


def holds_package(folder: Path) -> bool:
    """Tell whether there is a file in `folder` that describes a Python package."""
    return is_directory(folder) and any(is_file(path) for path in _descriptions(folder))


def read_metadata(folder: Path) -> Metadata:
    """Return what the package in `folder` says about itself, `pyproject.toml` first.

    Raises:
        UsageProblem: there is no package.
        WorkspaceError: a file cannot be read as what it is.
    """
    found = [_read(path, folder) for path in _descriptions(folder) if path.is_file()]
    if not found:
        raise UsageProblem(
            f"{str(folder)!r} holds no package (no pyproject.toml, setup.cfg, PKG-INFO or *.dist-info); "
            f"name the directory of one"
        )
    return reduce(Metadata.with_defaults, found)


def read_project(folder: Path) -> Metadata | None:
    """Return what `pyproject.toml` alone says of the package in `folder`, which is all that uv and hosts go by.

    None where there is no such file.

    Raises:
        WorkspaceError: the file is not TOML.
        EnvironmentProblem: it cannot be read.
    """
    path = folder / "pyproject.toml"
    if not is_file(path):
        return None
    with disk_allows(place=path):
        return _read(path, folder)


def _descriptions(folder: Path) -> Iterator[Path]:
    yield folder / "pyproject.toml"
    yield folder / "setup.cfg"
    yield folder / "PKG-INFO"
    for pattern in ("*.egg-info/PKG-INFO", "src/*.egg-info/PKG-INFO", "*.dist-info/METADATA"):
        yield from sorted(folder.glob(pattern))


def _read(path: Path, folder: Path) -> Metadata:
    origin = path.relative_to(folder).as_posix()
    if path.name == "pyproject.toml":
        found = _of_project(parse_toml(read_bytes(path), str(path)), origin)
    elif path.name == "setup.cfg":
        found = _of_setup_cfg(path, origin)
    else:
        found = _of_core_metadata(path, origin)
    return replace(found, folder=folder)


def _of_project(data: dict[str, Any], origin: str) -> Metadata:
    project = table(data, "project")
    authors = project.get("authors")
    first = next((one for one in authors if isinstance(one, Mapping)), {}) if isinstance(authors, list) else {}
    named = project.get("license")
    groups = (*table(project, "optional-dependencies").values(), *table(data, "dependency-groups").values())
    return Metadata(
        origin=origin,
        name=text(project, "name"),
        version=text(project, "version"),
        description=text(project, "description"),
        license=text(named, "text") if isinstance(named, Mapping) else text(project, "license"),
        author=text(first, "name"),
        email=text(first, "email"),
        requires_python=text(project, "requires-python"),
        dependencies=texts(project.get("dependencies")),
        extras=tuple(one for group in groups for one in texts(group)),
        entry_points=tuple(_points(table(project, "entry-points"))),
        dynamic=frozenset(texts(project.get("dynamic"))),
        project=data,
    )


def _of_setup_cfg(path: Path, origin: str) -> Metadata:
    parser = _parser()
    try:
        parser.read_string(_text_of(path))
    except configparser.Error:
        return Metadata(origin=origin)  # a tool's section may hold what only that tool can read
    said = {section: dict(parser[section]) for section in parser.sections()}
    main, options = said.get("metadata", {}), said.get("options", {})
    version = main.get("version", "")
    points = {group: _lines(lines) for group, lines in said.get("options.entry_points", {}).items()}
    return Metadata(
        origin=origin if main else "",
        name=main.get("name", ""),
        version="" if version.startswith(("attr:", "file:")) else version,
        description=main.get("description", ""),
        license=main.get("license", ""),
        author=main.get("author", ""),
        email=main.get("author_email", ""),
        requires_python=options.get("python_requires", ""),
        dependencies=tuple(_lines(options.get("install_requires", ""))),
        extras=tuple(one for lines in said.get("options.extras_require", {}).values() for one in _lines(lines)),
        entry_points=tuple(
            EntryPoint(group, name.strip(), value.strip())
            for group, lines in points.items()
            for name, separator, value in (line.partition("=") for line in lines)
            if separator
        ),
    )


def _of_core_metadata(path: Path, origin: str) -> Metadata:
    said = email.message_from_string(_text_of(path))
    author, address = _person(said)
    requirements = [str(one) for one in said.get_all("Requires-Dist") or ()]
    return Metadata(
        origin=origin,
        name=str(said.get("Name", "")),
        version=str(said.get("Version", "")),
        description=str(said.get("Summary", "")),
        license=str(said.get("License-Expression") or said.get("License") or ""),
        author=author,
        email=address,
        requires_python=str(said.get("Requires-Python", "")),
        dependencies=tuple(one for one in requirements if "extra ==" not in one),
        extras=tuple(one for one in requirements if "extra ==" in one),
        entry_points=tuple(_points_beside(path)),
    )


def _person(said: Message) -> tuple[str, str]:
    author, address = str(said.get("Author", "")), str(said.get("Author-email", ""))
    match = re.match(r'\s*"?(.*?)"?\s*<([^<>]*)>', address)
    return (author or match[1], match[2]) if match else (author, address.strip())


def _points_beside(path: Path) -> Iterator[EntryPoint]:
    listed = path.with_name("entry_points.txt")
    if not listed.is_file():
        return
    parser = _parser()
    parser.read_string(_text_of(listed))
    yield from _points({section: dict(parser[section]) for section in parser.sections()})


def _points(groups: Mapping[str, Any]) -> Iterator[EntryPoint]:
    for group in groups:
        for name, value in table(groups, group).items():
            if isinstance(value, str):
                yield EntryPoint(group, name, value)


def _text_of(path: Path) -> str:
    return read_bytes(path).decode(errors="replace")


def _parser() -> configparser.ConfigParser:
    parser = configparser.ConfigParser(delimiters=("=",), interpolation=None, strict=False)
    parser.optionxform = str  # type: ignore[assignment,method-assign] # names are case-sensitive
    return parser


def _lines(value: str) -> Sequence[str]:
    return [line.strip() for line in value.splitlines() if line.strip() and not line.strip().startswith("#")]
