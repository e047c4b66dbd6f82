"""R04: the examples under the released agents, and drivers that work everywhere but there."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from tiers import longer

from fustor_conformance import Judge, Kind, Profile, Status, find_rule, find_subject
from fustor_conformance.subject import Options

EXTENSIONS = Path(__file__).resolve().parents[3] / "extensions"
R04 = find_rule("R04")
SOURCE_0_2 = (Kind.SOURCE, Profile.AGENT_0_2)
SOURCE_0_8 = (Kind.SOURCE, Profile.AGENT_0_8)
PUSHER_0_2 = (Kind.PUSHER, Profile.AGENT_0_2)
PUSHER_0_8 = (Kind.PUSHER, Profile.AGENT_0_8)
STREAM = (
    "        while not self._stopped(stop):\n            latest",
    "        self.statistics()\n        while not self._stopped(stop):\n            latest",
)
GROUP = ("fustor_agent.drivers.sources", "fustor_agent.drivers_of_another_name")
STOP = ("_stop_driver_event", "_stopped_event")
DURABLE = ('getattr(fustor_core.exceptions, "RetryableError", DriverError)', "fustor_core.exceptions.RetryableError")


def test_a_profile_without_an_agent_does_not_ask_for_it():
    judge = Judge(find_subject(Kind.SOURCE, "example", options=Options(frozenset({"--agents"}))))
    found = judge.verdict(R04)
    assert (found.status, found.detail) == (Status.SKIPPED, "Profile 'guide' does not ask for it")


def test_it_has_to_be_asked_for():
    found = Judge(find_subject(Kind.SOURCE, "example"), Profile.AGENT_0_8).verdict(R04)
    assert found.status is Status.SKIPPED
    assert "--agents" in found.detail


@pytest.mark.parametrize("asked", [("U14", frozenset()), ("R04", frozenset({"--agents"}))])
def test_a_pusher_is_not_judged_for_agent_0_8_without_the_bridge(asked, monkeypatch):
    rule_id, opt_in = asked
    monkeypatch.setattr("fustor_conformance.agents.environments._BRIDGE", "fustor-no-such-bridge")
    subject = find_subject(Kind.PUSHER, "example", options=Options(opt_in))
    found = Judge(subject, Profile.AGENT_0_8).alone(find_rule(rule_id))
    assert (found.status, "which is not installed" in found.detail) == (Status.NOT_JUDGED, True)


@pytest.mark.hosts
@pytest.mark.parametrize(("kind", "profile"), [longer(*SOURCE_0_2), SOURCE_0_8, PUSHER_0_2, longer(*PUSHER_0_8)])
def test_the_example_works_under_the_released_agent(kind, profile):
    judge = Judge(find_subject(kind, "example", options=Options(frozenset({"--agents"}))), profile)
    found = judge.verdict(R04)
    assert found.status is Status.PASSED, found.explained()
    assert found.observed > 5


def verdicts(tmp_path, host, change, checks):
    """The verdicts on the example with `old` replaced by `new`, as a distribution `mutant` that is installed."""
    (kind, profile), (old, new) = host, change
    project = tmp_path / "project"
    shutil.copytree(EXTENSIONS / f"{kind}-example", project, ignore=shutil.ignore_patterns("tests", "__pycache__"))
    package = f"fustor_{kind}_mutant"
    (project / "src" / f"fustor_{kind}_example").rename(project / "src" / package)
    changed = 0
    for file in [project / "pyproject.toml", *(project / "src").rglob("*.py")]:
        text = file.read_text()
        changed += text.count(old)
        text = text.replace(old, new).replace(f"fustor_{kind}_example", package)
        text = text.replace(f"fustor-{kind}-example", f"fustor-{kind}-mutant").replace(
            f"{kind}-example =", f"{kind}-mutant ="
        )
        text = text.replace("example =", "mutant =").replace('"driver": "example"', '"driver": "mutant"')
        file.write_text(text.partition("# Where the contract packages come from")[0])
    assert changed, "the mutant is the example"
    site = tmp_path / "site"
    install = [
        "uv",
        "pip",
        "install",
        "-q",
        "--no-deps",
        "--python",
        sys.executable,
        "--target",
        str(site),
        str(project),
    ]
    subprocess.run(install, check=True, timeout=120)
    command = [sys.executable, "-m", "fustor_driver", "conform", kind, "mutant", *checks]
    command += ["--agents", "--json", "--patience", "3", "--profile", profile]
    env = {**os.environ, "PYTHONPATH": str(site)}
    done = subprocess.run(command, env=env, capture_output=True, text=True, timeout=500, check=False)
    assert done.stdout, done.stderr
    return {verdict["id"]: verdict for verdict in json.loads(done.stdout)["verdicts"]}


@pytest.mark.hosts
@pytest.mark.parametrize(
    ("host", "change", "simulator", "said"),
    [
        longer(SOURCE_0_2, STREAM, "R01", "object has no attribute 'statistics'"),
        (SOURCE_0_8, STREAM, "R02", "object has no attribute 'statistics'"),
        longer(SOURCE_0_2, GROUP, "R01", "'mutant'"),
        longer(SOURCE_0_8, GROUP, "R02", "'mutant'"),
        longer(PUSHER_0_2, DURABLE, "R01", "RetryableError"),
    ],
)
def test_what_only_the_released_agent_shows_is_found(tmp_path, host, change, simulator, said):
    found = verdicts(tmp_path, host, change, [simulator, "R04"])
    assert found[simulator]["status"] == "passed", found[simulator]["detail"]
    assert found["R04"]["status"] == "failed", found["R04"]["detail"]
    assert said in found["R04"]["detail"]


@pytest.mark.hosts
@pytest.mark.parametrize("host", [SOURCE_0_2, longer(SOURCE_0_8)])
def test_a_source_without_the_stop_event_is_found(tmp_path, host):
    found = verdicts(tmp_path, host, STOP, ["R04"])
    assert found["R04"]["status"] == "failed"
    assert "its log ends with" in found["R04"]["detail"]
    assert "_stop_driver_event" in found["R04"]["detail"]


@pytest.mark.hosts
@pytest.mark.parametrize(
    ("host", "change", "said"),
    [
        longer(SOURCE_0_8, ("REALTIME, [self._ticks.file_row", "SNAPSHOT, [self._ticks.file_row"), "says 'snapshot'"),
        (SOURCE_0_2, ("MessageSource.SNAPSHOT, batch)", "MessageSource.SNAPSHOT, batch[1:])"), "lost 1 things of the"),
        longer(SOURCE_0_8, ("MessageSource.AUDIT, batch)", "MessageSource.AUDIT, batch[1:])"), "all in its audits"),
        longer(SOURCE_0_2, ("index=tick)", "index=tick // 8)"), "all of a burst"),
        longer(SOURCE_0_2, ("return self._stop_driver_event.is_set() or", "return False and"), "still ran after 20 s"),
        longer(
            PUSHER_0_8,
            ('"fustor.drivers.pushers"', '"fustor_agent.drivers.senders"'),
            "No pusher 'mutant' is installed",
        ),
    ],
)
def test_what_an_agent_loses_is_found(tmp_path, host, change, said):
    found = verdicts(tmp_path, host, change, ["R04"])
    assert found["R04"]["status"] == "failed"
    assert said in found["R04"]["detail"]
