"""What can be said to each command, parsed once into a frozen value."""

import inspect
from collections.abc import Callable
from dataclasses import MISSING, dataclass, fields
from pathlib import Path
from typing import Annotated, Any, ClassVar, get_type_hints

import typer

from fustor_new.names import derive, plain_name

__all__ = [
    "AdoptOptions",
    "DoctorOptions",
    "ListOptions",
    "PathOptions",
    "PusherOptions",
    "RemoveOptions",
    "SourceOptions",
    "UpdateOptions",
    "taking",
]

_DRY_RUN = typer.Option("--dry-run", help="Print a patch for `git apply`; write nothing.")
_WORKSPACE = typer.Option(metavar="DIR", help="Root of the workspace, when it is not above this directory.")
_DRIVER = "As `list` shows it, or its directory."


@dataclass(frozen=True)
class PusherOptions:
    """What can be said about new drivers of either kind; None and empty mean: as derived from the name."""

    kind: ClassVar[str] = "pusher"

    names: Annotated[
        list[str] | None, typer.Argument(metavar="NAME", help="Names such as 'redis' or 'my-db'; none: ask for one.")
    ] = None
    dependency: Annotated[
        list[str] | None,
        typer.Option("--dependency", "-d", metavar="REQ", help="A requirement of the driver, such as 'redis>=5'."),
    ] = None
    description: Annotated[str, typer.Option(help="One line: what the driver reads or writes.")] = ""
    author: Annotated[str, typer.Option(help="Name of the author.")] = ""
    email: Annotated[str, typer.Option(help="Address of the author.")] = ""
    license: Annotated[str, typer.Option(help="SPDX expression.")] = "Apache-2.0"
    example: Annotated[bool, typer.Option("--example", help="Render a small working driver instead of stubs.")] = False
    workspace: Annotated[Path | None, _WORKSPACE] = None
    standalone: Annotated[bool, typer.Option("--standalone", help="A project of its own, outside any workspace.")] = (
        False
    )
    output: Annotated[Path | None, typer.Option(metavar="DIR", help="Directory that the new project goes into.")] = None
    register: Annotated[bool, typer.Option(help="List the driver in the workspace's root pyproject.toml.")] = True
    contract_source: Annotated[
        str,
        typer.Option(
            metavar="SOURCE", help="Where the contract packages come from: workspace, index, a directory or a git URL."
        ),
    ] = ""
    class_name: Annotated[str, typer.Option(help="Name of the class (standalone only).")] = ""
    package: Annotated[str, typer.Option(help="Name of the import package (standalone only).")] = ""
    distribution: Annotated[str, typer.Option(help="Name of the distribution (standalone only).")] = ""
    entry_point: Annotated[str, typer.Option(help="Name of the entry point (standalone only).")] = ""
    dry_run: Annotated[bool, _DRY_RUN] = False
    json: Annotated[bool, typer.Option("--json", help="Print the plan as JSON.")] = False
    sync: Annotated[bool, typer.Option("--sync", help="Run `uv sync --extra dev` afterwards.")] = False
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Never ask; take the defaults.")] = False
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Print errors only.")] = False
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="Print every file.")] = False

    def __post_init__(self) -> None:
        """Refuse a bad name before anything heavy is imported. Raises NameRefused."""
        for name in self.names or ():
            derive(self.kind, plain_name(self.kind, name))


@dataclass(frozen=True)
class SourceOptions(PusherOptions):
    """What can be said about new sources."""

    kind: ClassVar[str] = "source"

    audit: Annotated[bool, typer.Option(help="Render the audit method.")] = True
    durable: Annotated[
        bool, typer.Option("--durable/--transient", help="Whether a lost event can be read again from its position.")
    ] = True


@dataclass(frozen=True)
class AdoptOptions:
    """What can be said about a package that is adopted; an empty text means: as its metadata say."""

    path: Annotated[Path, typer.Argument(metavar="PATH", help="Directory of the package.")]
    kind: Annotated[str, typer.Option(help="source or pusher.")] = ""
    name: Annotated[str, typer.Option(help="Name of the driver, such as 'redis' or 'my-db'.")] = ""
    distribution: Annotated[str, typer.Option(help="Name of the distribution.")] = ""
    package: Annotated[str, typer.Option(help="Name of the import package.")] = ""
    entry_point: Annotated[str, typer.Option(help="Name of the entry point.")] = ""
    class_name: Annotated[str, typer.Option(help="Name of the class.")] = ""
    license: Annotated[str, typer.Option(help="SPDX expression.")] = ""
    contract_source: Annotated[
        str, typer.Option(metavar="SOURCE", help="Where the contract packages come from, as when a driver is created.")
    ] = ""
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Put all into the patch; write nothing.")] = False
    apply: Annotated[bool, typer.Option("--apply", help="Write what is proposed as well.")] = False
    json: Annotated[bool, typer.Option("--json", help="Print the plan as JSON.")] = False


@dataclass(frozen=True)
class UpdateOptions:
    """What can be said to `update`."""

    paths: Annotated[
        list[Path] | None, typer.Argument(metavar="NAME|PATH", help="Drivers, by name or directory; none: this one.")
    ] = None
    every: Annotated[bool, typer.Option("--all", help="Every driver of the workspace with an answers file.")] = False
    dry_run: Annotated[bool, _DRY_RUN] = False
    json: Annotated[bool, typer.Option("--json", help="Print the plan as JSON.")] = False


@dataclass(frozen=True)
class DoctorOptions:
    """What can be said to `doctor`."""

    paths: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="NAME|PATH", help="A workspace's root, or drivers by name or directory; none: what is around."
        ),
    ] = None
    fix: Annotated[bool, typer.Option("--fix", help="Mend what is safe to mend, all or nothing.")] = False
    strict: Annotated[bool, typer.Option("--strict", help="Warnings count as errors.")] = False
    json: Annotated[bool, typer.Option("--json", help="Print the findings as JSON.")] = False


@dataclass(frozen=True)
class ListOptions:
    """What can be said to `list`."""

    workspace: Annotated[Path | None, _WORKSPACE] = None
    json: Annotated[bool, typer.Option("--json", help="Print the answer as JSON.")] = False


@dataclass(frozen=True)
class RemoveOptions:
    """What can be said to `remove`."""

    names: Annotated[list[str], typer.Argument(metavar="NAME|PATH", help=_DRIVER)]
    dry_run: Annotated[bool, _DRY_RUN] = False
    force: Annotated[bool, typer.Option("--force", help="Also what was edited or added by hand; it says what.")] = False
    json: Annotated[bool, typer.Option("--json", help="Print the answer as JSON.")] = False


@dataclass(frozen=True)
class PathOptions:
    """What can be said to `register` and `unregister`."""

    paths: Annotated[list[Path], typer.Argument(metavar="NAME|PATH", help=_DRIVER)]
    dry_run: Annotated[bool, _DRY_RUN] = False
    json: Annotated[bool, typer.Option("--json", help="Print the answer as JSON.")] = False


def taking(options: type[Any]) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """A decorator that gives a function of keywords a parameter for each field of `options`, as typer reads it."""

    def decorate(function: Callable[..., None]) -> Callable[..., None]:
        hints = get_type_hints(options, include_extras=True)
        function.__signature__ = inspect.Signature(  # type: ignore[attr-defined] # typer reads the signature from here
            [
                inspect.Parameter(
                    field.name,
                    inspect.Parameter.KEYWORD_ONLY,
                    default=inspect.Parameter.empty if field.default is MISSING else field.default,
                    annotation=hints[field.name],
                )
                for field in fields(options)
            ]
        )
        function.__annotations__ = {field.name: hints[field.name] for field in fields(options)}
        return function

    return decorate
