"""The released agents as processes: installed in an environment of their own, configured, started and stopped."""

from __future__ import annotations

import json
import re
import signal
import subprocess
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from fustor_conformance._reading import eventually, last_word
from fustor_conformance.agents import environments
from fustor_conformance.outcome import Broken
from fustor_conformance.rules import Profile
from fustor_conformance.subject import Subject
from fustor_driver import installed
from fustor_driver.agents.outside import clean, free_port, put_into
from fustor_driver.agents.process import Lines
from fustor_driver.releases import release
from fustor_event_model import EventBase, MessageSource

STOP_SEC = 20.0
_TAIL_LINES = 40
_AUDIT_SEC = 1
_COLOUR = re.compile(r"\x1b\[[0-9;]*m")
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
    prefix: tuple[str, ...] = ()
    """A command that starts the agent's, to take rights or room from it."""

    @property
    def record(self) -> Path:
        """Where the kit's pusher and sender write."""
        return self.home / "record.jsonl"

    @contextmanager
    def running(self, **parts: Any) -> Iterator[Running]:
        """The agent's process with `source`, `pusher` and `pipe`; stopped when the block is left, as Ctrl-C does.

        Raises:
            Broken: it does not stop in time.
        """
        self.configure(**parts)
        running = self.start()
        try:
            yield running
        except BaseException:
            running.kill()
            raise
        running.stop()

    def configure(
        self, *, source: dict[str, Any], pusher: dict[str, Any] | None = None, pipe: dict[str, Any] | None = None
    ) -> None:
        """Write the configuration, in JSON, which is YAML as well.

        Without a pusher, the kit's takes everything; for agent 0.8 it is a sender. `pipe` is what that agent's pipe has
        besides.
        """
        reader = {"credential": {"user": "kit"}, **source, "disabled": False}
        recorder = {"driver": "kit_recorder", "endpoint": str(self.record)}
        writer = {"credential": {"key": "kit"}, **(pusher or recorder), "disabled": False}
        if self.profile is Profile.AGENT_0_2:
            sync = {"source": "source", "pusher": "pusher", "disabled": False}
            self._write("agent-config.yaml", {"source": reader}, pushers={"pusher": writer}, syncs={"sync": sync})
            what = f"Agent {self.profile.release} does not discover the source's fields"  # and so disables it
            environments.run([*self._command, "discover-schema", "--source-id", "source"], what, env=self._env)
        else:
            ends = {"source": "source", "sender": "sender"}
            writer["uri"] = writer.pop("endpoint")
            pipes = {"pipe": ends | {"audit_interval_sec": _AUDIT_SEC, "sentinel_interval_sec": 0} | (pipe or {})}
            self._write("agent-config/default.yaml", {"source": reader}, senders={"sender": writer}, pipes=pipes)

    def start(self) -> Running:
        """Start the process, as it is configured; what it prints is added to the output of the one before."""
        arguments = ["start", "-p", str(free_port())] if self.profile is Profile.AGENT_0_2 else ["start"]
        command = [*self.prefix, *self._command, *arguments]
        with (self.home / "output").open("ab") as output:
            process = subprocess.Popen(command, cwd=self.home, env=self._env, stdout=output, stderr=output)
        return Running(self, process)

    @property
    def _command(self) -> list[str]:
        return [str(self.python.with_name("fustor-agent"))]

    @property
    def _env(self) -> dict[str, str]:
        return clean(FUSTOR_HOME=str(self.home))

    def _write(self, name: str, sources: dict[str, Any], **rest: dict[str, Any]) -> None:
        file = self.home / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps({"sources": sources, **rest}, ensure_ascii=False), encoding="utf-8")


@dataclass
class Running:
    """An agent's process and what it has delivered."""

    agent: Agent
    process: subprocess.Popen[bytes]
    _batches: list[Batch] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._record = Lines(self.agent.record)

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
        self._batches += map(self._parse, self._record.lines())
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
            self.kill()
            raise self.broken(f"was asked to stop and still ran after {STOP_SEC:g} s") from err

    def kill(self) -> None:
        """End the process at once, as `kill -9` does."""
        self.process.kill()
        self.process.wait()

    def log(self) -> list[str]:
        """The lines that this process and those before it have printed, without their colours."""
        text = (self.agent.home / "output").read_text(encoding="utf-8", errors="replace")
        return _COLOUR.sub("", text).splitlines()

    def broken(self, why: str, *evidence: object) -> Broken:
        """The verdict, with the end of the agent's log."""
        tail = self.log()[-_TAIL_LINES:]
        return Broken(f"Agent {self.agent.profile.release} {why}", *evidence, "its log ends with", *tail)

    def _parse(self, line: str) -> Batch:
        told: dict[str, Any] = json.loads(line)
        try:
            events = tuple(map(EventBase.model_validate, told["events"]))
        except ValidationError as err:
            raise self.broken("delivered an event that breaks the contract", told["events"], str(err)) from err
        return Batch(told["source_type"], told["is_end"], events)


def agent_for(subject: Subject, own: Iterable[str], wheels: Path, scratch: Path) -> Agent:
    """The release that the profile names, installed with the driver's wheel, and what it needs, under `scratch`."""
    profile = subject.options.profile
    parts = release(profile.release)
    dist = environments.installed(subject)
    pins = parts.requirements(dist.metadata["Name"], "fustor-event-model")
    limits = () if "watchdog" in installed.declared_names(dist) else parts.limits
    environment = scratch / "environment"
    what = f"Agent {parts.version} and the driver are not installed together"
    python = environments.make(environment, [*pins, *own], wheels, what, limits)
    add_companions(python)
    home = scratch / "home"
    home.mkdir()
    return Agent(profile, python, home)


def add_companions(
    python: Path,
    modules: Mapping[str, Path] | None = None,
    entries: Mapping[str, Mapping[str, str]] | None = None,
    name: str = "fustor_kit_companions",
) -> None:
    """Put modules into an environment, found as any driver is by their entry points; by default the kit's own."""
    script = "import sysconfig; print(sysconfig.get_path('purelib'))"
    site = Path(environments.run([str(python), "-c", script], "The environment does not run").strip())
    own = {f"kit_{part}": Path(__file__).with_name(f"{part}.py") for part in ("recorder", "scripted")}
    texts = {module: file.read_text(encoding="utf-8") for module, file in (modules or own).items()}
    put_into(site, name, texts, entries or _COMPANIONS)
