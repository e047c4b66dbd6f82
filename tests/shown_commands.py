"""Commands that a text shows, and what a command line has against them."""

import re
import shlex
from typing import Any


def commands_of(text: str, program: str = "fustor-driver") -> list[list[str]]:
    """The words behind the program's name, of each call in a block of code or in backquotes."""
    called = rf"^(?: {{4}}|\$ )?(?:uv run )?{program} +([a-z][^`\n]*)$|`(?:uv run )?{program} ([a-z][^`]*)`"
    found = (first or second for first, second in re.findall(called, text, re.MULTILINE))
    return [shlex.split(" ".join(re.split(r" (?:\||\|\||&)(?: |$)", line)[0].split()), comments=True) for line in found]


def complaint(group: Any, words: list[str]) -> str:
    """What the command line has against these words; nothing where it takes them."""
    command = group
    while hasattr(command, "commands"):
        if not words:
            return ""
        if words[0] not in command.commands:
            return f"no command {words[0]!r}"
        command, words = command.commands[words[0]], words[1:]
    words = [word for word in words if word != "..."]
    try:
        context = command.context_class(command, info_name="x")
        _, rest, _ = command.make_parser(context).parse_args(list(words))
    except Exception as err:  # noqa: BLE001 - typer's own classes of usage errors are not public
        return str(err)
    return f"unexpected {rest!r}" if rest else ""


__all__ = ["commands_of", "complaint"]
