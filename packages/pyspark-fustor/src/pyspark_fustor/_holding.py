"""The moment that partitions are of, held by a process of its own while tasks begin.

The process in which Spark plans a read may end before the last task begins, and a source keeps the moment of its
partitions only while the instance that made them is open.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from contextlib import redirect_stdout, suppress
from typing import Any, TextIO

from fustor_core.exceptions import ConfigError, DriverError
from fustor_driver.errors import FustorDriverError
from fustor_driver.redaction import clean
from pyspark_fustor._building import source
from pyspark_fustor._options import SourceOptions

__all__ = ["held_partitions", "main"]

_LOOK_SEC = 0.5
_HOLDERS: list[subprocess.Popen[bytes]] = []
"""Kept, so that none of them is taken for forgotten."""


def held_partitions(options: SourceOptions) -> list[Any]:
    """The partitions of a snapshot as JSON; each has to be begun within `hold_sec`.

    The holder ends then, or with the process above this one, which belongs to the Spark application.

    Raises:
        DriverError: the source cannot be read in partitions now.
    """
    holder = subprocess.Popen(
        [sys.executable, "-m", __name__, str(os.getppid())],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,  # an open pipe of the application's would keep its caller waiting
        env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        start_new_session=True,
    )
    _HOLDERS.append(holder)
    if holder.stdin is None or holder.stdout is None:
        raise DriverError("The holder of a snapshot has no pipes")
    with holder.stdin as given:
        given.write(options.model_dump_json().encode())
    with holder.stdout as answered:
        line = answered.readline()
    answer = json.loads(line or '{"error": "The holder of the snapshot ended by itself"}')
    if "error" in answer:
        raise DriverError(f"The snapshot cannot be read in partitions: {answer['error']}")
    return list(answer["partitions"])


def main(above: int) -> None:
    """Answer the options on stdin with the partitions as one line of JSON, and hold them.

    Args:
        above: the process with which this one ends, before `hold_sec` are over.
    """
    options = SourceOptions.model_validate(json.loads(sys.stdin.read()))
    answers = sys.stdout
    with redirect_stdout(sys.stderr):  # what a driver prints is no answer
        try:
            with source(options) as built:
                tokens = list(built.get_snapshot_partitions(options.partitions))
                _answer(answers, {"partitions": tokens})
                _hold(above, options.hold_sec)
        except (DriverError, ConfigError, FustorDriverError) as err:
            _answer(answers, {"error": clean(str(err))})


def _answer(answers: TextIO, answer: dict[str, Any]) -> None:
    with suppress(BrokenPipeError):  # nobody waits any more
        answers.write(json.dumps(answer) + "\n")
        answers.flush()


def _hold(above: int, seconds: float) -> None:
    until = time.monotonic() + seconds
    while time.monotonic() < until and _is_alive(above):
        time.sleep(_LOOK_SEC)


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:  # alive, and another user's
        return True
    return True


if __name__ == "__main__":
    main(int(sys.argv[1]))
