"""Files and directories that cannot be used, and numbers that are none, are named before anything starts."""

import json
import logging
import os
import resource
import subprocess
import sys
from pathlib import Path

import pytest
from rich.console import Console

from fustor_driver.commands._live import status_file_look, terminal_look
from fustor_driver.hosts.counters import Progress


def _one_line(result, code, word):
    assert result.exit_code == code, result.output
    lines = [line for line in result.stderr.splitlines() if line]
    assert len(lines) == 1, result.stderr
    assert word in lines[0]


@pytest.mark.parametrize(
    ("option", "word"), [("--state-dir", "state directory"), ("--status", "status cannot be written")]
)
@pytest.mark.parametrize("place", ["file/x", "/proc/no-room/x"])
def test_a_place_that_cannot_be_written_is_named_before_anything_starts(option, word, place, cli, log_options):
    Path("file").touch()
    _one_line(cli("run", *log_options, option, place, "--for", 0.1), 7, word)
    assert not Path("out").exists()


@pytest.mark.parametrize(
    "arguments",
    [["list"], ["explain"], ["discover", "source", "try_log", "--uri", "log"], ["about", "source", "try_log"]],
)
def test_an_output_on_a_full_disk_is_named(arguments, environ, tmp_path):
    with Path("/dev/full").open("w") as full:
        done = _run(arguments, environ, tmp_path, full)
    assert done.stderr.endswith("Error: The output cannot be written: No space left on device\n")
    assert "Traceback" not in done.stderr
    assert done.returncode == 7


def test_a_closed_output_is_nobody_to_print_for(environ, tmp_path):
    done = _run(["about", "source", "try_log"], environ, tmp_path, None, preexec_fn=lambda: os.close(1))
    assert (done.returncode, done.stderr) == (0, "")


def _run(arguments, environ, cwd, stdout, **more):
    command = [sys.executable, "-m", "fustor_driver", *arguments]
    return subprocess.run(
        command, env=environ, cwd=cwd, text=True, stdout=stdout, stderr=subprocess.PIPE, check=False, **more
    )


def test_a_state_directory_on_a_full_disk_is_named_before_anything_starts(environ, log_options, tmp_path):
    """A process that may write no byte into a file meets the same as on a disk that is full."""
    done = subprocess.run(
        [sys.executable, "-m", "fustor_driver", "run", *map(str, log_options), "--for", "0.1"],
        env=environ,
        cwd=tmp_path,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0)),
        text=True,
        capture_output=True,
        check=False,
    )
    assert done.returncode == 7
    assert done.stderr.startswith("Error: The state directory '.fustor' cannot be written: ")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("place", ["pipe", "link"])
def test_the_status_takes_the_place_of_no_device_pipe_or_link(place, cli, log_options):
    """As root, it would take that of `/dev/null`."""
    os.mkfifo("pipe")
    Path("link").symlink_to("pipe")
    before = Path(place).lstat()
    _one_line(cli("run", *log_options, "--status", place, "--for", 0.1), 7, "not a regular file")
    assert Path(place).lstat().st_ino == before.st_ino
    assert not Path("out").exists()


@pytest.mark.parametrize("place", ["missing/x", "/proc/x"])
def test_a_recording_that_cannot_be_written_is_named(place, cli, log):
    _one_line(cli("record", "try_log", "--uri", log.log, "--to", place, "--for", 0.1), 7, "recording cannot be written")


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("sources: &a [*a]", "holds itself"),
        ("sources: &a {s: *a}", "holds itself"),
        ("sources: " + "[" * 300 + "]" * 300, "nested"),
        ("sources: " + "[" * 5000, "nested"),
        ("sources: {s: {credential: {user: u, passwd: 2020-13-45}}}", "line 1, column"),
        ("a: !!int x", "line 1"),
        ("? [a]\n: b", "line 1, column 3"),
        ("a: b\n---\nc: d", "line 2"),
        (
            "a0: &a0 [x, x]\n" + "".join(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, 12)),
            "aliases",
        ),
        (
            "a0: &a0 {x: y}\n"
            + "".join(f"a{n}: &a{n} {{<<: [{', '.join([f'*a{n - 1}'] * 9)}]}}\n" for n in range(1, 12)),
            "aliases",
        ),
        ("x: " + "y" * 1_200_000, "longer than"),
    ],
)
def test_a_file_that_cannot_be_taken_for_what_it_says_is_named_at_once(text, word, cli, tmp_path):
    (tmp_path / "fustor.yaml").write_text(text)
    _one_line(cli("check", "source", "try_log"), 9, word)


def test_aliases_are_fine_as_they_are_meant(cli, log, tmp_path):
    (tmp_path / "fustor.yaml").write_text(
        f"sources:\n  s: &s {{driver: try_log, uri: {log.log}}}\n  t: {{<<: *s, max_retries: 3}}\n"
    )
    assert cli("check", "source", "try_log", "--id", "t", "--only", "connection").exit_code == 0


@pytest.mark.parametrize("value", ["nan", "inf", "-inf"])
@pytest.mark.parametrize("option", ["--for", "--audit-interval", "--stop-timeout", "--status-interval"])
def test_a_number_of_seconds_that_is_none_is_a_usage_error(option, value, cli, log_options):
    assert cli("run", *log_options, f"{option}={value}").exit_code == 2


@pytest.mark.parametrize("value", [".inf", ".nan", "-.inf", "0", "1e308"])
def test_a_delay_that_is_none_is_named(value, cli):
    result = cli("check", "source", "try_log", "--uri", "x", "--set", f"retry_delay_sec={value}")
    _one_line(result, 9, "retry_delay_sec")


def test_a_status_file_that_cannot_be_written_is_said_once_and_tried_again(tmp_path, caplog):
    place = tmp_path / "there"
    place.mkdir()
    look = status_file_look(place / "status.json")
    look([Progress("t").status()])
    place.rename(tmp_path / "away")
    for _ in range(3):
        look([Progress("t").status()])
    (tmp_path / "away").rename(place)
    look([Progress("later").status()])
    assert json.loads((place / "status.json").read_text())["task_id"] == "later"
    assert [record.levelno for record in caplog.records] == [logging.WARNING] * 2
    assert [file.name for file in place.iterdir()] == ["status.json"]


@pytest.mark.parametrize("text", ["[/x]", "[bold", "[link=x]a[/link]", "]"])
def test_markup_in_names_and_errors_does_not_break_the_live_table(text, capsys):
    progress = Progress(text)
    progress.retries, progress.last_error = 1, text
    with terminal_look(Console(stderr=True, force_terminal=True)) as look:
        look([progress.status()])
        logging.getLogger("fustor_driver.host").warning("%s", text)
    assert text in capsys.readouterr().err


def listed_beside(name, environ, place):
    """What `list` says where a distribution of this name, in the version of an agent's, is found first."""
    about = place / f"{name.replace('-', '_')}-0.8.17.dist-info"
    about.mkdir()
    (about / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 0.8.17\n")
    return subprocess.run(
        [sys.executable, "-m", "fustor_driver", "list"],
        env=environ | {"PYTHONPATH": os.pathsep.join((str(place), environ["PYTHONPATH"]))},
        text=True,
        capture_output=True,
        check=False,
    )


@pytest.mark.parametrize("name", ["fustor-core", "fustor-event-model"])
def test_an_agents_packages_are_named_instead_of_a_failing_import(name, environ, tmp_path):
    done = listed_beside(name, environ, tmp_path)
    assert done.returncode == 7
    assert done.stderr.startswith(f"Error: {name} 0.8.17 is installed here, and fustor-driver needs {name}>=1; ")
    assert len(done.stderr.splitlines()) == 1


def test_an_agent_beside_the_contracts_core_is_warned_of(environ, tmp_path):
    done = listed_beside("fustor-agent", environ, tmp_path)
    assert done.returncode == 0
    assert done.stderr.startswith("Warning: fustor-agent 0.8.17 does not start beside the fustor-core that is")
