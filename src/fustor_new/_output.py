"""Standard output, where it may fail."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from fustor_new.errors import EnvironmentProblem

__all__ = ["heard", "printable"]


@contextmanager
def heard(outcome: str) -> Iterator[None]:
    """Tell apart that nobody could be told from that nothing was done: `outcome` is what was.

    Raises:
        EnvironmentProblem: what the block prints could not be written.
    """
    try:
        yield
        print(end="", flush=True)  # noqa: T201 - flushes where there is a standard output at all
    except OSError as err:
        # What is still buffered would fail once more when the interpreter ends, and change its exit code.
        with Path(os.devnull).open("wb") as nowhere:
            os.dup2(nowhere.fileno(), sys.stdout.fileno())
        raise EnvironmentProblem(
            f"Cannot write to standard output ({err.strerror}); {outcome}, run it again to see the answer"
        ) from err


def printable(text: str) -> str:
    """Return the text with what no terminal or no encoding takes spelled out: control characters, broken names."""
    return "".join(char if char.isprintable() else repr(char)[1:-1] for char in text)
