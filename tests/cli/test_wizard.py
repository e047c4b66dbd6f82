"""The questions, asked on a real terminal."""

import os
import pty
import select
import signal
import subprocess
import time

import pytest
from repository import ROOT
from workspaces import FUSTOR_NEW, environment, small

DEADLINE_SEC = 30


class Terminal:
    """A process on a pseudo-terminal; reads what it shows and types answers."""

    def __init__(self, *arguments, cwd):
        self._terminal, inside = pty.openpty()
        self.process = subprocess.Popen(
            [FUSTOR_NEW, *arguments],
            cwd=cwd,
            env=environment(),
            stdin=inside,
            stdout=inside,
            stderr=inside,
            start_new_session=True,
        )
        os.close(inside)
        self.shown = ""
        self._seen = 0

    def wait_for(self, text):
        """Read until `text` is shown, behind what was waited for before."""
        deadline = time.monotonic() + DEADLINE_SEC
        while text not in self.shown[self._seen :]:
            ready, _, _ = select.select([self._terminal], [], [], max(0, deadline - time.monotonic()))
            assert ready, f"{text!r} was not shown: {self.shown}"
            self.shown += os.read(self._terminal, 4096).decode()
        self._seen = self.shown.index(text, self._seen) + len(text)

    def answer(self, question, text):
        self.wait_for(question)
        os.write(self._terminal, f"{text}\n".encode())

    def finish(self):
        """Read to the end and return the exit code."""
        deadline = time.monotonic() + DEADLINE_SEC
        while data := self._read(deadline - time.monotonic()):
            self.shown += data.decode()
        os.close(self._terminal)
        return self.process.wait(DEADLINE_SEC)

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
            return os.read(self._terminal, 4096)
        except OSError:  # the other side closed the terminal
            return b""


def test_the_wizard_asks_and_refuses_a_name_as_it_is_typed(tmp_path):
    root = small(tmp_path / "workspace")
    terminal = Terminal("source", "--contract-source", ROOT, cwd=root)
    terminal.answer("Name of the source", "Bad Name")
    terminal.wait_for("did you mean 'bad-name'?")
    terminal.answer("Name of the source", "redis")
    terminal.answer("What does it do", "Reads streams")
    terminal.answer("Requirements", "no requirement")
    terminal.wait_for("write it like 'redis>=5'")
    terminal.answer("Requirements", "redis[hiredis,ocsp]>=5,<7, orjson")
    terminal.answer("Your name", "")
    terminal.answer("Your mail address", "nobody@example.org")
    terminal.answer("Licence", "MIT")
    terminal.answer("working driver", "n")
    terminal.answer("read again", "n")
    terminal.answer("audits", "y")
    assert terminal.finish() == 0, terminal.shown
    text = (root / "extensions" / "source-redis" / "pyproject.toml").read_text()
    assert '"redis[hiredis,ocsp]>=5,<7"' in text
    assert '"orjson"' in text
    assert 'authors = [{ email = "nobody@example.org" }]' in text
    assert 'license = "MIT"' in text
    assert 'description = "Reads streams"' in text


@pytest.mark.parametrize(("sent", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_ends_the_command_with_its_code_and_leaves_nothing(tmp_path, sent, code):
    root = small(tmp_path / "workspace")
    terminal = Terminal("source", cwd=root)
    terminal.wait_for("Name of the source")
    assert terminal.interrupt(sent) == code, terminal.shown
    assert [path.name for path in root.iterdir()] == ["pyproject.toml"]
    assert "Traceback" not in terminal.shown


def test_yes_never_asks(tmp_path):
    terminal = Terminal("source", "-y", cwd=small(tmp_path / "workspace"))
    assert terminal.finish() == 2
    assert "No NAME" in terminal.shown
