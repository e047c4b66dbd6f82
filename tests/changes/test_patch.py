"""The patch of a plan, applied by the real git, equals the run."""

import base64
import json
import shutil
import subprocess

import pytest

from fustor_new.changes.apply import apply
from fustor_new.changes.content import FileContent, Tree
from fustor_new.changes.patch import JSON_SCHEMA_VERSION, as_json, as_patch, patch_base
from fustor_new.changes.plan import Change, Plan
from fustor_new.workspace.registration import Registration
from fustor_new.workspace.root import Workspace
from fustor_new.workspace.root_file import plan_in

pytestmark = pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed")

ODD_FILES = {
    "empty": b"",
    "src/empty too": b"",
    "one": b"one line\n",
    "no end": b"a\nb",
    "only newline": b"\n",
    "crlf.txt": b"a\r\nb\r\n",
    "lone cr": b"a\rb\nc\r",
    "form feed": b"a\x0cb\x0bc\n\x85\xe2\x80\xa8d\n",
    "blank end \t": b"trailing \t \n\n\n",
    "looks like a patch": b"--- a/x\n+++ b/x\n@@ -1 +1 @@\n-a\n+b\n\\ No newline at end of file\n",
    "bytes": bytes(range(1, 256)) * 3,
    "nul": b"\x00a\x00\n\x00",
    'quo"te\\and\ttab': b"x",
    "naïve/源/🌳": "naïve 源 🌳\n".encode(),
    "-dash": b"x\n",
    ".hidden/.file": b"x\n",
}
ROOTS = {
    "lines": '[tool.uv.workspace]\nmembers = [\n    "a",\n]\n',
    "CRLF": '[tool.uv.workspace]\r\nmembers = [\r\n    "a",\r\n]\r\n',
    "BOM, no end": '\ufeff[tool.uv.workspace]\nmembers = ["a"]',
    "no table": '[project]\nname = "r"\nversion = "1"',
    "far apart": '[tool.uv.workspace]\nmembers = [\n    "a",\n]\n'
    + "# filler\n" * 20
    + "[tool.uv.sources]\na = { workspace = true }\n",
}


def odd_plan(root):
    files = {name: FileContent(data, 0o755 if name == "one" else 0o644) for name, data in ODD_FILES.items()}
    changes = [Change(root / f"extensions/source-{name}", None, Tree(files)) for name in ("redis", "x-1")]
    registrations = [Registration(f"extensions/source-{name}", f"fustor-source-{name}") for name in ("redis", "x-1")]
    return plan_in(Workspace.load(root), changes, registrations=registrations)


def git(folder, *arguments, **options):
    environment = {"PATH": "/usr/bin:/bin", "HOME": str(folder), "GIT_CONFIG_NOSYSTEM": "1"}
    return subprocess.run(["git", *arguments], cwd=folder, env=environment, check=True, capture_output=True, **options)


@pytest.mark.parametrize("shape", ROOTS)
@pytest.mark.parametrize("place", ["top of git", "below the top of git", "no git"])
def test_git_apply_of_the_patch_equals_the_run(tmp_path, snapshot, place, shape):
    worlds = []
    for name in ("run", "patched"):
        top = tmp_path / name
        root = top / "sub dir" if place == "below the top of git" else top
        root.mkdir(parents=True)
        (root / "pyproject.toml").write_bytes(ROOTS[shape].encode())
        (root / "pyproject.toml").chmod(0o600)
        if place != "no git":
            git(top, "init", "-q")
        worlds.append((top, root))
    (ran, ran_root), (patched, patched_root) = worlds
    plan = odd_plan(patched_root)
    before = snapshot(patched)
    patch = as_patch(plan)
    assert snapshot(patched) == before
    assert patch_base(plan) == patched
    git(patched, "apply", "-", input=patch)
    git_mode = (patched_root / "pyproject.toml").stat().st_mode  # git keeps no more of a mode than its executable bit
    (patched_root / "pyproject.toml").chmod(0o600)
    assert git_mode & 0o100 == 0
    apply(odd_plan(ran_root))
    assert snapshot(patched) == snapshot(ran)


def test_a_plan_without_changes_is_an_empty_patch(root, plan_for):
    apply(plan_for(root, "redis"))
    assert as_patch(plan_for(root, "redis")) == b""


def test_a_linked_root_file_is_patched_where_it_really_is(root, plan_for, tmp_path, snapshot):
    (root / "config").mkdir()
    (root / "pyproject.toml").rename(root / "config/real.toml")
    (root / "pyproject.toml").symlink_to("config/real.toml")
    shutil.copytree(root, tmp_path / "patched", symlinks=True)
    git(tmp_path / "patched", "apply", "-", input=as_patch(plan_for(root, "redis")))
    apply(plan_for(root, "redis"))
    assert snapshot(tmp_path / "patched") == snapshot(root)


def test_a_target_outside_the_working_tree_moves_the_base_up(root, tmp_path):
    git(root, "init", "-q")
    plan = Plan(root, (Change(tmp_path / "beside", None, Tree({"x": FileContent(b"x")})),))
    assert patch_base(plan) == tmp_path
    git(tmp_path, "apply", "-", input=as_patch(plan))
    assert (tmp_path / "beside/x").read_bytes() == b"x"


def test_json_carries_the_same_plan(root):
    plan = odd_plan(root)
    data = json.loads(as_json(plan))
    assert data["schema"] == JSON_SCHEMA_VERSION
    assert data["base"] == str(root)
    created = {
        file["path"]: (base64.b64decode(file["base64"]) if "base64" in file else file["text"].encode(), file["mode"])
        for file in data["created"]
    }
    expected = {
        f"extensions/source-{name}/{path}": (content, "100755" if path == "one" else "100644")
        for name in ("redis", "x-1")
        for path, content in ODD_FILES.items()
    }
    assert created == expected
    (edited,) = data["edited"]
    assert (edited["path"], edited["before"]["text"]) == ("pyproject.toml", (root / "pyproject.toml").read_text())
    assert edited["after"]["text"].encode() == plan.changes[-1].after.data
    assert data["notes"] == list(plan.notes)


def test_what_is_no_text_is_edited_and_removed_as_git_writes_it(tmp_path):
    old, new = bytes(range(256)) * 9, b"\0" + bytes(range(255, -1, -1)) * 5
    for name in ("edited", "removed"):
        (tmp_path / name).write_bytes(old)
    changes = (
        Change(tmp_path / "edited", FileContent(old), FileContent(new)),
        Change(tmp_path / "removed", FileContent(old), None),
    )
    patch = as_patch(Plan(tmp_path, changes))
    assert patch.isascii()
    assert patch.count(b"GIT binary patch\n") == 2
    git(tmp_path, "apply", "-", input=patch)
    assert (tmp_path / "edited").read_bytes() == new
    assert not (tmp_path / "removed").exists()
    git(tmp_path, "apply", "--reverse", "-", input=patch)
    assert (tmp_path / "edited").read_bytes() == (tmp_path / "removed").read_bytes() == old
