import re

import pytest
from workspaces import answer

from fustor_new.errors import NameRefused, WorkspaceError
from fustor_new.names import derive
from fustor_new.package.metadata import claims
from fustor_new.workspace.drivers import check_directory, check_free, driver_folders
from fustor_new.workspace.finding import find_workspace
from fustor_new.workspace.root import Workspace


def package(root, directory, name, entry_points=""):
    (root / directory).mkdir(parents=True, exist_ok=True)
    (root / directory / "pyproject.toml").write_text(f'[project]\nname = "{name}"\nversion = "1"\n{entry_points}')


def check(workspace, names):
    """Raise NameRefused unless a driver of these names can be created."""
    check_directory(workspace, names.directory)
    check_free(workspace, names.directory, claims(names.distribution, [(names.kind, names.entry_point)]))


@pytest.mark.parametrize("start", [".", "packages", "packages/core", "packages/core/src/x", "docs"])
def test_the_workspace_is_found_from_anywhere_inside(root, start):
    (root / start).mkdir(parents=True, exist_ok=True)
    assert find_workspace(root / start).root == root


def test_no_pyproject_at_all_leads_to_the_choice(tmp_path):
    with pytest.raises(WorkspaceError, match=r"No pyproject\.toml .*; name its root with --workspace DIR$"):
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
    assert "--workspace DIR" in str(refused.value)


BROKEN = {
    "not toml": (b"[tool", "Cannot read"),
    "not utf-8": (b'a = "\xff"', "Cannot read"),
    "members is a string": (b'[tool.uv.workspace]\nmembers = "a"\n', "not a list of strings"),
    "members holds numbers": (b"[tool.uv.workspace]\nmembers = [1]\n", "not a list of strings"),
    "exclude is a table": (b"[tool.uv.workspace.exclude]\n", "not a list of strings"),
    "tool is a string": (b'tool = "x"\n', "not a table"),
    "workspace is a list": (b"[tool.uv]\nworkspace = []\n", "not a table"),
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
        check(Workspace.load(root), derive("source", "my-db"))
    assert repr(directory) in str(refused.value)


def test_a_bare_directory_in_another_spelling_counts(root):
    (root / "extensions/source-My.DB").mkdir(parents=True)
    with pytest.raises(NameRefused, match="another spelling"):
        check(Workspace.load(root), derive("source", "my-db"))


def test_a_listed_member_in_another_spelling_counts_though_it_is_not_there(root):
    text = (
        (root / "pyproject.toml").read_text().replace("members = [", 'members = [\n    "./extensions/source-My.DB/",')
    )
    (root / "pyproject.toml").write_text(text)
    with pytest.raises(NameRefused, match=r"'extensions/source-My\.DB' is the same directory in another spelling"):
        check(Workspace.load(root), derive("source", "my-db"))


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
        check(workspace, derive(kind, name))


def test_drivers_may_be_the_root_the_members_and_what_lies_in_extensions(root):
    package(root, "extensions/source-a", "fustor-source-a")
    (root / "extensions/source-b").mkdir()
    (root / "extensions/.hidden").mkdir()
    workspace = Workspace.load(root)
    found = {workspace.relative(folder): workspace.package(folder) for folder in driver_folders(workspace)}
    assert {directory: said and said.name for directory, said in found.items()} == {
        ".": "",
        "packages/core": "fustor-core",
        "extensions/source-a": "fustor-source-a",
        "extensions/source-b": None,
    }


ODD = {
    "a text as [project]": 'project = "x"\n',
    "a list as [project]": "project = []\n",
    "a number as authors": '[project]\nname = "x"\nauthors = 5\n',
    "a number as name": "[project]\nname = 5\n",
    "a list as entry points": "[project]\nentry-points = []\n",
    "a text as a group": '[project.entry-points]\n"fustor.drivers.sources" = "x"\n',
    "a number as an entry point": '[project.entry-points."fustor.drivers.sources"]\nx = 5\n',
    "a text as [tool]": 'tool = "x"\n',
    "a text as requirements": '[project]\ndependencies = "x"\n',
}
MINE = '[project.entry-points."fustor.drivers.sources"]\nmine = "a:B"\n'


@pytest.mark.parametrize("odd", ODD)
@pytest.mark.parametrize("command", ["list", "doctor", "source kafka --dry-run -q", "register extensions/source-mine"])
def test_a_member_whose_file_says_something_odd_stops_no_command(tmp_path, capsys, odd, command):
    (tmp_path / "pyproject.toml").write_text('[tool.uv.workspace]\nmembers = ["extensions/*"]\n')
    package(tmp_path, "extensions/source-mine", "fustor-source-mine", MINE)
    package(tmp_path, "extensions/odd", "odd")
    (tmp_path / "extensions/odd/pyproject.toml").write_text(ODD[odd])
    assert answer(*command.split(), cwd=tmp_path) in {0, 8}
    capsys.readouterr()


@pytest.mark.parametrize("written", ["redis", "Redis", "re.dis"])
def test_a_name_that_is_taken_is_so_for_every_command(tmp_path, capsys, written):
    (tmp_path / "pyproject.toml").write_text('[tool.uv.workspace]\nmembers = ["extensions/*"]\n')
    point = f'[project.entry-points."fustor.drivers.sources"]\n"{written}" = "a:B"\n'
    package(tmp_path, "extensions/theirs", "theirs", point)
    name = "re-dis" if "." in written else "redis"
    mine = f'[project.entry-points."fustor.drivers.sources"]\n{name} = "a:B"\n'
    package(tmp_path, "packages/mine", "mine", mine)
    for command in (f"source {name} --dry-run", "register packages/mine"):
        assert answer(*command.split(), cwd=tmp_path) == 3
        assert f"holds the source entry point {written!r}" in capsys.readouterr().err
    package(tmp_path, "extensions/mine", "mine", mine)
    assert answer("doctor", cwd=tmp_path) == 8
    assert "W09" in capsys.readouterr().out


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
