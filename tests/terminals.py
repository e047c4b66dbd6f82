"""A command on a pseudo-terminal: what it shows is read, and keys are typed."""

import os
import pty
import re
import select
import subprocess
import termios
import time
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import IO, Self

DEADLINE_SEC = 30
DOWN, ENTER, CLEAR, CTRL_C, CTRL_D = "\x1b[B", "\r", "\x15", "\x03", "\x04"
_ORDERS = re.compile(r"\x1b\[[?0-9;]*[a-zA-Z]|\x1b[()][A-B0-2]|\x1b[=>]")
_OWN = {"TERM": "xterm", "PROMPT_TOOLKIT_NO_CPR": "1"}  # nobody here answers where the cursor is


class Terminal:
    """A terminal with a command on it, which ends with the block at the latest."""

    def __init__(
        self,
        *command: object,
        cwd: Path,
        environ: Mapping[str, str],
        columns: int = 120,
        elsewhere: Mapping[str, int | IO[bytes]] = MappingProxyType({}),
        **variables: str,
    ) -> None:
        """Start it; `elsewhere` are those of `stdin`, `stdout` and `stderr` that are not the terminal."""
        self._terminal, inside = pty.openpty()
        termios.tcsetwinsize(inside, (50, columns))
        self._modes = termios.tcgetattr(inside)
        self.raw = b""
        self._seen = 0
        self.process = subprocess.Popen(
            list(map(str, command)),
            cwd=cwd,
            env={**environ, **_OWN, **variables},
            stdin=elsewhere.get("stdin", inside),
            stdout=elsewhere.get("stdout", inside),
            stderr=elsewhere.get("stderr", inside),
            start_new_session=True,
        )
        os.close(inside)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """End what a test that fails leaves behind."""
        self.process.kill()
        self.process.wait(DEADLINE_SEC)
        os.close(self._terminal)

    @property
    def shown(self) -> str:
        """Everything so far, without colours and moves of the cursor, which `raw` has."""
        return _ORDERS.sub("", self.raw.decode(errors="replace"))

    def wait_for(self, text: str) -> None:
        """Read until `text` is shown, behind what was waited for before."""
        deadline = time.monotonic() + DEADLINE_SEC
        while text not in self.shown[self._seen :]:
            assert self._read(deadline, repr(text)), f"{text!r} was not shown before the end: {self.shown}"
        self._seen = self.shown.index(text, self._seen) + len(text)

    def type(self, keys: str) -> None:
        os.write(self._terminal, keys.encode())

    def answer(self, question: str, keys: str = ENTER) -> None:
        self.wait_for(question)
        self.type(keys)

    def finish(self, within: float = DEADLINE_SEC) -> int:
        """Read to the end and return the exit code; the terminal is as it was before."""
        deadline = time.monotonic() + within
        while self._read(deadline, "the end"):
            pass
        code = self.process.wait(max(0, deadline - time.monotonic()))
        assert termios.tcgetattr(self._terminal) == self._modes, "the terminal is not as it was"
        return code

    def interrupt(self, signal_number: int) -> int:
        """Send the signal, and again as a person would: one that falls between prompt and read waits for input."""
        for _ in range(DEADLINE_SEC):
            self.process.send_signal(signal_number)
            try:
                self.process.wait(1)
            except subprocess.TimeoutExpired:
                continue
            break
        return self.finish()

    def hang_up(self) -> int:
        """Take the terminal away and return the exit code."""
        os.close(self._terminal)
        self._terminal = os.open(os.devnull, os.O_RDONLY)  # to be closed at the end
        return self.process.wait(DEADLINE_SEC)

    def _read(self, deadline: float, awaited: str) -> bool:
        """Read on, and return whether there was more."""
        ready, _, _ = select.select([self._terminal], [], [], max(0, deadline - time.monotonic()))
        assert ready, f"{awaited} did not come in time: {self.shown}"
        try:
            data = os.read(self._terminal, 65536)
        except OSError:  # the other side closed the terminal
            return False
        self.raw += data
        return bool(data)
