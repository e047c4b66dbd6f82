"""What a package on disk says about itself, wherever it says it: an author's project, an sdist or an unpacked wheel."""

import configparser
import email
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from email.message import Message
from functools import reduce
from pathlib import Path
from typing import Any

from fustor_new._reading import is_directory, is_file, read_bytes
from fustor_new.errors import UsageProblem
from fustor_new.workspace.root import parse_toml

__all__ = ["EntryPoint", "Metadata", "holds_package", "read_metadata", "requirement_name", "table", "text", "texts"]


@dataclass(frozen=True)
class EntryPoint:
    """One line of an entry-point table."""

    group: str
    name: str
    value: str


@dataclass(frozen=True)
class Metadata:
    """The metadata of one package; what it does not say is empty."""

    origin: str = ""
    """The first file that says something, relative to the package."""
    name: str = ""
    version: str = ""
    description: str = ""
    license: str = ""
    author: str = ""
    email: str = ""
    requires_python: str = ""
    dependencies: tuple[str, ...] = ()
    extras: tuple[str, ...] = ()
    """The requirements of every extra and dependency group."""
    entry_points: tuple[EntryPoint, ...] = ()
    dynamic: frozenset[str] = frozenset()
    project: Mapping[str, Any] = field(default_factory=dict)
    """The whole `pyproject.toml`, where there is one."""

    def with_defaults(self, other: "Metadata") -> "Metadata":
        """Return this, with what it lacks taken from `other`."""
        lacking = [one.name for one in fields(self) if not getattr(self, one.name)]
        return replace(self, **{name: getattr(other, name) for name in lacking})


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


def requirement_name(requirement: str) -> str:
    """Return the distribution that a requirement names, as it is written there, or an empty text."""
    match = re.match(r"\s*([A-Za-z0-9][A-Za-z0-9._-]*)", requirement)
    return match[1] if match else ""


def table(data: object, *keys: str) -> Mapping[str, Any]:
    """Return the table at `keys`, an empty one where there is none or something else."""
    for key in keys:
        data = data.get(key) if isinstance(data, Mapping) else None
    return data if isinstance(data, Mapping) else {}


def text(data: Mapping[str, Any], key: str) -> str:
    """Return the text at `key`, an empty one where there is none or something else."""
    value = data.get(key)
    return value if isinstance(value, str) else ""


def texts(value: object) -> tuple[str, ...]:
    """Return the texts of a list; what else it holds is left out."""
    return tuple(one for one in value if isinstance(one, str)) if isinstance(value, list) else ()


def _descriptions(folder: Path) -> Iterator[Path]:
    yield folder / "pyproject.toml"
    yield folder / "setup.cfg"
    yield folder / "PKG-INFO"
    for pattern in ("*.egg-info/PKG-INFO", "src/*.egg-info/PKG-INFO", "*.dist-info/METADATA"):
        yield from sorted(folder.glob(pattern))


def _read(path: Path, folder: Path) -> Metadata:
    origin = path.relative_to(folder).as_posix()
    if path.name == "pyproject.toml":
        return _of_project(parse_toml(read_bytes(path), str(path)), origin)
    if path.name == "setup.cfg":
        return _of_setup_cfg(path, origin)
    return _of_core_metadata(path, origin)


def _of_project(data: dict[str, Any], origin: str) -> Metadata:
    project = table(data, "project")
    first = next((one for one in project.get("authors") or () if isinstance(one, Mapping)), {})
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
    points = {group: _lines(lines) for group, lines in said.get("options.entry_points", {}).items()}
    return Metadata(
        origin=origin if main else "",
        name=main.get("name", ""),
        version=_plain(main.get("version", "")),
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


def _plain(version: str) -> str:
    return "" if version.startswith(("attr:", "file:")) else version
