"""What an agent logs and delivers is read as it comes."""

import json

import pytest

from fustor_driver.agents.process import Agent, Lines

LOG = """\
Running pre-flight validation...
2026-11-27 17:02:33 - fustor_agent - INFO - all is well
2026-11-27 17:02:33 - fustor_agent - \x1b[31mERROR\x1b[0m - not valid
Traceback (most recent call last):
  File "x.py", line 1, in f
    f()
ValidationError: 1 error
2026-11-27 17:02:34 - fustor_agent - INFO - and on
half a li"""


@pytest.fixture
def agent(tmp_path):
    (tmp_path / "log").write_text(LOG)
    return Agent(None, Lines(tmp_path / "log"), Lines(tmp_path / "notes"))


def test_what_is_grave_is_told_with_what_belongs_to_it_and_once(agent):
    assert agent.said(all_of_it=False) == [
        "2026-11-27 17:02:33 - fustor_agent - ERROR - not valid",
        "Traceback (most recent call last):",
        "ValidationError: 1 error",
    ]
    assert agent.said(all_of_it=True) == []


def test_all_of_it_is_all_whole_lines(agent):
    assert len(agent.said(all_of_it=True)) == LOG.count("\n")


def test_the_second_end_of_a_batch_that_was_the_end_is_not_another(agent, tmp_path):
    told = [("snapshot", 2, True), ("snapshot", 0, True), ("audit", 0, True), ("audit", 0, True), ("audit", 1, True)]
    with (tmp_path / "notes").open("w") as file:
        for phase, count, is_end in told:
            line = {"phase": phase, "events": count, "rows": count, "last": "/a" if count else "", "is_end": is_end}
            file.write(json.dumps(line) + "\n")
    assert agent.look() == {"snapshot", "audit"}
    assert {phase: seen.ends for phase, seen in agent.phases.items()} == {"snapshot": 1, "audit": 3}
    assert agent.phases["snapshot"].last == "/a"
    assert agent.look() == set()
