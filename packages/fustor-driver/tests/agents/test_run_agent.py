"""`fustor-driver run --agent`: one command from a file to what arrives under a released agent."""

import json
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from tiers import longer

DEADLINE_SEC = 120
FOR_SEC = "30"
"""An agent starts in three; on a slow machine it takes more."""
COMMAND = [sys.executable, "-m", "fustor_driver", "run"]


@pytest.fixture
def tree(tmp_path):
    root = tmp_path / "tree"
    root.mkdir()
    for number in range(20):
        (root / f"file-{number}").touch()
    return root


def alive():
    """The parent of each process that runs."""
    found = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            state, parent = stat.read_text().rpartition(") ")[2].split()[:2]
        except OSError:  # it has ended since it was listed
            continue
        if state != "Z":
            found[int(stat.parent.name)] = int(parent)
    return found


class Run:
    """The command as a process, and the lines that it has printed."""

    def __init__(self, *arguments, cwd):
        self.lines = []
        command = [*COMMAND, *map(str, arguments)]
        self._out = cwd / "stdout"
        with self._out.open("w") as out:
            self.process = subprocess.Popen(command, cwd=cwd, stdout=out, stderr=subprocess.PIPE, text=True)
        self._reader = threading.Thread(target=lambda: self.lines.extend(iter(self.process.stderr.readline, "")))
        self._reader.start()

    def wait_for(self, *words):
        """Return when a line has all the words; nobody signals what a process prints, so it is looked at again."""
        deadline, pause = time.monotonic() + DEADLINE_SEC, threading.Event()
        while not any(all(word in line for word in words) for line in list(self.lines)):
            assert self.process.poll() is None, "".join(self.lines)
            assert time.monotonic() < deadline, "".join(self.lines)
            pause.wait(0.05)

    def agents(self):
        return [number for number, parent in alive().items() if parent == self.process.pid]

    def end(self, number):
        """The exit code and stdout; none of the processes that it started is left."""
        started = self.agents()
        self.process.send_signal(number)
        self.process.wait(60)
        self._reader.join()
        self.process.stderr.close()
        assert started
        deadline, pause = time.monotonic() + DEADLINE_SEC, threading.Event()
        while alive().keys() & started:
            assert time.monotonic() < deadline, started
            pause.wait(0.05)
        return self.process.returncode, self._out.read_text()


@pytest.fixture
def start(tmp_path):
    """A function that starts the command; what still runs at the end of the test is killed."""
    started = []

    def begin(*arguments):
        started.append(Run(*arguments, cwd=tmp_path))
        return started[-1]

    yield begin
    for run in started:
        if run.process.poll() is None:
            run.end(signal.SIGKILL)


@pytest.mark.hosts
@pytest.mark.parametrize("release", [longer("0.8.17"), "0.2.16"])
def test_a_source_alone_is_counted_until_ctrl_c(release, tree, start):
    run = start("--agent", release, "--source-driver", "fs", "--uri", tree, "--json")
    run.wait_for("snapshot", "21 rows", "complete")
    (tree / "later").touch()
    run.wait_for("realtime", "later")
    code, told = run.end(signal.SIGINT)
    assert code == 130
    assert run.lines[-2].startswith(f"Agent {release} has stopped; it delivered snapshot 21 rows, complete")
    assert json.loads(told)["delivered"]["realtime"]["rows"] == 1


@pytest.mark.hosts
@pytest.mark.parametrize("release", ["0.8.17", longer("0.2.16")])
def test_the_same_file_goes_to_its_pusher(release, tree, tmp_path):
    (tmp_path / "fustor.yaml").write_text(f"""
sources: {{s: {{driver: fs, uri: {tree}, disabled: false}}}}
pushers: {{p: {{driver: fs, endpoint: {tmp_path / "out"}, disabled: false}}}}
""")
    done = subprocess.run(
        [*COMMAND, "--agent", release, "--for", FOR_SEC, "--json"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert (told["agent"], told["delivered"]["snapshot"]["rows"]) == (release, 21)
    stored = "".join(file.read_text() for file in (tmp_path / "out").rglob("*.jsonl"))
    assert all(f"/file-{number}" in stored for number in range(20))
    assert [place.name for place in (tmp_path / "out").iterdir()] == ["fustor-driver%3As-p"]


@pytest.mark.hosts
def test_nothing_goes_on_when_the_command_is_killed(tree, start):
    run = start("--agent", "0.8.17", "--source-driver", "fs", "--uri", tree)
    run.wait_for("snapshot", "complete")
    code, _ = run.end(signal.SIGKILL)
    assert code == -signal.SIGKILL


@pytest.mark.hosts
def test_a_source_that_the_agent_refuses_is_an_error_with_its_log(tree, tmp_path):
    wrong = ("--set", "source.driver_params.no_such_thing=1")
    command = [*COMMAND, "--agent", "0.8.17", "--source-driver", "fs", "--uri", str(tree), "--for", FOR_SEC, *wrong]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 9
    assert "no_such_thing" in done.stderr
    assert done.stderr.splitlines()[-1] == "Error: Nothing arrived; the end of its log stands above"
