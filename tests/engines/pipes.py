"""A tap piped into a target, as processes; either may be killed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time

_DEADLINE_SEC = 240


class SingerPipe:
    """The commands of one directory. The state is what the target printed last, over all runs."""

    def __init__(self, directory, tap, target):
        self._directory = directory
        for name, entry in (("tap", tap), ("target", target)):
            (directory / f"{name}.json").write_text(json.dumps(entry))
        self.state = None
        self.errors = ""

    def run(self, *, kill_when=None):
        """Run both to their end, or kill both as soon as a condition holds."""
        more = ()
        if self.state is not None:
            (self._directory / "state.json").write_text(json.dumps(self.state))
            more = ("--state", "state.json")
        with (self._directory / "states").open("w+b") as states, (self._directory / "errors").open("w+b") as errors:
            tap = self._start("tap", *more, stdout=subprocess.PIPE, stderr=errors)
            target = self._start("target", stdin=tap.stdout, stdout=states, stderr=errors)
            tap.stdout.close()
            try:
                if kill_when is not None:
                    self._wait_for(kill_when, target)
                    tap.kill()
                    target.kill()
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
        if kill_when is None:
            assert codes == (0, 0), self.errors
        return len(said)

    def states_so_far(self):
        return (self._directory / "states").read_bytes().count(b"\n")

    def _start(self, name, *arguments, **pipes):
        command = [sys.executable, "-m", "fustor_driver", "singer", name, "--config", f"{name}.json", *arguments]
        return subprocess.Popen(command, cwd=self._directory, env=os.environ, **pipes)

    def _wait_for(self, condition, process):
        deadline, pause = time.monotonic() + _DEADLINE_SEC, threading.Event()
        while not condition():
            assert process.poll() is None, "it ended before it could be killed"
            assert time.monotonic() < deadline
            pause.wait(0.01)
