"""`fustor-driver run --strict`: the monitor in a run that nobody arranged."""

from __future__ import annotations

import logging

import pytest
from typer.testing import CliRunner

from fustor_driver.cli import build_app
from fustor_driver.commands._jobs import watched
from fustor_driver.errors import EnvironmentProblem, NotConformant
from fustor_source_fs import FsDriver

RUN = ["run", "--source-driver", "fs", "--pusher-driver", "fs", "--once", "--strict"]


@pytest.fixture
def run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "tree").mkdir()
    (tmp_path / "tree" / "file").write_text("x")

    def invoke():
        addresses = ["--uri", f"{tmp_path}/tree", "--endpoint", f"{tmp_path}/events"]
        return CliRunner().invoke(build_app("run"), [*RUN, *addresses])

    return invoke


def test_drivers_that_keep_the_contract_end_as_ever(run):
    result = run()
    assert result.exit_code == 0, result.output


def test_one_that_breaks_it_ends_with_8_and_says_which_rule(run, monkeypatch):
    original = FsDriver.get_snapshot_iterator

    def odd(self, **kwargs):
        for event in original(self, **kwargs):
            for row in event.rows:
                row["size"] = -1
            yield event

    monkeypatch.setattr(FsDriver, "get_snapshot_iterator", odd)
    result = run()
    assert result.exit_code == 8
    assert "The drivers broke E06" in result.output


def test_every_finding_is_a_warning_when_it_is_seen(caplog):
    class Odd(FsDriver):
        def get_latest_position(self):
            raise KeyError("x")

    Odd.__module__ = "kit_somewhere_else"
    with pytest.raises(NotConformant, match="C16"), watched(Odd), pytest.raises(KeyError):
        Odd.get_latest_position(Odd.__new__(Odd))
    assert [(record.levelno, record.getMessage()[:13]) for record in caplog.records] == [
        (logging.WARNING, "C16 is broken")
    ]


def test_without_a_monitor_one_line_says_what_to_install():
    with pytest.raises(EnvironmentProblem, match="install 'fustor-conformance'"), watched(FsDriver, group="kit.none"):
        pass
