"""The released agents as processes: installed in an environment of their own, configured, started and stopped."""

from __future__ import annotations

import json
import re
import signal
import socket
import subprocess
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib.resources import files
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from fustor_conformance._reading import eventually, last_word
from fustor_conformance.agents import environments
from fustor_conformance.outcome import Broken
from fustor_conformance.rules import Profile
from fustor_conformance.subject import Subject
from fustor_driver import installed
from fustor_event_model import EventBase, MessageSource

STOP_SEC = 20.0
_TAIL_LINES = 40
_AUDIT_SEC = 1
_COLOUR = re.compile(r"\x1b\[[0-9;]*m")
_OF_BOTH = ("agent", "core", "agent-sdk", "source-fs", "fusion-sdk")
_PARTS = {
    Profile.AGENT_0_2: (*_OF_BOTH, "pusher-echo", "pusher-fusion", "common"),
    Profile.AGENT_0_8: (*_OF_BOTH, "sender-echo", "sender-http", "schema-fs"),
}
_COMPANIONS = {
    "fustor_agent.drivers.sources": {"kit_scripted": "kit_scripted:ScriptedSource"},
    "fustor_agent.drivers.pushers": {"kit_recorder": "kit_recorder:RecordingPusher"},
    "fustor_agent.drivers.senders": {"kit_recorder": "kit_recorder:RecordingSender"},
}


@dataclass(frozen=True)
class Batch:
    """What one push or send carried."""

    source_type: str
    is_end: bool
    events: tuple[EventBase, ...]


@dataclass(frozen=True)
class Agent:
    """One release in an environment, with the driver under test and the kit's companions."""

    profile: Profile
    python: Path
    home: Path

    @property
    def version(self) -> str:
        """What is installed."""
        return self.profile.release

    @property
    def record(self) -> Path:
        """Where the kit's pusher and sender write."""
        return self.home / "record.jsonl"

    @contextmanager
    def running(self, **parts: dict[str, Any]) -> Iterator[Running]:
        """The agent's process with `source` and `pusher`; stopped when the block is left, as Ctrl-C does.

        Raises:
            Broken: it does not stop in time.
        """
        command = [str(self.python.with_name("fustor-agent"))]
        env = environments.clean(FUSTOR_HOME=str(self.home))
        self._configure({"driver": "kit_recorder", "endpoint": str(self.record)}, **parts)
        if self.profile is Profile.AGENT_0_2:
            what = f"Agent {self.version} does not discover the source's fields"
            environments.run([*command, "discover-schema", "--source-id", "source"], what, env=env)
        arguments = ["start", "-p", str(_free_port())] if self.profile is Profile.AGENT_0_2 else ["start"]
        with (self.home / "output").open("wb") as output:
            process = subprocess.Popen([*command, *arguments], cwd=self.home, env=env, stdout=output, stderr=output)
        running = Running(self, process)
        try:
            yield running
        except BaseException:
            process.kill()
            process.wait()
            raise
        running.stop()

    def _configure(
        self, recorder: dict[str, Any], source: dict[str, Any], pusher: dict[str, Any] | None = None
    ) -> None:
        """Write the configuration: JSON, which is YAML as well."""
        reader = {"credential": {"user": "kit"}, **source, "disabled": False}
        writer = {"credential": {"key": "kit"}, **(pusher or recorder), "disabled": False}
        if self.profile is Profile.AGENT_0_2:
            file = self.home / "agent-config.yaml"
            rest = {"pushers": {"pusher": writer}, "syncs": {"sync": {"source": "source", "pusher": "pusher"}}}
            rest["syncs"]["sync"]["disabled"] = False
        else:
            file = self.home / "agent-config" / "default.yaml"
            pipe = {
                "source": "source",
                "sender": "sender",
                "audit_interval_sec": _AUDIT_SEC,
                "sentinel_interval_sec": 0,
            }
            writer["uri"] = writer.pop("endpoint")
            rest = {"senders": {"sender": writer}, "pipes": {"pipe": pipe}}
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps({"sources": {"source": reader}, **rest}, ensure_ascii=False), encoding="utf-8")


@dataclass
class Running:
    """An agent's process and what it has delivered."""

    agent: Agent
    process: subprocess.Popen[bytes]
    _batches: list[Batch] = field(default_factory=list)
    _read: int = 0

    def wait(self, what: str, condition: Callable[[], bool], seconds: float) -> None:
        """Return when the condition holds; it is looked at again and again, as another process signals nothing.

        Raises:
            Broken: it does not hold in time, or the agent ended.
        """
        ended = eventually(lambda: condition() or self.process.poll() is not None, seconds)
        if not condition():
            why = f"did not come to {what} within {seconds:g} s"
            if ended:
                why = f"ended with {self.process.returncode} before it came to {what}"
            raise self.broken(why)

    def batches(self) -> list[Batch]:
        """What has been delivered so far, in order."""
        record = self.agent.record
        if record.exists():
            with record.open("rb") as file:
                file.seek(self._read)
                lines = [line for line in file if line.endswith(b"\n")]
            self._read += sum(map(len, lines))
            self._batches += map(self._parse, lines)
        return self._batches

    def events(self, *phases: MessageSource) -> list[EventBase]:
        """The events with rows that were delivered in these phases."""
        chosen = (batch for batch in self.batches() if batch.source_type in phases)
        return [event for batch in chosen for event in batch.events if event.rows]

    def there(self, *phases: MessageSource) -> set[str]:
        """The paths of which the last that was told is that they are there; the root aside."""
        return {path for path, there in last_word(self.events(*phases)).items() if there} - {"/"}

    def stop(self) -> None:
        """Stop the process as Ctrl-C does.

        Raises:
            Broken: it is still there after the time that it is given.
        """
        self.process.send_signal(signal.SIGINT)
        try:
            self.process.wait(STOP_SEC)
        except subprocess.TimeoutExpired as err:
            self.process.kill()
            self.process.wait()
            raise self.broken(f"was asked to stop and still ran after {STOP_SEC:g} s") from err

    def broken(self, why: str, *evidence: object) -> Broken:
        """The verdict, with the end of the agent's log."""
        text = (self.agent.home / "output").read_text(encoding="utf-8", errors="replace")
        lines = _COLOUR.sub("", text).splitlines()
        return Broken(f"Agent {self.agent.version} {why}", *evidence, "its log ends with", *lines[-_TAIL_LINES:])

    def _parse(self, line: bytes) -> Batch:
        told: dict[str, Any] = json.loads(line)
        try:
            events = tuple(map(EventBase.model_validate, told["events"]))
        except ValidationError as err:
            raise self.broken("delivered an event that breaks the contract", told["events"], str(err)) from err
        return Batch(told["source_type"], told["is_end"], events)


def agent_for(subject: Subject, wheel: str, wheels: Path, scratch: Path) -> Agent:
    """The release that the profile names, installed with the driver's wheel under `scratch`."""
    profile = subject.options.profile
    version = profile.release
    declared = installed.declared_names(environments.installed(subject))
    pins = [f"fustor-{part}=={version}" for part in _PARTS[profile] if not wheel.startswith(f"fustor-{part}==")]
    more = ["python-json-logger"] if profile is Profile.AGENT_0_2 else []
    if "watchdog" not in declared:
        more.append("watchdog<7")  # or the agent's own file driver fills the log with its failure to load
    environment = scratch / "environment"
    what = f"Agent {version} and the driver are not installed together"
    python = environments.make(environment, [*pins, *more, wheel], wheels, what)
    _add_companions(python)
    home = scratch / "home"
    home.mkdir()
    return Agent(profile, python, home)


def _add_companions(python: Path) -> None:
    """Put the kit's source, pusher and sender into the environment, found as any driver is."""
    script = "import sysconfig; print(sysconfig.get_path('purelib'))"
    site = Path(environments.run([str(python), "-c", script], "The environment does not run").strip())
    for name in ("recorder", "scripted"):
        (site / f"kit_{name}.py").write_text(files("fustor_conformance").joinpath("agents", f"{name}.py").read_text())
    info = site / "fustor_kit_companions-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: fustor-kit-companions\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("\n".join(map(_section, _COMPANIONS.items())))


def _section(group: tuple[str, Mapping[str, str]]) -> str:
    name, entries = group
    return f"[{name}]\n" + "".join(f"{entry} = {value}\n" for entry, value in entries.items())


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port: int = free.getsockname()[1]
    return port
