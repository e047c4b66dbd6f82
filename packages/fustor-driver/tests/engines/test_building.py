"""Drivers from plain data."""

import subprocess
import sys

import pytest

from fustor_core.exceptions import ConfigError
from fustor_driver.engines import pusher_of, source_of
from fustor_driver.errors import ConfigurationProblem, EnvironmentProblem
from fustor_driver.redaction import clean

PLAIN = {"driver": "try_log", "uri": "/log"}
pytestmark = pytest.mark.usefixtures("installed")


def test_a_source_is_made_from_its_name_and_plain_data():
    source = source_of(PLAIN | {"id": "shop", "disabled": True, "max_retries": 3})
    assert (source.id, source.config.uri, source.config.max_retries) == ("shop", "/log", 3)
    assert not source.config.disabled


def test_a_driver_is_called_by_its_name_where_it_has_no_other():
    assert source_of(PLAIN).id == "try_log"
    assert pusher_of({"driver": "try-lines", "endpoint": "/out"}).id == "try-lines"


def test_a_secret_travels_as_the_name_of_a_variable():
    plain = PLAIN | {"credential": {"user": "u", "passwd": "${SHOP_PASSWORD}"}}
    source = source_of(plain, {"SHOP_PASSWORD": "unguessable"})
    assert source.config.credential.passwd == "unguessable"  # noqa: S105 - not one
    assert plain["credential"]["passwd"] == "${SHOP_PASSWORD}"  # noqa: S105 - as above
    assert "unguessable" not in clean("it is unguessable")


@pytest.mark.parametrize(
    ("plain", "error", "says"),
    [
        ({}, ConfigurationProblem, "driver: must be a text"),
        (PLAIN | {"id": 3}, ConfigurationProblem, "id: must be a text"),
        (PLAIN | {"address": "x"}, ConfigurationProblem, "address: "),
        (PLAIN | {"uri": "${NOT_SET}"}, ConfigurationProblem, "needs the environment variable 'NOT_SET'"),
        (PLAIN | {"driver_params": {"more": 1}}, ConfigurationProblem, "driver_params.more"),
        (PLAIN | {"driver": "try_nothing"}, EnvironmentProblem, "No source 'try_nothing' is installed"),
        (PLAIN | {"driver": "try_broken"}, EnvironmentProblem, "does not load"),
    ],
)
def test_what_is_wrong_is_named(plain, error, says):
    with pytest.raises(error, match=says):
        source_of(plain, {})


def test_a_driver_whose_parameters_nobody_else_knows_says_itself_what_is_wrong(monkeypatch):
    def refuse(*_):
        raise ConfigError("Nothing suits me")

    monkeypatch.setattr("fustor_try.lines_pusher.LinesDriver.__init__", refuse)
    with pytest.raises(ConfigError, match="Nothing suits me"):
        pusher_of({"driver": "try_lines", "endpoint": "/out"})


def test_only_the_driver_that_is_asked_for_is_imported(environ):
    code = (
        "import sys; from fustor_driver.engines import source_of; source_of({'driver': 'try_log', 'uri': 'x'});"
        "print([name for name in sys.modules if name.startswith('fustor_source_') or name in ('typer', 'rich')])"
    )
    done = subprocess.run([sys.executable, "-c", code], env=environ, text=True, capture_output=True, check=True)
    assert done.stdout.strip() == "[]"
