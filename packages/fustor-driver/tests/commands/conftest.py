"""The command line with the test drivers installed, in an empty directory."""

import sys
from contextlib import ExitStack

import pytest
from terminals import Terminal
from typer.testing import CliRunner

from fustor_driver.cli import build_app


@pytest.fixture
def cli(installed, tmp_path, monkeypatch):  # noqa: ARG001 - the test drivers are installed while it is used
    """Run a command line in an empty directory; the result has stdout, stderr and exit code apart."""
    monkeypatch.chdir(tmp_path)
    app = build_app()
    return lambda *arguments: CliRunner().invoke(app, [str(argument) for argument in arguments], catch_exceptions=False)


@pytest.fixture
def terminal(environ, tmp_path):
    """Run a command line on a terminal, in a directory of its own."""
    with ExitStack() as opened:

        def run(*arguments, **options):
            command = (sys.executable, "-m", "fustor_driver", *arguments)
            return opened.enter_context(Terminal(*command, cwd=tmp_path, environ=environ, columns=200, **options))

        yield run


@pytest.fixture
def filled(log):
    for at in range(5):
        log.append("upsert", f"/{at}", at)
    return log


@pytest.fixture
def log_options(log):
    """What a run of a log is asked for with."""
    return ("--source-driver", "try_log", "--uri", log.log, "--pusher-driver", "try_lines", "--endpoint", "out")


@pytest.fixture
def run_options(filled, log_options):  # noqa: ARG001 - the log has rows
    return log_options
