"""Both commands in a directory that is not there any more."""

import subprocess

import pytest
from workspaces import FUSTOR_NEW


@pytest.mark.parametrize(
    ("command", "arguments"),
    [
        ("fustor-new", ["source", "redis"]),
        ("fustor-new", ["list"]),
        ("fustor-new", ["remove", "source-redis"]),
        ("fustor-new", ["doctor"]),
        ("fustor-new", ["adopt", "."]),
        ("fustor-new", ["update", "--all"]),
        ("fustor-driver", ["list"]),
        ("fustor-driver", ["conform", "source", "example", "C01"]),
    ],
)
def test_one_line_says_that_the_directory_is_gone(command, arguments, tmp_path):
    (tmp_path / "gone").mkdir()
    script = 'rmdir "$PWD" && exec "$@"'
    done = subprocess.run(
        ["sh", "-c", script, "sh", FUSTOR_NEW.with_name(command), *arguments],
        cwd=tmp_path / "gone",
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (7, "")
    assert done.stderr.count("\n") == 1
    assert "The current directory is gone; change to one that exists" in done.stderr
