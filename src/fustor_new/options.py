"""What can be said to each command, parsed once into a frozen value; every help is a whole sentence.

A shell proposes what may stand there: a driver, a licence or a kind; for files, what the shell itself would.
"""

import inspect
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import MISSING, dataclass, field, fields, replace
from operator import attrgetter
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Any, ClassVar, TypeVar, get_type_hints

import typer

from fustor_new.errors import FustorNewError
from fustor_new.kinds import Kind
from fustor_new.names import derive, plain_name
from fustor_new.template.questions import QUESTIONS, Question, questions_about

__all__ = [
    "OPTIONS_OF_KIND",
    "AdoptOptions",
    "DoctorOptions",
    "ListOptions",
    "PathOptions",
    "PusherOptions",
    "RemoveOptions",
    "SourceOptions",
    "UpdateOptions",
    "parsed",
    "taking",
]

Options = TypeVar("Options")


def _driver_names(ctx: typer.Context, incomplete: str) -> list[str]:
    """Drivers of the workspace that was typed before, else of the one around here."""
    from fustor_new.workspace.finding import starting_point  # noqa: PLC0415 - --help stays quick
    from fustor_new.workspace.naming import driver_labels  # noqa: PLC0415 - as above

    root = ctx.params.get("workspace")
    try:
        labels = driver_labels(starting_point(Path(root) if root else None))
    except (FustorNewError, OSError):  # a shell that completes has no place for an error
        return []
    return [label for label in labels if label.startswith(incomplete)]


def _proposing(words: Iterable[str]) -> Callable[[str], list[str]]:
    """What completes one of the words."""
    return lambda incomplete: [str(word) for word in words if word.startswith(incomplete)]


def _named(meaning: str) -> Any:
    """An argument that names a driver."""
    return typer.Argument(metavar="NAME|PATH", help=meaning, autocompletion=_driver_names)


def _contract_source(meaning: str) -> Any:
    """An option that says where the contract packages come from; a directory is the shell's to complete."""
    words = ("index", "vendor", "workspace")
    return typer.Option(metavar="SOURCE", help=meaning, autocompletion=_proposing(words))


_DRY_RUN = typer.Option("--dry-run", help="Print a patch for `git apply` and write nothing.")
_WORKSPACE = typer.Option(metavar="DIR", help="Root of the workspace, if that is not around this directory.")
_DRIVER = "A driver as `list` shows it, or its directory."


@dataclass(frozen=True)
class PusherOptions:
    """What can be said about new pushers, and for the most part about new sources."""

    kind: ClassVar[Kind] = Kind.PUSHER
    questions: ClassVar[tuple[Question, ...]] = questions_about(Kind.PUSHER)

    names: Annotated[
        list[str] | None,
        typer.Argument(metavar="NAME", help="A name such as 'redis' or 'my-db'; without one the command asks."),
    ] = None
    given: Mapping[str, Any] = field(default_factory=dict)
    """Answers to the template's questions; None and empty mean: as derived from the name."""
    workspace: Annotated[Path | None, _WORKSPACE] = None
    standalone: Annotated[
        bool, typer.Option("--standalone", help="Make a project of its own, outside of any workspace.")
    ] = False
    output: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Directory that the new project is created in.")
    ] = None
    register: Annotated[bool, typer.Option(help="List the driver in the workspace's root pyproject.toml.")] = True
    contract_source: Annotated[
        str,
        _contract_source("Where the contract packages come from: vendor, workspace, index, a directory or a git URL."),
    ] = ""
    git: Annotated[bool, typer.Option(help="Make a standalone project a git repository with a first commit.")] = True
    dry_run: Annotated[bool, _DRY_RUN] = False
    json: Annotated[bool, typer.Option("--json", help="Print the plan as JSON.")] = False
    sync: Annotated[bool, typer.Option("--sync", help="Run `uv sync --extra dev` afterwards.")] = False
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Ask nothing and take the defaults.")] = False
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Print errors only.")] = False
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="Print every file.")] = False

    def __post_init__(self) -> None:
        """Refuse a bad name before anything heavy is imported. Raises NameRefused."""
        for name in self.names or ():
            derive(self.kind, plain_name(self.kind, name))


@dataclass(frozen=True)
class SourceOptions(PusherOptions):
    """What can be said about new sources."""

    kind: ClassVar[Kind] = Kind.SOURCE
    questions: ClassVar[tuple[Question, ...]] = questions_about(Kind.SOURCE)


OPTIONS_OF_KIND: Mapping[Kind, type[PusherOptions]] = MappingProxyType(
    {options.kind: options for options in (PusherOptions, SourceOptions)}
)
"""What can be said about new drivers of each kind."""


@dataclass(frozen=True, kw_only=True)
class _Options:
    """What can be said to every command that creates nothing, behind what it has of its own."""

    workspace: Annotated[Path | None, _WORKSPACE] = None
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Ask nothing, as this command does anyway.")] = False


@dataclass(frozen=True)
class AdoptOptions(_Options):
    """What can be said about a package that is adopted; an empty text means: as its metadata say."""

    questions: ClassVar[tuple[Question, ...]] = tuple(
        replace(question, default="") for question in QUESTIONS if isinstance(question.unsaid, str)
    )

    path: Annotated[Path, typer.Argument(metavar="PATH", help="Directory of the package.")]
    given: Mapping[str, Any] = field(default_factory=dict)
    """Answers to the template's questions, as far as those are texts."""
    kind: Annotated[
        str, typer.Option(metavar="KIND", help="What the driver is: source or pusher.", autocompletion=_proposing(Kind))
    ] = ""
    name: Annotated[str, typer.Option(metavar="NAME", help="Name of the driver, such as 'redis' or 'my-db'.")] = ""
    contract_source: Annotated[
        str, _contract_source("Where the contract packages come from, as when a driver is created.")
    ] = ""
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Put all into the patch and write nothing.")] = False
    apply: Annotated[bool, typer.Option("--apply", help="Write what is proposed as well.")] = False
    json: Annotated[bool, typer.Option("--json", help="Print the plan as JSON.")] = False


@dataclass(frozen=True)
class UpdateOptions(_Options):
    """What can be said to `update`."""

    paths: Annotated[list[Path] | None, _named("A driver by name or directory; without one, the one around here.")] = (
        None
    )
    every: Annotated[bool, typer.Option("--all", help="Update every driver of the workspace with an answers file.")] = (
        False
    )
    contract_source: Annotated[str, _contract_source("Take the contract packages from elsewhere than before.")] = ""
    dry_run: Annotated[bool, _DRY_RUN] = False
    json: Annotated[bool, typer.Option("--json", help="Print the plan as JSON.")] = False


@dataclass(frozen=True)
class DoctorOptions(_Options):
    """What can be said to `doctor`."""

    paths: Annotated[
        list[Path] | None, _named("A workspace's root, or a driver by name or directory; without one, what is around.")
    ] = None
    fix: Annotated[bool, typer.Option("--fix", help="Fix what is safe to fix, all or nothing.")] = False
    strict: Annotated[bool, typer.Option("--strict", help="Count warnings as errors.")] = False
    json: Annotated[bool, typer.Option("--json", help="Print the findings as JSON.")] = False


@dataclass(frozen=True)
class ListOptions(_Options):
    """What can be said to `list`."""

    json: Annotated[bool, typer.Option("--json", help="Print the answer as JSON.")] = False


@dataclass(frozen=True)
class RemoveOptions(_Options):
    """What can be said to `remove`."""

    names: Annotated[list[str], _named(_DRIVER)]
    dry_run: Annotated[bool, _DRY_RUN] = False
    force: Annotated[
        bool, typer.Option("--force", help="Remove what was edited or added by hand, too, and say what.")
    ] = False
    json: Annotated[bool, typer.Option("--json", help="Print the answer as JSON.")] = False


@dataclass(frozen=True)
class PathOptions(_Options):
    """What can be said to `register` and `unregister`."""

    paths: Annotated[list[Path], _named(_DRIVER)]
    dry_run: Annotated[bool, _DRY_RUN] = False
    json: Annotated[bool, typer.Option("--json", help="Print the answer as JSON.")] = False


def taking(options: type[Any], function: Callable[..., None]) -> Callable[..., None]:
    """Return the function of keywords with a parameter for each field of `options`, as typer reads it.

    In the place of `given` there is one for each question that has a flag.
    """
    parameters = list(_parameters(options))
    function.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined] # where typer reads it
    function.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    return function


def parsed(options: type[Options], values: dict[str, Any]) -> Options:
    """Return the value of the parameters that `taking` gave. Raises NameRefused."""
    if asked := _asked(options):
        values = {**values, "given": {question.name: values[question.name] for question in asked}}
    return options(**{one.name: values[one.name] for one in fields(options)})  # type: ignore[arg-type] # a dataclass


def _asked(options: type[Any]) -> Sequence[Question]:
    return [question for question in getattr(options, "questions", ()) if question.help]


def _parameters(options: type[Any]) -> Iterator[inspect.Parameter]:
    hints = get_type_hints(options, include_extras=True)
    for one in sorted(fields(options), key=attrgetter("kw_only")):  # what every command takes stands last
        if one.name == "given":
            yield from map(_flag, _asked(options))
        else:
            default = inspect.Parameter.empty if one.default is MISSING else one.default
            yield _parameter(one.name, default, hints[one.name])


def _flag(question: Question) -> inspect.Parameter:
    kind: Any = list[str] if isinstance(question.unsaid, tuple) else type(question.unsaid)
    words = [value for value, _ in question.choices if isinstance(value, str)]
    note = " (standalone only)" if question.layout and callable(question.default) else ""
    option = typer.Option(
        *question.flags,
        help=f"{question.help[:-1]}{note}.",
        metavar=question.metavar or ("TEXT" if kind is str else None),
        autocompletion=_proposing(words) if words else None,
    )
    return _parameter(question.name, question.unsaid, Annotated[kind, option])


def _parameter(name: str, default: Any, annotation: Any) -> inspect.Parameter:
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=annotation)
