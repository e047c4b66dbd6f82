"""The options of `fustor-new source` and `fustor-new pusher`, parsed once into a frozen value."""

import inspect
from collections.abc import Callable
from dataclasses import MISSING, dataclass, fields
from pathlib import Path
from typing import Annotated, Any, TypeVar, get_type_hints

import typer

__all__ = ["AdoptOptions", "PusherOptions", "SourceOptions", "with_options"]

Options = TypeVar("Options", bound="PusherOptions | AdoptOptions")


@dataclass(frozen=True)
class PusherOptions:
    """What can be said about new drivers of either kind; None and empty mean: as derived from the name."""

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
    workspace: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Root of the workspace, when it is not above this directory.")
    ] = None
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
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Print a patch for `git apply`; write nothing.")] = False
    json: Annotated[bool, typer.Option("--json", help="Print the plan as JSON.")] = False
    sync: Annotated[bool, typer.Option("--sync", help="Run `uv sync --extra dev` afterwards.")] = False
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Never ask; take the defaults.")] = False
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Print errors only.")] = False
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="Print every file.")] = False


@dataclass(frozen=True)
class SourceOptions(PusherOptions):
    """What can be said about new sources."""

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


def with_options(options: type[Options]) -> Callable[[Callable[[Options], None]], Callable[..., None]]:
    """A decorator that turns a function of one options value into a typer command with one parameter a field."""

    def decorate(function: Callable[[Options], None]) -> Callable[..., None]:
        def command(**values: Any) -> None:
            function(options(**values))

        hints = get_type_hints(options, include_extras=True)
        command.__signature__ = inspect.Signature(  # type: ignore[attr-defined] # typer reads the signature from here
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
        command.__annotations__ = {field.name: hints[field.name] for field in fields(options)}
        command.__doc__ = function.__doc__
        return command

    return decorate
