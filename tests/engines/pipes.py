"""A tap piped into a target, as processes; either may be killed."""

from __future__ import annotations

import json
import os
import subprocess
import threading
import time

from engines.commands import command

_DEADLINE_SEC = 240


def fed(directory, target, text):
    """Have a target read a text to its end; the process, which has ended."""
    (directory / "target.json").write_text(json.dumps(target))
    words = command("singer", "target", "--config", "target.json")
    return subprocess.run(words, input=text, cwd=directory, capture_output=True, text=True, check=False)


class SingerPipe:
    """The commands of one directory. The state is what the target printed last, over all runs."""

    def __init__(self, directory, tap, target):
        self._directory = directory
        for name, entry in (("tap", tap), ("target", target)):
            (directory / f"{name}.json").write_text(json.dumps(entry))
        self.state = None
        self.errors = ""

    def run(self, *, lines=None, until=None):
        """Run both to their end, or kill both when so many lines have passed, and what follows from them has come."""
        more = ()
        if self.state is not None:
            (self._directory / "state.json").write_text(json.dumps(self.state))
            more = ("--state", "state.json")
        with (self._directory / "states").open("w+b") as states, (self._directory / "errors").open("w+b") as errors:
            between = subprocess.PIPE if lines else None
            tap = self._start("tap", *more, stdout=subprocess.PIPE, stderr=errors)
            target = self._start("target", stdin=between or tap.stdout, stdout=states, stderr=errors)
            with tap, target:
                try:
                    if lines:
                        self._hand_over(tap, target, lines)
                        self._wait_for(until, target)
                        tap.kill()
                        target.kill()
                    tap.stdout.close()
                    codes = target.wait(_DEADLINE_SEC), tap.wait(_DEADLINE_SEC)
                finally:
                    tap.kill()
                    target.kill()
            states.seek(0)
            said = [line for line in states.read().splitlines(keepends=True) if line.endswith(b"\n")]
            errors.seek(0)
            self.errors = errors.read().decode()
        if said:
            self.state = json.loads(said[-1])
        assert codes == ((-9, -9) if lines else (0, 0)), self.errors
        return len(said)

    @staticmethod
    def _hand_over(tap, target, lines):
        for _ in range(lines):
            line = tap.stdout.readline()
            assert line, "the tap ended before it could be killed"
            target.stdin.write(line)
        target.stdin.flush()

    def states_so_far(self):
        return (self._directory / "states").read_bytes().count(b"\n")

    def _start(self, name, *arguments, **pipes):
        words = command("singer", name, "--config", f"{name}.json", *arguments)
        return subprocess.Popen(words, cwd=self._directory, env=os.environ, **pipes)

    def _wait_for(self, condition, process):
        deadline, pause = time.monotonic() + _DEADLINE_SEC, threading.Event()
        while not condition():
            assert process.poll() is None, "it ended before it could be killed"
            assert time.monotonic() < deadline
            pause.wait(0.01)
