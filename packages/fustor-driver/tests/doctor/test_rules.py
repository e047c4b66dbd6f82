"""What a user gets from an index today, and the command that mends it."""

import shlex

import pytest

from fustor_driver.doctor.diagnosis import contradictions

OURS_FS = "--find-links WHEELS 'fustor-source-fs>=1'"
MODEL = "--find-links WHEELS 'fustor-event-model>=1'"


@pytest.mark.parametrize(
    ("release", "versions", "findings"),
    [
        ("0.8.17", {"fustor_source_fs": "1.0.0", "fustor_event_model": "1.0.0"}, []),
        ("0.2.16", {"fustor_source_fs": "1.0.0", "fustor_event_model": "1.0.0"}, []),
        ("0.8.17", {}, [("warning", "fustor-source-fs", OURS_FS)]),
        ("0.8.17", {"watchdog": "7.1.0"}, [("error", "fustor-source-fs", OURS_FS)]),
        (
            "0.8.17",
            {"fustor_core": "1.0.0", "fustor_event_model": "1.0.0", "fustor_source_fs": "1.0.0"},
            [("error", "fustor-agent", "fustor-core==0.8.17")],
        ),
        (
            "0.2.16",
            {"fustor_core": "0.8.17", "fustor_source_fs": "1.0.0", "fustor_agent_sdk": "0.8.17"},
            [("error", "fustor-agent", "fustor-agent-sdk==0.2.16 fustor-core==0.2.16")],
        ),
        (
            "0.2.16",
            {"fustor_core": None, "fustor_source_fs": "1.0.0", "fustor_common": None},
            [("error", "fustor-agent", "fustor-common==0.2.16 fustor-core==0.2.16")],
        ),
        (
            "0.2.16",
            {"fustor_source_fs": "1.0.0", "python_json_logger": None, "fustor_fusion_sdk": "0.8.17"},
            [("error", "fustor-agent", "fustor-fusion-sdk==0.2.16 'python-json-logger>=3.1'")],
        ),
        (None, {"fustor_agent": "0.5.1", "fustor_core": "0.8.17"}, [("error", "fustor-agent", "fustor-core==0.5.1")]),
        (None, {"fustor_core": "0.8.17", "fustor_event_model": "0.2.16"}, [("error", "fustor-event-model", MODEL)]),
        (None, {"fustor_core": "1.0.0", "fustor_event_model": "0.2.16"}, [("error", "fustor-event-model", MODEL)]),
        (None, {"fustor_core": "0.2.16"}, [("error", "fustor-core", "fastapi")]),
        (None, {"fustor_core": "0.2.16", "fastapi": "0.165.0"}, []),
        (None, {"fustor_core": "1.0.0", "fustor_source_fs": "0.8.17"}, [("error", "fustor-source-fs", OURS_FS)]),
    ],
)
def test_what_contradicts_is_named_with_the_one_command_that_mends_it(release, versions, findings, installed_as):
    environment = installed_as(release, **versions)
    found = [(one.level, one.subject, one.command) for one in contradictions(environment)]
    start = shlex.join(["uv", "pip", "install", "--python", str(environment.python)])
    assert found == [(level, subject, f"{start} {rest}") for level, subject, rest in findings]


def test_pip_is_named_where_the_environment_has_it(installed_as):
    environment = installed_as(fustor_core="0.2.16", pip="26.0")
    (found,) = contradictions(environment)
    assert found.command == f"{environment.python} -m pip install fastapi"
