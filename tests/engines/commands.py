"""Commands of ours, and runs of Meltano."""

import os
import subprocess
import sys
from pathlib import Path

DEADLINE_SEC = 240
NOWHERE = "http://127.0.0.1:1"
"""A proxy that is not there: what asks for one reaches no host at all."""
PROGRAMS = Path(sys.executable).parent
"""Where `tap-fustor`, `target-fustor` and `source-fustor` are."""


def command(*words):
    """`fustor-driver` with these words."""
    return [sys.executable, "-m", "fustor_driver", *map(str, words)]


def without_network():
    """The variables that keep a program, and what it starts, from every host."""
    proxies = dict.fromkeys(("http_proxy", "https_proxy", "all_proxy"), NOWHERE) | {"no_proxy": ""}
    return proxies | {name.upper(): value for name, value in proxies.items()}


def ours(*words, **options):
    """What `fustor-driver` prints."""
    return subprocess.run(command(*words), check=True, capture_output=True, **options).stdout


class Meltano:
    """Runs of Meltano in the current directory, without a network."""

    def __init__(self, programs):
        places = [str(PROGRAMS), str(programs), os.environ["PATH"]]
        off = {"MELTANO_SEND_ANONYMOUS_USAGE_STATS": "false"}
        self._environ = os.environ | {"PATH": os.pathsep.join(places)} | off | without_network()

    def start(self, *words, of="run"):
        """A command in a process group of its own, so that all of it can be killed."""
        return subprocess.Popen(
            ["meltano", of, *words],
            env=self._environ,
            start_new_session=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def run(self, *words):
        """A run to its end; what it said."""
        with self.start(*words) as process:
            out, _ = process.communicate(timeout=DEADLINE_SEC)
        assert process.returncode == 0, out
        return out
