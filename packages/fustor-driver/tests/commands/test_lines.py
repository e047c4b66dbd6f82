"""A mistake in a configuration file is named by its line, and one side of a run may come from a file alone."""

import pytest

from fustor_driver.configuration import load
from fustor_driver.errors import ConfigurationProblem

FILE = """sources:
  shop:
    driver: try_log
    uri: {log}
    disabled: false
    driver_params:
      poll_interval_sek: 1
pushers:
  out: {{driver: try_lines, endpoint: out, disabled: false}}
"""


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("sources:\n  s: {driver: d, uri: u}\nsurces: {}", 3),
        ("sources:\n  s:\n    driver: d\n    urj: u\n    uri: u", 4),
        ("sources:\n  s.t:\n    driver: d\n    uri: u\n    max_retries: 0", 5),
        ("sources:\n  ok: {driver: d, uri: u}\n  s:\n    driver: d", 3),
        ("sources:\n  s:\n    driver: d\n    uri: ${NOT_SET_ANYWHERE}", 4),
    ],
)
def test_a_mistake_is_named_by_its_line(text, line, tmp_path):
    file = tmp_path / "f.yaml"
    file.write_text(text)
    with pytest.raises(ConfigurationProblem) as caught:
        load(file)
    (problem,) = caught.value.problems
    assert problem.message.endswith(f" (line {line} of {str(file)!r})")


@pytest.mark.parametrize("command", [("run",), ("read", "try_log"), ("check", "source", "try_log")])
def test_a_parameter_that_a_driver_does_not_know_is_named_beside_the_one_that_was_meant(command, cli, log, tmp_path):
    (tmp_path / "fustor.yaml").write_text(FILE.format(log=log.log))
    result = cli(*command)
    assert result.exit_code == 9
    assert (
        "driver_params.poll_interval_sek: is not a field; did you mean 'poll_interval_sec'? (line 7 of 'fustor.yaml')"
    ) in result.output


def test_one_side_comes_from_the_command_line_and_the_other_from_the_file(cli, log, tmp_path):
    (tmp_path / "fustor.yaml").write_text(FILE.format(log=log.log).replace("sek: 1", "sec: 0.01"))
    log.append("upsert", "/a", 1)
    result = cli("run", "--pusher-driver", "try_lines", "--endpoint", "elsewhere", "--once")
    assert result.exit_code == 0, result.output
    assert list((tmp_path / "elsewhere").iterdir())
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("text", ["", "[]", "3"])
def test_a_file_that_is_not_a_configuration_is_named(text, cli, tmp_path):
    (tmp_path / "other.yaml").write_text(text)
    result = cli("run", "--config", "other.yaml")
    assert result.exit_code == 9
    assert result.stderr == "Error: other.yaml: must be a mapping with `sources` and `pushers`\n"


@pytest.mark.parametrize(
    ("side", "missing"), [("--pusher-driver", "--source-driver with --uri"), ("--source-driver", "--pusher-driver")]
)
def test_one_side_alone_without_a_file_says_what_is_missing(side, missing, cli):
    result = cli("run", side, "try_lines")
    assert result.exit_code == 2
    assert missing in result.stderr


def test_a_setting_of_run_that_is_for_neither_driver_is_not_passed_over(cli, log, tmp_path):
    (tmp_path / "fustor.yaml").write_text(FILE.format(log=log.log).replace("sek: 1", "sec: 0.01"))
    result = cli("run", "--once", "--set", "driver_params.poll_interval_sec=1")
    assert result.exit_code == 2
    assert "begins with 'source.' or 'pusher.'" in result.stderr
