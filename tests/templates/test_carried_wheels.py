"""fustor-new has the wheels of the contract packages in it, built from the tree that it was built from itself."""

import io
import shutil
import subprocess
import sys
import tarfile
import zipfile
from importlib.metadata import version

import pytest
from installations import Installation
from repository import ROOT
from workspaces import environment

from fustor_new.template.contract_source import CONTRACT_PACKAGES
from fustor_new.template.wheels import contract_wheels


def run(*command, cwd):
    done = subprocess.run(command, cwd=cwd, env=environment(), capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{' '.join(map(str, command))}\n{done.stdout}{done.stderr}"
    return done.stdout


def test_a_checkout_builds_them_from_its_packages():
    names = [f"{name.replace('-', '_')}-{version(name)}-py3-none-any.whl" for name in CONTRACT_PACKAGES]
    assert sorted(contract_wheels()) == sorted(names)
    core = zipfile.ZipFile(io.BytesIO(contract_wheels()[names[CONTRACT_PACKAGES.index("fustor-core")]]))
    source = ROOT / "packages/fustor-core/src/fustor_core/drivers.py"
    assert core.read("fustor_core/drivers.py") == source.read_bytes()


def test_no_wheel_is_in_git():
    assert run("git", "ls-files", "*.whl", cwd=ROOT) == ""


@pytest.mark.wide
def test_an_installation_that_lost_them_says_so(tmp_path):
    ask = "from fustor_new.template.wheels import contract_wheels; contract_wheels()"
    said = Installation(tmp_path).python("-c", ask, code=1).stderr
    assert "install fustor-new again" in said


@pytest.mark.matrix
@pytest.mark.parametrize("door", ["checkout", "sdist"])
def test_the_wheel_of_fustor_new_holds_them_whichever_way_it_is_built(tmp_path, door):
    project = ROOT
    if door == "sdist":
        run("uv", "build", "-q", "--sdist", "--out-dir", tmp_path, ROOT, cwd=tmp_path)
        (archive,) = tmp_path.glob("*.tar.gz")
        with tarfile.open(archive) as packed:
            packed.extractall(tmp_path, filter="data")
        (project,) = (path for path in tmp_path.iterdir() if path.is_dir())
    run("uv", "build", "-q", "--wheel", "--out-dir", tmp_path / "dist", project, cwd=tmp_path)
    (wheel,) = (tmp_path / "dist").glob("*.whl")
    held = zipfile.ZipFile(wheel)
    names = {name.rpartition("/")[2]: name for name in held.namelist() if name.startswith("fustor_new/wheels/")}
    assert {name: held.read(path) for name, path in names.items()} == dict(contract_wheels())


@pytest.mark.matrix
def test_an_editable_installation_without_hatchling_says_what_to_do(tmp_path):
    run("git", "clone", "-q", ROOT, tmp_path / "clone", cwd=tmp_path)
    shutil.copytree(ROOT / "src", tmp_path / "clone/src", dirs_exist_ok=True)
    shutil.copy(ROOT / "hatch_build.py", tmp_path / "clone")
    (tmp_path / "hatchling.py").write_text("raise ModuleNotFoundError(\"No module named 'hatchling'\")\n")
    ask = (
        f"import sys; sys.path[:0] = [{str(tmp_path)!r}, {str(tmp_path / 'clone/src')!r}]\n"
        "from fustor_new.template.wheels import contract_wheels\n"
        "try:\n    contract_wheels()\nexcept Exception as err:\n    print(type(err).__name__, err)"
    )
    assert "uv sync --extra dev" in run(sys.executable, "-c", ask, cwd=tmp_path)
