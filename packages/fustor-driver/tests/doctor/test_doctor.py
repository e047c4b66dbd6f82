"""`fustor-driver doctor` beside any core, and looking at another environment."""

import json
import subprocess
import sys
import venv

import pytest

from fustor_driver.doctor import diagnose
from fustor_driver.registry import Registry

REFUSES = "raise RuntimeError('it was imported')"
SOURCE = "[fustor.drivers.sources]\na = fustor_source_a:A\n[fustor_agent.drivers.sources]\na = fustor_source_a:A\n"
PUSHER = "[fustor.drivers.pushers]\na = fustor_pusher_a:A\n[fustor_agent.drivers.pushers]\na = fustor_pusher_a:A\n"
CORE = "class SourceDriver: ..."


def doctor(*arguments, env=None):
    command = [sys.executable, "-m", "fustor_driver", "doctor", *map(str, arguments)]
    return subprocess.run(command, env=env, text=True, capture_output=True, check=False)


def texts(environment):
    return [(one.subject, one.text) for one in diagnose(environment, Registry.read(environment.entries))]


@pytest.mark.parametrize("core", [pytest.param("0.2.16", marks=pytest.mark.wide), "0.8.17"])
def test_it_runs_beside_any_core_and_imports_none(core, site, environ):
    site.add("fustor-core", core, modules={"fustor_core": REFUSES, "fustor_event_model": REFUSES})
    done = doctor("--json", env=environ | {"PYTHONPATH": str(site.folder)})
    told = json.loads(done.stdout)
    assert (done.returncode, done.stderr) == (7, "")
    assert told["installed"]["fustor-core"] == core
    assert "it was imported" not in done.stdout


def test_it_looks_at_another_environment_and_imports_nothing_there(tmp_path, site):
    venv.create(tmp_path / "env")
    (found,) = (tmp_path / "env").glob("lib/python*/site-packages")
    other = type(site)(found)
    other.add("fustor-core", "0.8.17", modules={"fustor_core.drivers": CORE})
    module = f"from fustor_core.drivers import PusherDriver\n{REFUSES}"
    other.add("fustor-source-a", "1.0", ["fustor-core"], SOURCE, {"fustor_source_a": module})
    for place in (tmp_path / "env", tmp_path / "env" / "bin" / "python"):
        done = doctor("--python", place, "--json")
        told = json.loads(done.stdout)
        assert (done.returncode, done.stderr) == (7, "")
        assert told["installed"] == {"fustor-core": "0.8.17", "fustor-source-a": "1.0"}
        (finding,) = told["findings"]
        assert finding["text"] == (
            "Does not load: 'fustor_source_a' imports 'PusherDriver' of 'fustor_core.drivers', which is not there"
        )


@pytest.mark.parametrize("what", ["nothing", "file"])
def test_a_place_without_an_interpreter_is_named(what, tmp_path):
    (tmp_path / "file").write_text("")
    done = doctor("--python", tmp_path / what)
    assert done.returncode == 7
    assert f"{str(tmp_path / what)!r} is not a Python that runs" in done.stderr


def test_a_requirement_that_no_longer_holds_is_named(site):
    site.add("fustor-core", "0.8.17", modules={"fustor_core.drivers": CORE})
    site.add("fustor-source-a", "1.0", ["fustor-core", "fustor-event-model>=1", "x; extra == 'y'"], SOURCE)
    assert texts(site.environment) == [
        ("fustor-source-a", "fustor-source-a 1.0 requires fustor-event-model>=1, which is not here")
    ]


def test_an_agent_whose_import_fails_is_named_with_its_pins(installed_as, site):
    environment = installed_as("0.8.17", fustor_source_fs="1.0.0", fustor_sender_http="0.8.16")
    site.write({"fustor_agent.cli": "from fustor_core.common import Away", "fustor_core.common": ""})
    (found,) = diagnose(environment, Registry.read(environment.entries))
    assert (
        found.text
        == "Agent 0.8.17 does not start: 'fustor_agent.cli' imports 'Away' of 'fustor_core.common', which is not there"
    )
    assert found.command.endswith(" fustor-sender-http==0.8.17")


def test_a_pusher_beside_core_08_needs_the_bridge(site):
    site.add("fustor-core", "0.8.17", modules={"fustor_core.drivers": CORE})
    module = "from fustor_core.drivers import PusherDriver"
    site.add("fustor-pusher-a", "1.0", [], PUSHER, {"fustor_pusher_a": module})
    assert texts(site.environment) == [("pusher a", "Agent 0.8 has no pushers: it does not find this one")]
    site.add("fustor-sender-bridge", "1.0")
    assert texts(site.environment) == []


@pytest.mark.parametrize(("version", "count"), [("0.8.17", 0), ("1.0", 1)])
def test_a_driver_that_an_agent_brings_is_for_that_agent_alone(version, count, site):
    site.add("fustor-core", "0.2.16", modules={"fustor_core.drivers": CORE})
    site.add("fastapi", "1")
    entries = SOURCE.partition("[fustor_agent")[2]
    site.add("fustor-source-a", version, [], f"[fustor_agent{entries}", {"fustor_source_a": ""})
    assert [text[:14] for _, text in texts(site.environment)] == ["Not registered"] * count


def test_what_follows_from_something_that_is_named_is_not_named_again(site):
    site.add("fustor-core", "0.8.17", modules={"fustor_core.drivers": CORE})
    site.add("fustor-event-model", "0.2.16", modules={"fustor_event_model": ""})
    module = "from fustor_event_model import MessageSource"
    site.add("fustor-source-a", "1.0", [], SOURCE, {"fustor_source_a": module})
    assert [subject for subject, _ in texts(site.environment)] == ["fustor-event-model"]
