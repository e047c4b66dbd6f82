"""A released agent's process, and what it has delivered."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from fustor_driver.agents.configuration import Roles, write
from fustor_driver.agents.outside import clean, free_port, run
from fustor_driver.redaction import clean as safe

__all__ = ["Agent", "Delivered", "Lines", "running"]

_STOP_SEC = 20.0
_TAIL_LINES = 20
_COLOUR = re.compile(r"\x1b\[[0-9;]*m")
_DATED = re.compile(r"\d{4}-\d\d-\d\d ")
_GRAVE = ("WARNING", "ERROR", "CRITICAL")
_OF_TRACEBACKS = ("  File ", "    ")
_PARENT, _PUSHER = "FUSTOR_DRIVER_PARENT", "FUSTOR_DRIVER_PUSHER"


@dataclass
class Delivered:
    """What has arrived of one phase."""

    events: int = 0
    rows: int = 0
    ends: int = 0
    last: str = ""
    is_ended: bool = False
    """Whether the last batch that carried something was the end."""


@dataclass
class Lines:
    """A file that another process writes, read line by line."""

    file: Path
    _read: int = 0

    def lines(self) -> list[str]:
        """The whole lines that were written since this was asked last."""
        if not self.file.exists():
            return []
        with self.file.open("rb") as file:
            file.seek(self._read)
            found = [line for line in file if line.endswith(b"\n")]
        self._read += sum(map(len, found))
        return [line.decode(errors="replace").rstrip("\n") for line in found]


@dataclass
class Agent:
    """A process that runs, or has run."""

    process: subprocess.Popen[bytes]
    _log: Lines
    _notes: Lines
    phases: dict[str, Delivered] = field(default_factory=dict)
    _is_grave: bool = False

    def look(self) -> set[str]:
        """Take in what has arrived; the phases in which something did."""
        return {self._take(json.loads(line)) for line in self._notes.lines()}

    def said(self, *, all_of_it: bool) -> list[str]:
        """What it has logged since this was asked last: all, or what is grave, with the text that belongs to it."""
        found = []
        for line in (safe(_COLOUR.sub("", line)) for line in self._log.lines()):
            if _DATED.match(line):
                self._is_grave = any(word in line for word in _GRAVE)
            if all_of_it or (self._is_grave and not line.startswith(_OF_TRACEBACKS)):
                found.append(line)
        return found

    def tail(self) -> str:
        """The end of its log."""
        return safe("\n".join(_COLOUR.sub("", line) for line in Lines(self._log.file).lines()[-_TAIL_LINES:]))

    def _take(self, told: dict[str, str | int | bool]) -> str:
        phase = str(told["phase"])
        known = self.phases.setdefault(phase, Delivered())
        known.events += int(told["events"])
        known.rows += int(told["rows"])
        is_repeated = known.is_ended and not told["events"]  # agent 0.8 ends with the last batch, and once more
        known.is_ended = bool(told["is_end"] and told["events"])
        known.ends += bool(told["is_end"] and not is_repeated)
        known.last = str(told["last"]) or known.last
        return phase


@contextmanager
def running(version: str, python: Path, roles: Roles, home: Path) -> Iterator[Agent]:
    """The agent of an environment while it runs; when the block is left it is stopped, and nothing of it goes on.

    Raises:
        EnvironmentProblem: agent 0.2 cannot read the fields of the source.
    """
    is_old = version.startswith("0.2.")
    notes, log = home / "arrived.jsonl", home / "output"
    write(roles, home, notes, is_old=is_old)
    command = [str(python.with_name("fustor-agent"))]
    env = clean(FUSTOR_HOME=str(home), **{_PUSHER: roles.pair.pusher.driver if roles.has_pusher else ""})
    if is_old:
        what = f"Agent {version} does not discover the fields of the source"
        run([*command, "discover-schema", "--source-id", roles.pair.source_id], what, env)
    arguments = ["start", "-p", str(free_port())] if is_old else ["start"]
    here, there = os.pipe()
    try:
        with log.open("wb") as output:
            process = subprocess.Popen(
                [*command, *arguments],
                env=env | {_PARENT: str(here)},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                pass_fds=[here],
                start_new_session=True,  # Ctrl-C on the terminal is for this process, which stops the agent once
            )
        os.close(here)
        try:
            yield Agent(process, Lines(log), Lines(notes))
        finally:
            _stop(process)
    finally:
        os.close(there)


def _stop(process: subprocess.Popen[bytes]) -> None:
    """As Ctrl-C does; what is left of it after its time is killed, with the processes that it started."""
    for send, number, seconds in ((os.kill, signal.SIGINT, _STOP_SEC), (os.killpg, signal.SIGKILL, None)):
        with suppress(ProcessLookupError):
            send(process.pid, number)
        with suppress(subprocess.TimeoutExpired):
            process.wait(seconds)
