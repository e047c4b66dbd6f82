"""The released source drivers, adopted and examined: opt-in by `--upstream`, as it fetches them from the index."""

import json
import subprocess
import tarfile
from itertools import product

import pytest
from tiers import longer
from trees import contents
from workspaces import environment, fustor_new

from fustor_new.template.provenance import ANSWERS_FILE

pytestmark = [pytest.mark.hosts, pytest.mark.upstream]

EVERYONES = {"D07", "D12", "D18", "L05", "P04", "D52"}
"""The guide's group is missing, the contract's event model too, and they import what only one release has."""
KNOWN = {
    # The class makes one object for an address, and events of realtime say no source; any Python will do.
    "fs": {"D05", "C04", "L09"},
    # One object for an address, no stop event, events by position, pymysql by luck of a neighbour.
    "mysql": {"C04", "C05", "L09", "D41"},
    # Iterators are coroutines and checks no classmethods, no stop event, botocore by luck of a neighbour, no py.typed.
    "oss": {"C01", "C05", "L09", "D41", "D50"},
    # One object for an address, no stop event, events that say no source.
    "elasticsearch": {"C04", "C05", "L09"},
}
ONLY_IN_SDISTS = {"D06"}
"""A heading in quotes swallows the licence."""
NAMES = {
    "fs": ("fs", "FSDriver", "fustor_source_fs"),
    "mysql": ("mysql", "MysqlDriver", "fustor_source_mysql"),
    "oss": ("source_oss", "OssSourceDriver", "fustor_source_oss"),
    "elasticsearch": ("elasticsearch", "ElasticsearchDriver", "fustor_source_elasticsearch"),
}


def run(*command, cwd, **more):
    done = subprocess.run(
        list(map(str, command)), cwd=cwd, env=environment(), capture_output=True, check=False, timeout=300, **more
    )
    assert done.returncode == 0, done.stderr.decode()[-3000:]


def unpacked(form, name, tmp_path):
    """The released package as its wheel or sdist holds it, in a git repository."""
    requirement = f"fustor-source-{name}==0.8.17"
    folder = tmp_path / "package"
    if form == "wheel":
        run("uv", "pip", "install", "-q", "--no-deps", "--target", folder, requirement, cwd=tmp_path)
    else:
        fetch = ("uv", "tool", "run", "-q", "pip", "download", "-q", "--no-deps", "--no-binary", ":all:")
        run(*fetch, "-d", tmp_path / "sdist", requirement, cwd=tmp_path)
        (archive,) = (tmp_path / "sdist").iterdir()
        with tarfile.open(archive) as opened:
            opened.extractall(tmp_path / "opened", filter="data")
        next((tmp_path / "opened").iterdir()).rename(folder)
    run("git", "init", "-q", cwd=folder)
    return folder


def ids(folder):
    report = json.loads(fustor_new("doctor", ".", "--json", cwd=folder).stdout)
    return {finding["id"] for finding in report["findings"]}


@pytest.mark.parametrize(
    ("form", "name"),
    [
        *product(["wheel"], KNOWN),
        ("sdist", "fs"),
        *(longer("sdist", name) for name in KNOWN if name != "fs"),
    ],
)
def test_a_released_driver_is_adopted_and_its_known_faults_are_named(form, name, tmp_path):
    folder = unpacked(form, name, tmp_path)
    before = contents(folder)
    assert ids(folder) >= EVERYONES | KNOWN[name] | {"D51", "D60"} | (ONLY_IN_SDISTS if form == "sdist" else set())

    done = fustor_new("adopt", ".", cwd=folder)
    assert done.returncode == 0, done.stderr
    run("git", "apply", "-", cwd=folder, input=done.stdout.encode())
    after = contents(folder)
    assert {path: after[path] for path in before} == before
    assert {ANSWERS_FILE, "tests/test_conformance.py"} <= set(after) - set(before)
    answers = after[ANSWERS_FILE].decode()
    for field, value in zip(("entry_point", "class_name", "package"), NAMES[name], strict=True):
        assert f'{field}: "{value}"\n' in answers
    mended = {"D50", "D51", "D60", "D16"}
    assert ids(folder) >= (EVERYONES | KNOWN[name]) - mended
    assert not ids(folder) & {*mended, "D17", "D61", "D62", "D63", "D64"}
