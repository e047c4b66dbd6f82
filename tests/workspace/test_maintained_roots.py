"""Root files as maintainers keep them, members and all: what is added is what one of them would have typed."""

import re
import shutil
import subprocess
import tomllib
from pathlib import Path

import pytest
from root_shapes import VARIANTS, before_and_after

from fustor_new.changes.patch import as_patch
from fustor_new.workspace.registration import Registration, register
from fustor_new.workspace.root import Workspace
from fustor_new.workspace.root_file import plan_in
from fustor_new.workspace.unregistration import unregister

REDIS = ("extensions/source-redis", "fustor-source-redis")
KAFKA = ("extensions/pusher-kafka", "fustor-pusher-kafka")


def _read():
    text = (Path(__file__).parent / "maintained_roots.txt").read_text(encoding="utf-8")
    parts = re.split(r"^=== (.*)\n@ ?(.*)\n", text, flags=re.MULTILINE)
    triples = zip(parts[1::3], parts[2::3], parts[3::3], strict=True)
    return {name: (members.split(), re.sub(r"⟧\n\Z", "⟧", shape)) for name, members, shape in triples}


SHAPES = _read()


def make(root, name, variant="as is"):
    """Write the shape and its members, and return its bytes before and after."""
    members, shape = SHAPES[name]
    for one in members:
        directory = one.removesuffix("!")
        managed = "" if directory == one else "[tool.uv]\nmanaged = false\n"
        (root / directory).mkdir(parents=True)
        text = f'[project]\nname = "{directory.rpartition("/")[2]}"\nversion = "1"\n{managed}'
        (root / directory / "pyproject.toml").write_text(text)
    before, after = before_and_after(shape, variant)
    (root / "pyproject.toml").write_bytes(before)
    return before, after


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("name", SHAPES)
def test_it_is_what_a_maintainer_would_have_typed_and_comes_out_again(tmp_path, name, variant):
    before, after = make(tmp_path, name, variant)
    assert register(Workspace.parse(tmp_path, before), *REDIS).decode() == after.decode()
    assert register(Workspace.parse(tmp_path, after), *REDIS) == after
    assert unregister(Workspace.parse(tmp_path, after), *REDIS).decode() == before.decode()


@pytest.mark.parametrize("name", SHAPES)
def test_two_drivers_come_and_go_in_either_order(tmp_path, name):
    before, _ = make(tmp_path, name)
    full = before
    for driver in (REDIS, KAFKA):
        full = register(Workspace.parse(tmp_path, full), *driver)
    for order in ((REDIS, KAFKA), (KAFKA, REDIS)):
        left = full
        for driver in order:
            left = unregister(Workspace.parse(tmp_path, left), *driver, keep_table=True)
        assert left.decode() == before.decode(), order


@pytest.mark.parametrize("name", SHAPES)
def test_whatever_is_required_by_name_has_a_source(tmp_path, name):
    _, after = make(tmp_path, name)
    data = tomllib.loads(after.decode())
    if "fustor-source-redis" in str(data.get("project", {})) + str(data.get("dependency-groups", {})):
        assert data["tool"]["uv"]["sources"]["fustor-source-redis"] == {"workspace": True}


@pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed")
@pytest.mark.parametrize("name", list(SHAPES)[::6])
def test_the_patch_of_a_dry_run_makes_the_same_bytes(tmp_path, name):
    _, after = make(tmp_path, name)
    plan = plan_in(Workspace.load(tmp_path), registrations=[Registration(*REDIS)])
    if plan.changes:
        command = ["git", "apply", "-p1", "-"]
        subprocess.run(command, cwd=tmp_path, input=as_patch(plan), check=True, capture_output=True)
    assert (tmp_path / "pyproject.toml").read_bytes() == after


def test_there_are_at_least_forty():
    assert len(SHAPES) >= 40
