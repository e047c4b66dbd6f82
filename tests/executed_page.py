"""A page is followed to the letter: files are written, commands are typed, and what they show is compared.

- A block below a line that is only a file's name in backquotes and a colon is that file; as `diff`, an edit of it, in
  which a line `@@` stands between two places and each place has to be in the file once.
- A block `console` holds commands behind `$ `, more lines of them behind `> `, and below them what they show: whatever
  stands for `...` may differ, and so may the breaks of lines. A command that shows nothing may show anything. Each
  has to end well.
- A block `text` is there to be looked at. Any other block is a mistake.
"""

import os
import re
import select
import subprocess
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Self

DEADLINE_SEC = 300
_BLOCK = re.compile(
    r"(?:^`(?P<file>[^`\n]+)`[:\uff1a]\n\n)?^```(?P<kind>\S*)[^\n]*\n(?P<text>.*?)^```$",
    re.MULTILINE | re.DOTALL,
)
_END = "--- end of a command:"


@dataclass(frozen=True)
class Block:
    """A block of code on a page."""

    line: int
    kind: str
    file: str | None
    text: str


def blocks_of(page: str) -> list[Block]:
    """Every block of a page, in order."""
    return [
        Block(page.count("\n", 0, found.start("text")), found["kind"], found["file"], found["text"])
        for found in _BLOCK.finditer(page)
    ]


def commands_of(console: str) -> list[tuple[str, str]]:
    """Each command of a console block, and what is shown below it."""
    found: list[list[str]] = []
    for line in console.splitlines():
        if line.startswith("$ "):
            found.append([line[2:], ""])
        elif line.startswith("> ") and found and not found[-1][1]:
            found[-1][0] += f"\n{line[2:]}"
        else:
            found[-1][1] += f"{line}\n"
    return [(command, shown) for command, shown in found]


def is_shown(expected: str, actual: str) -> bool:
    """Whether `actual` is what a page shows."""
    parts = (r"\s+".join(map(re.escape, part.split())) for part in expected.split("..."))
    return re.fullmatch(r"\s*" + r"\s*.*?\s*".join(parts) + r"\s*", actual, re.DOTALL) is not None


def edited(text: str, diff: str) -> str:
    """A file with the edits of a `diff` block."""
    for place in re.split(r"^@@\n", diff, flags=re.MULTILINE):
        lines = place.splitlines(keepends=True)
        before = "".join(line[1:] or "\n" for line in lines if line[0] != "+")
        after = "".join(line[1:] or "\n" for line in lines if line[0] != "-")
        assert text.count(before) == 1, f"These lines are there {text.count(before)} times, not once:\n{before}"
        text = text.replace(before, after)
    return text


class Reader:
    """Somebody who does what a page says, on one shell from beginning to end."""

    def __init__(self, folder: Path, environ: Mapping[str, str]) -> None:
        """Open the shell in a folder."""
        self._folder = folder
        self._shell = subprocess.Popen(
            ["bash", "--norc", "--noprofile"],
            cwd=folder,
            env=environ,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """End the shell; what it has started in the background is the page's to end."""
        self._shell.kill()
        self._shell.communicate()

    def follow(self, page: Path) -> Iterator[tuple[str, str]]:
        """Do all that a page says, and yield each command with what it has shown."""
        for block in blocks_of(page.read_text(encoding="utf-8")):
            where = f"{page.name}, line {block.line}"
            if block.kind == "console":
                yield from self._type(block, where)
            elif block.file is not None:
                self._write(block, where)
            else:
                assert block.kind == "text", f"{where}: a block {block.kind!r} is neither a file nor a command"

    def _write(self, block: Block, where: str) -> None:
        path = Path(self._run("pwd")[0].strip(), str(block.file))
        try:
            text = edited(path.read_text(encoding="utf-8"), block.text) if block.kind == "diff" else block.text
        except AssertionError as error:
            raise AssertionError(f"{where}: {block.file}: {error}") from None
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")

    def _type(self, block: Block, where: str) -> Iterator[tuple[str, str]]:
        for command, expected in commands_of(block.text):
            actual, code = self._run(command)
            assert code == 0, f"{where}: `{command}` ends with {code}\n{actual}"
            assert not expected or is_shown(expected, actual), f"{where}: `{command}` shows\n{actual}\nnot\n{expected}"
            yield command, actual

    def _run(self, command: str) -> tuple[str, int]:
        """What a command shows, and its exit code."""
        assert self._shell.stdin
        self._shell.stdin.write(f'{{ {command}\n}} </dev/null; echo "{_END} $?"\n'.encode())
        self._shell.stdin.flush()
        deadline = time.monotonic() + DEADLINE_SEC
        shown = ""
        while (end := re.search(rf"^{_END} (\d+)\n", shown, re.MULTILINE)) is None:
            shown += self._read(deadline, command, shown)
        return shown[: end.start()], int(end[1])

    def _read(self, deadline: float, command: str, shown: str) -> str:
        assert self._shell.stdout
        ready, _, _ = select.select([self._shell.stdout], [], [], max(0, deadline - time.monotonic()))
        assert ready, f"`{command}` is not done after {DEADLINE_SEC} s: {shown}"
        data = os.read(self._shell.stdout.fileno(), 65536)
        assert data, f"`{command}` has ended the shell: {shown}"
        return data.decode(errors="replace")


__all__ = ["Block", "Reader", "blocks_of", "commands_of", "edited", "is_shown"]
