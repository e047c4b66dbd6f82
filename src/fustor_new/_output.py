"""What is printed: every text of a user's file is made safe for a terminal here, and nowhere else.

Standard output may fail, too.
"""

import errno
import os
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

import typer

from fustor_new.errors import EnvironmentProblem

__all__ = [
    "can_ask",
    "fail",
    "from_here",
    "plural",
    "printable",
    "reporting",
    "say",
    "say_data",
    "say_patch",
    "shortened",
    "warn",
]

_BINARY = re.compile(rb"^(literal [0-9]+\n)(?:[A-Za-z][^\n]+\n)+", re.MULTILINE)
"""A binary file in a patch."""


@contextmanager
def reporting(outcome: str) -> Iterator[None]:
    """Report a failed write to standard output together with `outcome`: what had been done by then.

    Raises:
        EnvironmentProblem: what the block prints could not be written.
    """
    try:
        yield
        print(end="", flush=True)  # noqa: T201 - flushes where there is a standard output at all
    except OSError as err:
        if sys.stdout is not None:
            _forget(sys.stdout)
        raise EnvironmentProblem(
            f"Cannot write to standard output ({err.strerror}); {outcome}, run it again to see the answer"
        ) from err


def _forget(stream: TextIO) -> None:
    """Drop what is still buffered: it would fail once more when the interpreter ends, and change its exit code."""
    with Path(os.devnull).open("wb") as nowhere:
        os.dup2(nowhere.fileno(), stream.fileno())


def say(*texts: str) -> None:
    """Print texts for people, each on lines of its own."""
    for text in texts:
        typer.echo("\n".join(printable(line) for line in text.removesuffix("\n").split("\n")))


def say_data(text: str) -> None:
    """Print JSON for programs; it is plain ASCII, so that it holds nothing that a terminal obeys."""
    _check_output()
    typer.echo(text)


def say_patch(patch: bytes) -> None:
    """Print a patch: to a program byte for byte, on a terminal made safe, and without what only git can read."""
    _check_output()
    if sys.stdout.isatty():
        shown = _BINARY.sub(rb"\1(left out on a terminal)\n", patch)
        say(shown.decode(errors="backslashreplace")) if patch else None
    else:
        typer.echo(patch, nl=False)


def _check_output() -> None:
    """Raise where there is no standard output: Python then lets what is printed vanish."""
    if sys.stdout is None:
        raise OSError(errno.EBADF, "it is closed")


def warn(text: str) -> None:
    """Print one line for people on standard error; where the terminal is gone, there is nobody to read it."""
    try:
        typer.echo(printable(" ".join(text.split())), err=True)
    except OSError:
        _forget(sys.stderr)


def fail(text: str) -> None:
    """Print on standard error, in one line, why the command does not do what it was to do."""
    warn(f"Error: {text}")


def can_ask() -> bool:
    """Tell whether somebody sits at a terminal that can show a list of choices."""
    is_terminal = all(stream is not None and stream.isatty() for stream in (sys.stdin, sys.stderr))
    return is_terminal and os.environ.get("TERM", "dumb") != "dumb"


def printable(text: str) -> str:
    """Return the text with what no terminal or no encoding takes spelled out: control characters, broken names.

    What turns the direction of writing, or is invisible, is spelled out as well. A tab stays.
    """
    return "".join(char if char.isprintable() or char == "\t" else repr(char)[1:-1] for char in text)


def from_here(path: Path, here: Path | None = None) -> str:
    """Return how a path is shown to people: relative to `here`, the current directory, where it is below that."""
    here = here or Path.cwd()
    return str(path.relative_to(here)) if path.is_relative_to(here) else str(path)


def plural(number: int, what: str) -> str:
    """Return how many there are of `what`, a word in the singular."""
    return f"{number} {what}" if number == 1 else f"{number} {what}s"


def shortened(text: str, most: int = 400) -> str:
    """Return the text, or its beginning with three dots where it has more than `most` characters."""
    return text if len(text) <= most else f"{text[:most]}..."
