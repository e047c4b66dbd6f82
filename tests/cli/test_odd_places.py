"""Places that no directory can be at, or that this user may not enter: one line says so, and nothing is written."""

import json
import subprocess
import sys

import pytest
from trees import contents
from users import BOUND_BY_RIGHTS, lose_home
from workspaces import small

from fustor_new.cli import run
from fustor_new.errors import EXIT_CODES

COMMANDS = [
    ["source", "x", "--contract-source"],
    ["source", "x", "--output"],
    ["source", "x", "--workspace"],
    ["pusher", "x", "--standalone", "--output"],
    ["pusher", "x", "--standalone", "--contract-source"],
    ["update", "--contract-source"],
    ["update"],
    ["remove"],
    ["register"],
    ["unregister"],
    ["adopt"],
    ["adopt", ".", "--contract-source"],
    ["doctor"],
    ["doctor", "--workspace"],
    ["list", "--workspace"],
]
PLACES = {
    "a name too long": "é" * 300,
    "a path too long": "/".join(["a" * 200] * 30),
    "a loop of symlinks": "loop",
    "below a loop of symlinks": "loop/below",
    "below a file": "file/below",
    "below a device": "/dev/null/below",
}
RUN = "import json, sys; from fustor_new.cli import run; print(*[run(one) for one in json.loads(sys.argv[1])])"


@pytest.fixture
def root(tmp_path, monkeypatch):
    root = small(tmp_path / "workspace")
    (root / "loop").symlink_to("loop")
    (root / "file").touch()
    monkeypatch.chdir(root)
    return root


@pytest.mark.parametrize("place", PLACES)
def test_a_place_that_cannot_be_is_refused_in_one_line(root, place, capfd):
    before = contents(root)
    for command in COMMANDS:
        code = run([*command, PLACES[place]])
        err = capfd.readouterr().err
        assert code in EXIT_CODES.keys() - {0, 1}, (command, err)
        assert err.startswith("Error: "), (command, err)
        assert err.count("\n") == 1, (command, err)
    assert contents(root) == before


def test_a_directory_that_is_closed_to_this_user_is_refused(root):
    before = contents(root)
    (root / "closed").mkdir(mode=0)
    commands = [[*command, place] for command in COMMANDS for place in ("closed", "closed/below")]
    said = [*BOUND_BY_RIGHTS, sys.executable, "-c", RUN, json.dumps(commands)]
    done = subprocess.run(said, cwd=root, capture_output=True, text=True, check=True)
    (root / "closed").rmdir()
    assert set(map(int, done.stdout.split())) <= EXIT_CODES.keys() - {0, 1}, done.stderr
    assert sum(line.startswith("Error: ") for line in done.stderr.splitlines()) == len(commands), done.stderr
    assert contents(root) == before


@pytest.mark.usefixtures("root")
@pytest.mark.parametrize("place", ["~nobody-has-this-name", "~nobody-has-this-name/checkout"])
def test_the_home_of_a_user_that_is_not_there_holds_no_contract_packages(place, capfd):
    assert run(["source", "x", "--contract-source", place]) == 2
    assert f"Error: Directory {place!r} holds no packages/fustor-core" in capfd.readouterr().err


@pytest.fixture
def no_home(monkeypatch):
    lose_home(monkeypatch)


@pytest.mark.usefixtures("root", "no_home")
def test_without_a_home_directory_nothing_is_begun(tmp_path, capfd):
    before = contents(tmp_path)
    assert run(["source", "x", "--standalone", "--output", str(tmp_path / "new")]) == 7
    err = capfd.readouterr().err
    assert "No home directory to note in what is to be done; nothing was changed, set XDG_STATE_HOME" in err
    assert contents(tmp_path) == before


@pytest.mark.usefixtures("no_home")
@pytest.mark.parametrize("command", ["list", "doctor"])
def test_without_a_home_directory_a_workspace_can_be_looked_at(root, command):
    (root / ".git").mkdir()
    (root / ".git/HEAD").write_text("ref: refs/heads/main\n")
    assert run([command]) == 0


@pytest.mark.usefixtures("root", "no_home")
def test_with_a_place_for_notes_no_home_directory_is_needed(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    assert run(["source", "x", "--standalone", "--no-git", "--output", str(tmp_path / "new")]) == 0
    assert (tmp_path / "new/fustor-source-x/pyproject.toml").is_file()
