"""Beside a released agent: each command that is documented, and each combination that an index gives, mended by one."""

import shlex
import subprocess

import pytest
from tiers import longer

pytestmark = pytest.mark.hosts


def test_the_documented_command_gives_an_agent_with_the_drivers_of_this_project(documented_place):
    _, place = documented_place
    place.require_start()
    assert place.version("fustor-source-fs").startswith("1.")
    assert place.findings(0) == []


def test_fustor_driver_beside_an_agent_replaces_nothing(documented_place, wheels):
    release, place = documented_place
    pip = (place.python, "-m", "pip", "install", "-q", "--find-links", wheels, "fustor-driver")
    subprocess.run(pip, check=True)
    place.require_start()
    assert place.version("fustor-core") == release
    refused = subprocess.run([place.bin / "fustor-driver", "list"], capture_output=True, text=True, check=False)
    assert refused.returncode == 7
    assert refused.stderr == (
        f"Error: fustor-core {release} is installed here, and fustor-driver needs fustor-core>=1; "
        "give it an environment of its own, apart from an agent's: uv tool install fustor-driver\n"
    )
    doctor = subprocess.run([place.bin / "fustor-driver", "doctor"], capture_output=True, text=True, check=False)
    assert (doctor.returncode, doctor.stderr) == (0, "")


@pytest.mark.parametrize("how", [longer("pip"), "uv"])
def test_fustor_driver_alone_brings_the_core_that_it_needs(how, place, wheels):
    if how == "uv":
        place.install("fustor-driver", wheels=wheels)
    else:
        pip = (place.python, "-m", "pip", "install", "-q", "--find-links", wheels, "fustor-driver")
        subprocess.run(pip, check=True)
    subprocess.run([place.bin / "fustor-driver", "list"], capture_output=True, check=True)


BROKEN = {
    "agent 0.2.16 as the index has it": ([["fustor-agent==0.2.16"]], "fustor-agent", True),
    "agent 0.8.17 with core 1": ([["fustor-agent==0.8.17", "fustor-core==1.0.0"]], "fustor-agent", True),
    "agent 0.2.16 with core 1": ([["fustor-agent==0.2.16", "fustor-core==1.0.0"]], "fustor-agent", True),
    "agent 0.2.16 without what it does not declare": (
        [["fustor-agent==0.2.16", "fustor-core==0.2.16", "fustor-agent-sdk==0.2.16", "fustor-source-fs==1.0.0"]],
        "fustor-agent",
        True,
    ),
    "the source of the index": ([["fustor-source-fs==0.8.17"]], "fustor-source-fs", False),
    "the core and the event model of the index": (
        [["fustor-core==0.8.17", "fustor-event-model==0.2.16"]],
        "fustor-event-model",
        False,
    ),
    "core 0.2 alone": ([["fustor-core==0.2.16"]], "fustor-core", False),
    "an event model that a driver does not take": (
        [["fustor-source-fs==1.0.0", "fustor-core==0.8.17"], ["--no-deps", "fustor-event-model==0.2.16"]],
        "fustor-event-model",
        False,
    ),
}


LONG = {
    "agent 0.8.17 with core 1",
    "agent 0.2.16 with core 1",
    "agent 0.2.16 without what it does not declare",
    "core 0.2 alone",
    "an event model that a driver does not take",
    "the core and the event model of the index",
}


@pytest.mark.parametrize("name", [pytest.param(name, marks=[pytest.mark.full] * (name in LONG)) for name in BROKEN])
def test_a_broken_combination_is_named_and_mended_by_one_command(name, place, wheels):
    steps, subject, has_agent = BROKEN[name]
    for requirements in steps:
        place.install(*requirements, wheels=wheels)
    errors = {of: command for level, of, command in place.findings(7) if level == "error"}
    assert next(iter(errors)) == subject
    for command in list(errors.values()):
        subprocess.run(shlex.split(command.replace("WHEELS", str(wheels))), check=True, capture_output=True)
    assert [one for one in place.findings(0) if one[0] == "error"] == []
    if has_agent:
        place.require_start()
