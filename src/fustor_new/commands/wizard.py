"""The conversation about a new driver: what is asked, in which order, and what is said about an answer at once."""

import os
import re
import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

from fustor_new._output import from_here, printable, warn
from fustor_new._reading import check_usable, from_home
from fustor_new.commands import _prompts
from fustor_new.commands.planning import Place, check_names, check_place, known_contract_source, locate, understood
from fustor_new.errors import FustorNewError, TargetConflict, UsageProblem, WorkspaceError
from fustor_new.kinds import Kind
from fustor_new.names import derive, plain_name
from fustor_new.options import OPTIONS_OF_KIND, PusherOptions
from fustor_new.template.contract_source import CHOICES, ContractSource
from fustor_new.template.questions import Question, is_mail_address
from fustor_new.workspace.finding import find_workspace

__all__ = ["ask", "ask_contract_source"]

Answer = TypeVar("Answer")
_KINDS = tuple((kind, f"A {kind}: it {kind.task}") for kind in Kind)
# `redis>=5,<6` and `db[a,b]` have commas of their own.
_BETWEEN_REQUIREMENTS = re.compile(r",\s*(?=[A-Za-z0-9])(?![^\[]*\])")


def ask(said: PusherOptions | None, last: PusherOptions | None = None) -> PusherOptions:
    """What the author answers, an answer that cannot be used being asked for again, with its text.

    Args:
        said: the options of the command line, which are not asked for; None where not even the kind is known.
        last: the answers of the round before, which are offered again.

    Raises:
        KeyboardInterrupt: the author pressed Ctrl-C or Ctrl-D.
        FustorNewError: the command line says what cannot be.
    """
    if said is None:
        said = OPTIONS_OF_KIND[_prompts.chosen("What is the driver?", _KINDS, last.kind if last else Kind.SOURCE)]()
    last = last or replace(said, given={**_git_identity(), **{name: one for name, one in said.given.items() if one}})
    options = _with_place(said, last)
    locate(options)  # what flags say of a place can be wrong, too
    options = replace(options, names=[_name(options, (last.names or [""])[0])])
    if not known_contract_source(options, locate(options)):
        options = replace(options, contract_source=ask_contract_source(options))
    given = {one.name: _answer(one, options, last) for one in said.questions if one.prompt and _is_open(one, said)}
    return replace(options, given={**said.given, **given})


def _git_identity() -> dict[str, str]:
    """The author's name and mail address from git's configuration, each empty where it says nothing usable."""
    email = _configured("user.email")
    return {"author": printable(_configured("user.name")), "email": email if is_mail_address(email) else ""}


def _configured(key: str) -> str:
    try:
        done = subprocess.run(["git", "config", "--get", key], capture_output=True, text=True, check=False)
    except (OSError, UnicodeDecodeError):  # there is no git, or its answer is no text
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""


def _is_open(question: Question, said: PusherOptions) -> bool:
    given = said.given.get(question.name)
    return given in (None, "", [], ()) or given == question.unsaid


def _with_place(said: PusherOptions, last: PusherOptions) -> PusherOptions:
    """The options with where the driver goes: into the workspace around here, or into a project of its own."""
    if said.standalone or said.workspace or said.output:
        return said
    try:
        root = find_workspace(Path.cwd()).root
    except WorkspaceError as err:
        warn(f"{str(err).partition(';')[0]}, so the driver becomes a project of its own")
        return replace(said, standalone=True, output=_folder(last.output or Path()))
    places = (
        (False, f"In this workspace, below {from_here(root / 'extensions')}"),
        (True, "In a project of its own, outside of any workspace"),
    )
    if not _prompts.chosen("Where does it belong?", places, last.standalone):
        return said
    return replace(said, standalone=True, output=_folder(last.output or Path(os.path.relpath(root.parent))))


def _folder(hint: Path) -> Path:
    def judged(text: str) -> Path:
        folder = check_usable(from_home(text or str(hint)), "the directory of new drivers")
        if folder.exists() and not folder.is_dir():
            raise UsageProblem(f"{str(folder)!r} is not a directory; name the one that the project is to be created in")
        return folder

    return _asked("Which directory is the project created in?", judged, hint=str(hint))


def _name(options: PusherOptions, given: str) -> str:
    def judged(text: str) -> str:
        name = derive(options.kind, plain_name(options.kind, text)).name
        chosen = replace(options, names=[name])
        place = locate(chosen)
        (names,) = check_names(chosen)
        check_place([names], chosen, place)
        _check_new(place, place.target(names))
        for line in understood(replace(options, names=[text])):
            warn(line)
        return name

    return _asked(f"What is the {options.kind} called?", judged, given, "such as redis or my-db")


def _check_new(place: Place, target: Path) -> None:
    if os.path.lexists(target) and not (target.is_dir() and not any(target.iterdir())):
        remedy = f"`fustor-new remove {target.name}` removes it" if place.workspace else "move it away"
        raise TargetConflict(f"{from_here(target)!r} is there already; choose another name, or {remedy}")


def ask_contract_source(options: PusherOptions) -> str:
    """Where the contract packages are to come from, which neither the options nor the place say."""
    target = locate(options).target(check_names(options)[0])

    def judged(text: str) -> str:
        ContractSource.parse(text, project=target)
        return text

    return _asked(f"Where do the contract packages come from? ({CHOICES})", judged)


def _answer(question: Question, options: PusherOptions, last: PusherOptions) -> Any:
    given = last.given.get(question.name) or question.unsaid
    if question.choices:
        listed = given in [value for value, _ in question.choices]
        answer = _prompts.chosen(question.prompt, question.choices, given if listed else None)
        if answer is not None:
            return answer
        given = "" if listed else given
    elif isinstance(question.unsaid, bool):
        return _prompts.agreed(question.prompt, first=last.given.get(question.name, given))
    if isinstance(question.unsaid, tuple):
        return _asked(question.prompt, lambda text: question.check(_pieces(text)), ", ".join(given), question.hint)
    (names,) = check_names(options)
    default = question.default(names) if callable(question.default) else ""

    def judged(text: str) -> str:
        checked: str = question.check(text) if text or question.choices else ""
        return checked

    return _asked(question.other or question.prompt, judged, given, default or question.hint)


def _pieces(text: str) -> tuple[str, ...]:
    return tuple(piece for one in _BETWEEN_REQUIREMENTS.split(text) if (piece := one.strip(" ,")))


def _asked(message: str, judged: Callable[[str], Answer], given: str = "", hint: str = "") -> Answer:
    """What `judged` makes of the text that was typed; one that it refuses is there to be mended."""
    while True:
        given = _prompts.typed(message, given, hint)
        try:
            return judged(given)
        except FustorNewError as refusal:
            warn(str(refusal))
