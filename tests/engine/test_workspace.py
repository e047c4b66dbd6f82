import re

import pytest
from workspaces import answer

from fustor_new.errors import NameRefused, WorkspaceError
from fustor_new.names import derive
from fustor_new.workspace.root import Workspace, find_workspace


def package(root, directory, name, entry_points=""):
    (root / directory).mkdir(parents=True, exist_ok=True)
    (root / directory / "pyproject.toml").write_text(f'[project]\nname = "{name}"\nversion = "1"\n{entry_points}')


@pytest.mark.parametrize("start", [".", "packages", "packages/core", "packages/core/src/x", "docs"])
def test_the_workspace_is_found_from_anywhere_inside(root, start):
    (root / start).mkdir(parents=True, exist_ok=True)
    assert find_workspace(root / start).root == root


def test_no_pyproject_at_all_leads_to_the_choice(tmp_path):
    with pytest.raises(WorkspaceError, match=r"No pyproject\.toml .* --standalone .* --workspace DIR"):
        find_workspace(tmp_path)


@pytest.mark.parametrize("where", ["alone", "beside the members", "in another project"])
def test_a_project_of_no_workspace_leads_to_the_choice(root, tmp_path, where):
    start = {"alone": tmp_path / "alone", "beside the members": root / "example", "in another project": root / "a/b"}[
        where
    ]
    package(start, ".", "own")
    if where == "in another project":
        package(root / "a", ".", "outer")
    with pytest.raises(WorkspaceError, match=re.escape(repr(str(start / "pyproject.toml")))) as refused:
        find_workspace(start)
    assert "--standalone" in str(refused.value)


BROKEN = {
    "not toml": (b"[tool", "Cannot read"),
    "not utf-8": (b'a = "\xff"', "Cannot read"),
    "members is a string": (b'[tool.uv.workspace]\nmembers = "a"\n', "no list of strings"),
    "members holds numbers": (b"[tool.uv.workspace]\nmembers = [1]\n", "no list of strings"),
    "exclude is a table": (b"[tool.uv.workspace.exclude]\n", "no list of strings"),
    "tool is a string": (b'tool = "x"\n', "no table"),
    "workspace is a list": (b"[tool.uv]\nworkspace = []\n", "no table"),
    "bad pattern": (b'[tool.uv.workspace]\nmembers = ["a**"]\n', "bad pattern"),
    "three stars": (b'[tool.uv.workspace]\nmembers = ["a/***"]\n', "bad pattern"),
    "open bracket": (b'[tool.uv.workspace]\nexclude = ["a/[b"]\n', "bad pattern"),
    "separator in brackets": (b'[tool.uv.workspace]\nmembers = ["a[/]b"]\n', "bad pattern"),
    "unmanaged": (b"[tool.uv]\nmanaged = false\n[tool.uv.workspace]\n", "managed = false"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_an_unreadable_root_is_refused_in_one_line_that_names_it(tmp_path, name):
    text, reason = BROKEN[name]
    (tmp_path / "pyproject.toml").write_bytes(text)
    with pytest.raises(WorkspaceError, match=re.escape(reason)) as refused:
        find_workspace(tmp_path)
    assert repr(str(tmp_path / "pyproject.toml")) in str(refused.value)
    assert "\n" not in str(refused.value)


def test_a_missing_root_is_refused(tmp_path):
    with pytest.raises(WorkspaceError, match="No such file or directory"):
        Workspace.load(tmp_path)


def test_a_byte_order_mark_is_no_obstacle(tmp_path):
    (tmp_path / "pyproject.toml").write_bytes(b'\xef\xbb\xbf[tool.uv.workspace]\nmembers = ["a"]\n')
    assert find_workspace(tmp_path).members == ("a",)


CLASHES = {
    "directory": ("extensions/source-my_db", "unrelated", "", "the same directory in another spelling"),
    "distribution": ("packages/other", "Fustor.Source_My-DB", "", "holds the distribution 'Fustor.Source_My-DB'"),
    "entry point": (
        "extensions/other",
        "other",
        '[project.entry-points."fustor.drivers.sources"]\nMy-Db = "a:B"\n',
        "holds the source entry point 'My-Db'",
    ),
    "entry point for the agents alone": (
        "extensions/other",
        "other",
        '[project.entry-points."fustor_agent.drivers.sources"]\nMy-Db = "a:B"\n',
        "holds the source entry point 'My-Db'",
    ),
}


@pytest.mark.parametrize("kind", CLASHES)
def test_a_driver_that_is_there_in_another_spelling_is_refused(root, kind):
    directory, name, entry_points, reason = CLASHES[kind]
    package(root, directory, name, entry_points)
    text = (root / "pyproject.toml").read_text().replace("members = [", 'members = [\n    "packages/other",')
    (root / "pyproject.toml").write_text(text)
    with pytest.raises(NameRefused, match=re.escape(reason)) as refused:
        Workspace.load(root).check_free(derive("source", "my-db"))
    assert repr(directory) in str(refused.value)


def test_a_bare_directory_in_another_spelling_counts(root):
    (root / "extensions/source-My.DB").mkdir(parents=True)
    with pytest.raises(NameRefused, match="another spelling"):
        Workspace.load(root).check_free(derive("source", "my-db"))


def test_a_listed_member_in_another_spelling_counts_though_it_is_not_there(root):
    text = (
        (root / "pyproject.toml").read_text().replace("members = [", 'members = [\n    "./extensions/source-My.DB/",')
    )
    (root / "pyproject.toml").write_text(text)
    with pytest.raises(NameRefused, match=r"'extensions/source-My\.DB' is the same directory in another spelling"):
        Workspace.load(root).check_free(derive("source", "my-db"))


def test_the_same_driver_again_and_others_beside_it_are_free(root):
    package(
        root,
        "extensions/source-my-db",
        "fustor-source-my-db",
        '[project.entry-points."fustor.drivers.sources"]\nmy_db = "a:B"\n',
    )
    package(
        root, "extensions/pusher-x", "fustor-pusher-x", '[project.entry-points."fustor.drivers.pushers"]\nx = "a:B"\n'
    )
    workspace = Workspace.load(root)
    for kind, name in (("source", "my-db"), ("source", "x"), ("pusher", "my-db"), ("source", "my-db2")):
        workspace.check_free(derive(kind, name))


def test_existing_drivers_are_the_members_and_what_lies_in_extensions(root):
    package(root, "extensions/source-a", "fustor-source-a")
    (root / "extensions/source-b").mkdir()
    (root / "extensions/.hidden").mkdir()
    found = {driver.directory: driver.distribution for driver in Workspace.load(root).existing_drivers()}
    assert found == {
        "packages/core": "fustor-core",
        "extensions/source-a": "fustor-source-a",
        "extensions/source-b": "",
    }


@pytest.mark.parametrize(
    "pattern", [r"x\u0000y", r"x\u0000y/*", r"../x\u0000/**", "a" * 5000, "a/" * 3000 + "b", "a/" * 3000 + "*"]
)
@pytest.mark.parametrize("command", ["list", "doctor", "source kafka --dry-run -q"])
def test_a_member_that_no_path_can_be_is_one_that_is_not_there(tmp_path, capsys, pattern, command):
    text = f'[tool.uv.workspace]\nmembers = ["extensions/*", "{pattern}"]\n'
    (tmp_path / "pyproject.toml").write_text(text)
    package(tmp_path, "extensions/source-redis", "fustor-source-redis")
    assert answer(*command.split(), cwd=tmp_path) in {0, 8}
    capsys.readouterr()
