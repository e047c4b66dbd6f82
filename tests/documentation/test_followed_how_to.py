"""How-to pages that show what happens are followed to the letter, with the commands of this environment."""

import os
import sys
from pathlib import Path

import pytest
from executed_page import Reader
from repository import ROOT
from updates import package

pytestmark = pytest.mark.wide

HOW_TO = ROOT / "docs/how-to"


@pytest.fixture
def environ(tmp_path):
    """A home in which nothing is, and the commands that stand beside this Python."""
    (tmp_path / "home").mkdir()
    return {"HOME": str(tmp_path / "home"), "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}


def follow(page, folder, environ):
    folder.mkdir(exist_ok=True)
    with Reader(folder, environ) as reader:
        return dict(reader.follow(HOW_TO / page))


def test_an_update_merges_marks_and_refuses_as_the_page_shows(tmp_path, environ):
    driver = package(tmp_path / "source-redis", "1.1.0")
    shown = follow("update-a-driver.md", driver, environ)
    assert "is of template" in shown["fustor-new update"]
    text = (driver / "src/fustor_source_redis/driver.py").read_text()
    assert text.index("keyspace notifications") < text.index("What hosts call") < text.index("from __future__")


def test_drivers_of_both_agents_are_adopted_and_examined_as_the_page_shows(tmp_path, environ):
    follow("migrate-a-driver.md", tmp_path / "projects", environ)
    for name in ("lines", "old"):
        assert (tmp_path / "projects" / name / "tests/test_conformance.py").is_file()
