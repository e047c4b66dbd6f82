"""The command line with the test drivers installed, in an empty directory."""

import pytest
from typer.testing import CliRunner

from fustor_driver.cli import build_app


@pytest.fixture
def cli(installed, tmp_path, monkeypatch):  # noqa: ARG001 - the test drivers are installed while it is used
    """Run a command line in an empty directory; the result has stdout, stderr and exit code apart."""
    monkeypatch.chdir(tmp_path)
    app = build_app()
    return lambda *arguments: CliRunner().invoke(app, [str(argument) for argument in arguments], catch_exceptions=False)


@pytest.fixture
def filled(log):
    for at in range(5):
        log.append("upsert", f"/{at}", at)
    return log


@pytest.fixture
def run_options(filled):
    return ("--source-driver", "try_log", "--uri", filled.log, "--pusher-driver", "try_lines", "--endpoint", "out")
