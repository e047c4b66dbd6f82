"""The page on running under an agent: its commands are those that are tried, its files make agents that deliver."""

import re
import shlex
import subprocess

import pytest
from beside.readme import documented
from executed_page import blocks_of
from repository import ROOT

from fustor_driver.agents.outside import clean
from fustor_pusher_fs import read_events

PAGE = (ROOT / "docs/how-to/run-under-an-agent.md").read_text()
FILES = {block.file: block.text for block in blocks_of(PAGE) if block.file}
CONFIGURED = {"0.2.16": "agent-config.yaml", "0.8.17": "agent-config/default.yaml"}
PLACES = {"/srv/data": "data", "/var/lib/fustor/events": "events"}
ARRIVES_SEC = 120


@pytest.mark.parametrize("release", CONFIGURED)
def test_the_command_that_installs_is_the_one_that_is_tried(release):
    shown = re.findall(rf"^\$ (python -m pip install .*fustor-agent=={re.escape(release)} .*)$", PAGE, re.MULTILINE)
    assert shown == [documented(release)]


def test_there_is_a_file_for_each_release():
    assert sorted(FILES) == sorted(CONFIGURED.values())


def paths_in(folder):
    """The paths of which the log of a pusher knows."""
    batches = (batch for task in folder.glob("*") for batch in read_events(task))
    return {row["path"] for batch in batches for event in batch.events for row in event.rows}


@pytest.mark.hosts
@pytest.mark.parametrize("release", CONFIGURED)
def test_an_agent_with_the_file_of_the_page_delivers(release, new_agent, tmp_path):
    agent, text = new_agent(release), FILES[CONFIGURED[release]]
    for place, name in PLACES.items():
        assert place in text
        text = text.replace(place, str(tmp_path / name))
    file = agent.home / CONFIGURED[release]
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)
    (tmp_path / "data").mkdir()
    (tmp_path / "data/a.txt").write_text("a")
    if release == "0.2.16":
        (command,) = re.findall(r"^\$ fustor-agent (discover-schema .*)$", PAGE, re.MULTILINE)
        program = agent.python.with_name("fustor-agent")
        subprocess.run([program, *shlex.split(command)], env=clean(FUSTOR_HOME=str(agent.home)), check=True)
    running = agent.start()
    try:
        running.wait("the row of the file", lambda: "/a.txt" in paths_in(tmp_path / "events"), ARRIVES_SEC)
    except BaseException:
        running.kill()
        raise
    running.stop()
