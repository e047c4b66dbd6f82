"""A command on a real terminal: what it shows, and keys typed into it."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import select
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

DEADLINE_SEC = 30
DOWN, ENTER, CTRL_C, CTRL_D, CLEAR_LINE = "\x1b[B", "\r", "\x03", "\x04", "\x15"
_ESCAPES = re.compile(r"\x1b\[[0-9;?]*[a-zA-Z]|\x1b[()][A-B0-2]|\x1b[=>]")


class Terminal:
    """`fustor-driver`, or another command, on a pseudo-terminal of 200 columns."""

    def __init__(
        self, *arguments: object, cwd: Path, environ: Mapping[str, str], command: Sequence[str] | None = None
    ) -> None:
        self._terminal, inside = pty.openpty()
        fcntl.ioctl(inside, termios.TIOCSWINSZ, struct.pack("HHHH", 50, 200, 0, 0))
        self.process = subprocess.Popen(
            [*(command or (sys.executable, "-m", "fustor_driver")), *map(str, arguments)],
            cwd=cwd,
            env={**environ, "TERM": "xterm", "PROMPT_TOOLKIT_NO_CPR": "1"},
            stdin=inside,
            stdout=inside,
            stderr=inside,
            start_new_session=True,
        )
        os.close(inside)
        self._raw = b""
        self._seen = 0

    @property
    def shown(self) -> str:
        """Everything so far, without colours and moves of the cursor."""
        return _ESCAPES.sub("", self._raw.decode(errors="replace"))

    def wait_for(self, text: str) -> None:
        """Read until `text` is shown, behind what was waited for before."""
        deadline = time.monotonic() + DEADLINE_SEC
        while text not in self.shown[self._seen :]:
            assert self._read(deadline), f"{text!r} was not shown: {self.shown[self._seen :]}\n---\n{self.shown}"
        self._seen = self.shown.index(text, self._seen) + len(text)

    def type(self, keys: str) -> None:
        os.write(self._terminal, keys.encode())

    def answer(self, question: str, keys: str = "") -> None:
        """Wait for a question, then type, and press Enter."""
        self.wait_for(question)
        self.type(keys + ENTER)

    def finish(self) -> int:
        """Read to the end; the exit code."""
        deadline = time.monotonic() + DEADLINE_SEC
        while self._read(deadline):
            pass
        return self.process.wait(DEADLINE_SEC)

    def close(self) -> None:
        """End the process, if it has not ended."""
        self.process.kill()
        self.process.wait(DEADLINE_SEC)
        os.close(self._terminal)

    def _read(self, deadline: float) -> bool:
        ready, _, _ = select.select([self._terminal], [], [], max(0, deadline - time.monotonic()))
        assert ready, f"Nothing more is shown: {self.shown}"
        try:
            data = os.read(self._terminal, 65536)
        except OSError:  # the other side closed the terminal
            return False
        self._raw += data
        return bool(data)
