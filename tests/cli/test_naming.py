"""Every command takes a driver by name, in any spelling that somebody may write, and knows other tools' words."""

from pathlib import Path

import pytest
from repository import ROOT
from workspaces import fustor_new, small

from fustor_new.errors import NameRefused, UsageProblem
from fustor_new.names import check_name, plain_name
from fustor_new.workspace.naming import driver_directory, driver_paths

pytestmark = pytest.mark.wide

REDIS = "extensions/source-redis"


@pytest.fixture(scope="session")
def workspace(tmp_path_factory):
    """Return a workspace with three drivers, two of one name; no test changes it."""
    root = small(tmp_path_factory.mktemp("naming") / "workspace")
    for kind, name in (("source", "redis"), ("source", "my-db"), ("pusher", "my-db")):
        done = fustor_new(kind, name, "--contract-source", ROOT, "-q", cwd=root)
        assert done.returncode == 0, done.stderr
    return root


@pytest.mark.parametrize(
    ("kind", "written", "meant"),
    [
        ("source", "redis", "redis"),
        ("source", "fustor-source-redis", "redis"),
        ("source", "fustor_source_redis", "redis"),
        ("source", "source-redis", "redis"),
        ("source", "fustor_source_my_db", "my-db"),
        ("pusher", "fustor-pusher-my-db", "my-db"),
        ("pusher", "pusher_kafka", "kafka"),
        ("source", "resource-x", "resource-x"),
        ("source", "fustor-x", "fustor-x"),
        ("source", "source", "source"),
        ("source", "Redis", "redis"),
        ("source", "MyDb", "my-db"),
        ("source", "my_db", "my-db"),
        ("source", "PostgreSQL", "postgresql"),
        ("pusher", "Fustor.Pusher_My--DB_", "my-db"),
    ],
)
def test_a_full_name_is_understood(kind, written, meant):
    assert plain_name(kind, written) == meant
    assert plain_name(kind, meant) == meant


@pytest.mark.parametrize("written", ["fustor-source-redis", "source-redis", "fustor_source_redis"])
def test_the_full_name_of_the_other_kind_is_refused_with_the_command_that_makes_it(written):
    with pytest.raises(NameRefused, match="run 'fustor-new source redis' for that"):
        plain_name("pusher", written)


@pytest.mark.parametrize("written", ["redis,kafka", "redis, kafka", "redis,kafka,"])
def test_names_with_commas_are_to_be_written_apart(written):
    with pytest.raises(NameRefused, match="has commas; write several names apart: redis kafka"):
        check_name(written)


def test_a_full_name_makes_the_driver_that_it_names(workspace):
    done = fustor_new("source", "fustor_source_new", "--contract-source", ROOT, "--dry-run", cwd=workspace)
    assert done.returncode == 0, done.stderr
    assert "extensions/source-new/pyproject.toml" in done.stdout
    assert "source-fustor" not in done.stdout


@pytest.mark.parametrize("written", ["source-redis", "fustor-source-redis", "fustor_source_redis", "redis", REDIS])
def test_a_driver_is_found_by_any_of_its_names(workspace, monkeypatch, written):
    monkeypatch.chdir(workspace)
    assert driver_directory(written) == workspace / REDIS
    assert (workspace / driver_paths([Path(written)])[0]).resolve() == workspace / REDIS
    monkeypatch.chdir(workspace / "extensions")
    assert written == REDIS or driver_directory(written) == workspace / REDIS


def test_a_name_of_two_drivers_is_refused_and_the_kind_tells_them_apart(workspace, monkeypatch):
    monkeypatch.chdir(workspace)
    for find in (driver_directory, lambda name: driver_paths([Path(name)])):
        with pytest.raises(UsageProblem, match=r"'my-db' means .* and .*; write the path of one"):
            find("my-db")
    assert driver_directory("pusher-my-db") == workspace / "extensions/pusher-my-db"


def test_a_path_is_a_path_though_a_driver_has_that_name(workspace, monkeypatch):
    monkeypatch.chdir(workspace)
    (workspace / "elsewhere").mkdir(exist_ok=True)
    paths = [Path("elsewhere"), Path("elsewhere/redis"), Path("../redis"), Path(), Path("nothing-like-it")]
    assert driver_paths(paths) == paths


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("update", "source-redis"), "is of template"),
        (("doctor", "source-redis"), ""),
        (("register", "redis", "--dry-run"), ""),
        (("unregister", "fustor-source-redis", "--dry-run"), ""),
        (("remove", "redis", "--dry-run"), "--- a/extensions/source-redis"),
    ],
    ids=lambda value: value[0] if isinstance(value, tuple) else "",
)
def test_every_command_takes_a_name(workspace, arguments, said):
    done = fustor_new(*arguments, cwd=workspace)
    assert done.returncode == 0, done.stderr
    assert said in done.stdout


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("list",), "source-redis"),
        (("doctor",), "3 packages examined"),
        (("doctor", "redis"), "1 package examined"),
        (("update", "redis"), "is of template"),
        (("update", "--all"), "is of template"),
        (("register", "redis", "--dry-run"), ""),
        (("unregister", REDIS, "--dry-run"), ""),
        (("remove", "redis", "--dry-run"), "--- a/extensions/source-redis"),
        (("adopt", "redis"), "Nothing to do"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_every_command_is_told_the_workspace_and_to_ask_nothing_as_creation_is(workspace, tmp_path, arguments, said):
    done = fustor_new(*arguments, "--workspace", workspace, "-y", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert said in done.stdout
    assert fustor_new(*arguments, "--workspace", tmp_path, cwd=workspace).returncode == 5


@pytest.mark.parametrize(
    ("arguments", "advice"),
    [
        (["source", "redis"], "use --standalone for a package of its own, or --workspace DIR to name the root"),
        (["list"], "name its root with --workspace DIR"),
        (["doctor"], "name its root with --workspace DIR"),
        (["update", "--all"], "name its root with --workspace DIR"),
        (["remove", "redis"], "name the root of its workspace with --workspace DIR"),
    ],
)
def test_outside_of_a_workspace_only_what_the_command_has_is_advised(tmp_path, arguments, advice):
    done = fustor_new(*arguments, cwd=tmp_path)
    assert done.returncode in {2, 5}
    assert done.stderr.endswith(f"; {advice}\n")


@pytest.mark.parametrize("written", ["source-redis", "redis", "fustor-source-redis"])
def test_a_driver_with_the_marks_of_a_conflict_in_its_metadata_is_found_by_name(tmp_path, monkeypatch, written):
    root = small(tmp_path / "workspace")
    broken = root / REDIS
    broken.mkdir(parents=True)
    (broken / "pyproject.toml").write_text("<<<<<<< yours\n=======\n>>>>>>> template\n")
    monkeypatch.chdir(root)
    assert driver_directory(written) == broken
    assert driver_paths([Path(written)]) == [broken]


def test_what_is_neither_a_driver_nor_a_directory_is_called_so(workspace):
    done = fustor_new("update", "nothing-like-it", cwd=workspace)
    assert done.returncode == 2
    assert "'nothing-like-it' is neither a driver here nor a directory; `fustor-new list` shows" in done.stderr


@pytest.mark.parametrize("command", ["update", "doctor", "register", "unregister", "remove"])
@pytest.mark.parametrize("written", ["source-rediss", "redos", "Fustor-Source-Reddis"])
def test_nearly_a_name_is_answered_with_the_name(workspace, command, written):
    done = fustor_new(command, written, cwd=workspace)
    assert done.returncode == 2
    assert f"No driver {written!r} is here; did you mean 'source-redis'?" in done.stderr


@pytest.mark.parametrize(
    ("word", "ours"),
    [
        ("create", "fustor-new source NAME"),
        ("new", "fustor-new source NAME"),
        ("add", "fustor-new pusher NAME"),
        ("init", "fustor-new pusher NAME"),
        ("rm", "fustor-new remove NAME"),
        ("delete", "fustor-new remove NAME"),
        ("help", "fustor-new --help"),
        ("version", "fustor-new --version"),
    ],
)
def test_the_word_of_another_tool_is_answered_with_ours(tmp_path, word, ours):
    done = fustor_new(word, "x", cwd=tmp_path)
    assert done.returncode == 2
    assert ours in done.stderr
