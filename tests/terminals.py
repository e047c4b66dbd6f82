"""A process on a pseudo-terminal: what it shows is read, and answers are typed."""

import os
import pty
import re
import select
import subprocess
import termios
import threading
import time

from workspaces import FUSTOR_NEW, environment

DEADLINE_SEC = 30
DOWN, ENTER, CLEAR = "\x1b[B", "\r", "\x15"
_ORDERS = re.compile(r"\x1b\[[?0-9;]*[a-zA-Z]")


class Terminal:
    """The installed command on a terminal."""

    def __init__(self, *arguments, cwd, stdout=None, command=FUSTOR_NEW, columns=120, **variables):
        """Start it; `stdout` is a file that standard output goes to instead."""
        self._terminal, inside = pty.openpty()
        termios.tcsetwinsize(inside, (40, columns))
        own = {"TERM": "xterm", "PROMPT_TOOLKIT_NO_CPR": "1"}  # nobody here answers where the cursor is
        self.process = subprocess.Popen(
            [command, *arguments],
            cwd=cwd,
            env=environment() | own | variables,
            stdin=inside,
            stdout=stdout or inside,
            stderr=inside,
            start_new_session=True,
        )
        self._modes = termios.tcgetattr(inside)
        self._inside = inside
        self._left = None
        self.shown = ""
        self._seen = 0

    def __enter__(self):
        return self

    def __exit__(self, *_):
        """End what a test that fails leaves behind."""
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()

    def wait_for(self, text):
        """Read until `text` is shown, behind what was waited for before."""
        deadline = time.monotonic() + DEADLINE_SEC
        while text not in self.shown[self._seen :]:
            ready, _, _ = select.select([self._terminal], [], [], max(0, deadline - time.monotonic()))
            assert ready, f"{text!r} was not shown: {self.shown}"
            assert self._read(DEADLINE_SEC), f"{text!r} was not shown before the end: {self.shown}"
        self._seen = self.shown.index(text, self._seen) + len(text)

    def answer(self, question, keys=ENTER):
        self.wait_for(question)
        os.write(self._terminal, keys.encode())

    def finish(self):
        """Read to the end and return the exit code; the terminal is as it was before."""
        threading.Thread(target=self._close_behind, daemon=True).start()
        deadline = time.monotonic() + DEADLINE_SEC
        while self._read(deadline - time.monotonic()):
            pass
        os.close(self._terminal)
        assert self._left == self._modes, "the terminal is not as it was"
        return self.process.wait(DEADLINE_SEC)

    def _close_behind(self):
        """Close our own end once the process has ended, so that a reader comes to the end too."""
        self.process.wait()
        self._left = termios.tcgetattr(self._inside)
        os.close(self._inside)

    def interrupt(self, signal_number):
        """Send the signal, and again as a person would: one that falls between prompt and read waits for input."""
        for _ in range(DEADLINE_SEC):
            self.process.send_signal(signal_number)
            try:
                self.process.wait(1)
            except subprocess.TimeoutExpired:
                continue
            break
        return self.finish()

    def _read(self, seconds):
        ready, _, _ = select.select([self._terminal], [], [], max(0, seconds))
        assert ready, f"The command goes on: {self.shown}"
        try:
            data = os.read(self._terminal, 65536)
        except OSError:  # the other side closed the terminal
            return b""
        self.shown = _ORDERS.sub("", self.shown + data.decode())
        return data
