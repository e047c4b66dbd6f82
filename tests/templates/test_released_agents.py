"""The released agents run the examples, installed as their READMEs say: nothing is missing, nothing comes twice."""

import contextlib
import json
import signal
import socket
import subprocess
import sys
import threading
import time

import pytest
from workspaces import answer, install_command, with_tools_of

PARTS_02 = "agent core agent-sdk source-fs pusher-echo pusher-fusion fusion-sdk event-model common"
PINS_02 = [f"fustor-{part}==0.2.16" for part in PARTS_02.split()]
REST_08 = """
senders: {e: {driver: echo, uri: "echo://"}}
pipes: {p: {source: tick, sender: e, audit_interval_sec: 2, sentinel_interval_sec: 0}}
"""
DEADLINE_SEC = 60


@pytest.fixture
def agent(tools, tmp_path):
    """A function that installs an agent alone, then the projects as their READMEs say, and gives its command."""

    def install(*requirements, projects):
        tools.run("uv", "venv", "-q", "--seed", "--python", sys.executable, tmp_path / "venv", cwd=tmp_path)
        command = ("uv", "pip", "install", "-q", "--python", tmp_path / "venv" / "bin" / "python")
        tools.run(*command, *requirements, cwd=tmp_path)
        for project in projects:
            tools.run("uv", "build", "-q", cwd=project)
            tools.run(*with_tools_of(tmp_path / "venv", install_command(project)), cwd=project)
        return str(tmp_path / "venv" / "bin" / "fustor-agent")

    return install


@pytest.fixture
def made(tmp_path):
    """A function that makes a project of its own from the example."""

    def make(kind, name):
        assert answer(kind, name, "--example", "--standalone", "--no-git", "-q", cwd=tmp_path) == 0
        return tmp_path / f"fustor-{kind}-{name}"

    return make


@contextlib.contextmanager
def running(*command, cwd, env):
    """The process and what it prints, while it runs; ends it as Ctrl-C does."""
    with subprocess.Popen(
        command, cwd=cwd, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        lines = []
        reader = threading.Thread(target=lambda: lines.extend(iter(process.stdout.readline, "")), daemon=True)
        reader.start()
        try:
            yield lines
        finally:
            process.send_signal(signal.SIGINT)
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
            reader.join()


def eventually(condition, lines):
    """Nobody signals what another process has written, so it is looked at until the deadline."""
    deadline, pause = time.monotonic() + DEADLINE_SEC, threading.Event()
    while not condition():
        assert time.monotonic() < deadline, "".join(lines[-40:])
        pause.wait(0.05)


def quick(project):
    return (project / "fustor.yaml").read_text().replace("interval_sec: 1", "interval_sec: 0.1")


@pytest.mark.hosts
def test_agent_08_reads_every_phase_of_the_example(tools, made, tmp_path, agent):
    source = made("source", "tick")
    command = agent("fustor-agent==0.8.17", projects=[source])
    (tmp_path / "home" / "agent-config").mkdir(parents=True)
    (tmp_path / "home" / "agent-config" / "default.yaml").write_text(quick(source) + REST_08)
    env = tools.os.environ | {"FUSTOR_HOME": str(tmp_path / "home")}
    with running(command, "start", cwd=tmp_path, env=env) as lines:
        for phase in ("[SNAPSHOT]", "[MESSAGE]", "[AUDIT]"):
            eventually(lambda phase=phase: any(phase in line for line in lines), lines)
    assert [line for line in lines if "ERROR" in line and "'fs'" not in line] == []


def realtime_indexes(file):
    events = [json.loads(line) for line in file.read_bytes().split(b"\n")[:-1]] if file.exists() else []
    return [event["index"] for event in events if event.get("message_source") == "realtime" and event["rows"]]


@pytest.mark.hosts
def test_agent_02_loses_and_repeats_nothing_over_a_restart(tools, made, tmp_path, agent):
    source, pusher = made("source", "tick"), made("pusher", "log")
    command = agent(*PINS_02, "python-json-logger", "watchdog<7", projects=[source, pusher])
    (tmp_path / "home").mkdir()
    config = quick(source) + (pusher / "fustor.yaml").read_text().replace("./events", str(tmp_path / "out"))
    (tmp_path / "home" / "agent-config.yaml").write_text(
        config + "syncs: {y: {source: tick, pusher: log, disabled: false}}\n"
    )
    env = tools.os.environ | {"FUSTOR_HOME": str(tmp_path / "home")}
    tools.run(command, "discover-schema", "--source-id", "tick", cwd=tmp_path, env=env)
    for _ in range(2):
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = str(free.getsockname()[1])
        before = len(realtime_indexes(tmp_path / "out" / "events.jsonl"))
        with running(command, "start", "-p", port, cwd=tmp_path, env=env) as lines:
            eventually(lambda: len(realtime_indexes(tmp_path / "out" / "events.jsonl")) > before + 20, lines)  # noqa: B023 - called at once
    indexes = realtime_indexes(tmp_path / "out" / "events.jsonl")
    assert indexes == list(range(indexes[0], indexes[0] + len(indexes)))
    assert (tmp_path / "out" / "events.jsonl").read_text().count('"is_snapshot_end": true') == 1
