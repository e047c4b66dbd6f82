"""What the template asks about a driver: one table, from which come flags, prompts, defaults and checks.

Beside it stand the driver's kind and name, its layout, and where the contract packages come from. `copier.yml` asks the
same of those who render without this command.
"""

import re
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from operator import attrgetter
from typing import Any

from fustor_new.errors import NameRefused, UsageProblem
from fustor_new.kinds import Kind
from fustor_new.names import Names, check_class_name, check_distribution, check_entry_point, check_package

__all__ = ["FREE_NAMES", "QUESTIONS", "Question", "is_licence", "is_mail_address", "questions_about"]

_MAIL = re.compile(r"[A-Za-z0-9!#$%&*+/=?^_`{|}~-]+(\.[A-Za-z0-9!#$%&*+/=?^_`{|}~-]+)*@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)*")
_HIDDEN_CLASSES = frozenset(
    {"Any", "AuditItem", "CONTAINERS", "Callable", "ClassVar", "EventType", "Iterator", "LifecycleSignal", "Log"}
    | {"MessageSource", "Path", "Ticks", "TypeAlias"}
)


@dataclass(frozen=True)
class Question:
    """A question; `name` is the same in `copier.yml`, in an answers file and, unless `flags` differ, as a flag."""

    name: str
    default: Any = ""
    """The answer where nothing is said: a text, yes or no, a tuple of texts, or a function of the driver's names."""
    help: str = ""
    """What the flag is for; without it there is none, since the commands know the answer."""
    flags: tuple[str, ...] = ()
    metavar: str | None = None
    prompt: str = ""
    """What is asked on a terminal; without it nobody is asked."""
    hint: str = ""
    """What is shown where nothing is typed yet and there is no default."""
    choices: tuple[tuple[Any, str], ...] = ()
    """The answers to choose from on a terminal, each with what is shown; None stands for any other."""
    other: str = ""
    """What is asked where None is chosen."""
    check: Callable[[Any], Any] = lambda answer: answer
    """Returns an answer as it is to be written; raises UsageProblem or NameRefused for one that cannot be used."""
    kind: Kind | None = None
    """The kind of drivers that it is about, if not all."""
    layout: str = ""
    """`standalone` or `workspace`, where it is asked in that one only."""

    def is_asked(self, kind: Kind, layout: str) -> bool:
        """Tell whether the template asks it about such a driver."""
        return self.kind in {None, kind} and self.layout in {"", layout}

    def answer(self, given: Any, names: Names) -> Any:
        """Return what was given, or where nothing was the default, as it is to be written."""
        if callable(self.default):
            return self.check(given or self.default(names))
        return self.default if given is None or given == self.default else self.check(given)

    @property
    def unsaid(self) -> Any:
        """What the flag has where it is not on the command line."""
        return "" if callable(self.default) else self.default


def is_mail_address(text: str) -> bool:
    """Tell whether `text` is a mail address that the template takes."""
    return _MAIL.fullmatch(text) is not None


def is_licence(text: str) -> bool:
    """Tell whether `text` is an SPDX licence expression."""
    try:
        return bool(_license(text))
    except UsageProblem:
        return False


def _text(text: str) -> str:
    for character in text:
        if unicodedata.category(character) in {"Cc", "Cs"} and not character.isspace():
            raise UsageProblem(f"{text!r} holds the character {character!r}, which no file can; leave it out")
    return text


def _description(text: str) -> str:
    if not text.strip():
        raise UsageProblem(f"Description {text!r} is empty; say what the driver does")
    return _text(text)


def _email(email: str) -> str:
    if email and not is_mail_address(email):
        raise UsageProblem(f"{email!r} is not a mail address; write it like name@example.org, or leave it out")
    return email


def _license(expression: str) -> str:
    from packaging.licenses import InvalidLicenseExpression, canonicalize_license_expression  # noqa: PLC0415 - a big table

    try:
        return str(canonicalize_license_expression(expression))
    except InvalidLicenseExpression as err:
        raise UsageProblem(
            f"{expression!r} is not an SPDX licence expression; use one like Apache-2.0, MIT or LicenseRef-Proprietary"
        ) from err


def _dependencies(dependencies: tuple[str, ...]) -> tuple[str, ...]:
    from packaging.requirements import InvalidRequirement, Requirement  # noqa: PLC0415 - few drivers ask for any

    for requirement in dependencies:
        try:
            Requirement(requirement)
        except InvalidRequirement as err:
            raise UsageProblem(f"{requirement!r} is not a requirement; write it like 'redis>=5'") from err
        if any(unicodedata.category(character) == "Cc" for character in requirement.strip()):
            raise UsageProblem(f"{requirement!r} holds a control character; leave it out")
    return tuple(requirement.strip() for requirement in dependencies)


def _free_name(name: str, what: str, check: Callable[[str], None]) -> Question:
    """Return the question for a name that a project of its own may choose; `what` has the name."""

    def checked(chosen: str) -> str:
        check(chosen)
        return chosen

    return Question(name, attrgetter(name), f"Name of the {what}.", check=checked, layout="standalone")


def _check_class(name: str) -> None:
    check_class_name(name)
    if name in _HIDDEN_CLASSES:
        raise NameRefused(f"Class {name!r} would hide a name that the driver uses; choose another")


QUESTIONS = (
    Question(
        "description",
        lambda names: f"Fustor {names.kind} driver for {names.name}",
        "What the driver reads or writes, in one line.",
        prompt="What does it do, in one line?",
        check=_description,
    ),
    Question(
        "dependencies",
        (),
        "A package that the driver needs, such as 'redis>=5'.",
        ("--dependency", "-d"),
        "REQ",
        prompt="Which packages does it need?",
        hint="none; or such as redis>=5, orjson",
        check=_dependencies,
    ),
    Question("author", "", "Name of the author.", prompt="What is your name?", hint="may be left out", check=_text),
    Question(
        "email",
        "",
        "Mail address of the author.",
        prompt="What is your mail address?",
        hint="may be left out",
        check=_email,
    ),
    Question(
        "license",
        "Apache-2.0",
        "Licence, as an SPDX expression such as MIT.",
        prompt="Which licence?",
        choices=(
            ("Apache-2.0", "Apache-2.0"),
            ("MIT", "MIT"),
            ("LicenseRef-Proprietary", "Proprietary (LicenseRef-Proprietary)"),
            (None, "Another one, by its SPDX expression"),
        ),
        other="Which SPDX expression does it have?",
        check=_license,
    ),
    Question(
        "example",
        default=False,
        help="Begin with a small working driver instead of stubs.",
        flags=("--example",),
        prompt="What does it start from?",
        choices=(
            (False, "Stubs that say what each method returns"),
            (True, "A small working driver"),
        ),
    ),
    Question(
        "durable",
        default=True,
        help="Whether the system keeps a log that can be re-read after a restart.",
        flags=("--durable/--transient",),
        prompt="Does the system keep a log that can be re-read after a restart (like a WAL or Kafka)?",
        kind=Kind.SOURCE,
    ),
    Question(
        "audit",
        default=True,
        help="Whether the driver can list everything again to find changes it missed.",
        prompt="Can the driver list everything again to find changes it missed?",
        kind=Kind.SOURCE,
    ),
    _free_name("class_name", "class", _check_class),
    _free_name("package", "import package", check_package),
    _free_name("distribution", "distribution", check_distribution),
    _free_name("entry_point", "entry point", check_entry_point),
    Question("member_requirements", (), layout="workspace"),
)


def questions_about(kind: Kind) -> tuple[Question, ...]:
    """Return what is asked about drivers of a kind, in whichever layout."""
    return tuple(question for question in QUESTIONS if question.kind in {None, kind})


FREE_NAMES = tuple(question for question in QUESTIONS if question.layout == "standalone")
"""The names that a project of its own may choose, and a member of a workspace may not."""
