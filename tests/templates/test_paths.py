"""Which files a package has, and who owns each."""

from fnmatch import fnmatchcase

import pytest
import yaml
from trees import contents

ALWAYS = {
    ".copier-answers.yml",
    "README.md",
    "fustor.yaml",
    "pyproject.toml",
    "src/PACKAGE/__init__.py",
    "src/PACKAGE/config.py",
    "src/PACKAGE/driver.py",
    "src/PACKAGE/py.typed",
    "src/PACKAGE/testing.py",
    "tests/test_conformance.py",
}
STANDALONE = {".github/workflows/ci.yml", ".github/workflows/release.yml", ".gitignore", "CHANGELOG.md", "LICENSE"}
CARRYING = {"vendor/wheels/README.md"}
EXAMPLE = {"source": {"src/PACKAGE/_ticks.py"}, "pusher": {"src/PACKAGE/_commits.py", "src/PACKAGE/_log.py"}}
CONTRACT = {"workspace": "workspace", "standalone": "vendor"}

combinations = pytest.mark.parametrize(
    ("kind", "layout", "example"),
    [(k, la, e) for k in ("source", "pusher") for la in ("workspace", "standalone") for e in (False, True)],
)


@combinations
def test_package_has_exactly_these_files(rendered, kind, layout, example):
    expected = ALWAYS | (STANDALONE if layout == "standalone" else set()) | (EXAMPLE[kind] if example else set())
    found = contents(rendered(kind, layout=layout, example=example))
    assert set(found) == {path.replace("PACKAGE", f"fustor_{kind}_my_db") for path in expected}


@pytest.mark.parametrize("kind", ["source", "pusher"])
def test_a_project_that_carries_wheels_has_one_file_more_to_say_so(rendered, kind):
    found = contents(rendered(kind, layout="standalone", contract="vendor"))
    assert set(found) - set(contents(rendered(kind, layout="standalone", contract="index"))) == CARRYING


@combinations
def test_every_file_has_exactly_one_owner(rendered, tools, kind, layout, example):
    manifest = yaml.safe_load((tools.TEMPLATES / "manifest.yml").read_text())
    owners = {
        path: [owner for owner, patterns in manifest.items() for pattern in patterns if fnmatchcase(path, pattern)]
        for path in contents(rendered(kind, layout=layout, example=example, contract=CONTRACT[layout]))
    }
    assert {path: owned for path, owned in owners.items() if len(owned) != 1} == {}


def test_manifest_names_no_file_that_is_never_rendered(rendered, tools):
    manifest = yaml.safe_load((tools.TEMPLATES / "manifest.yml").read_text())
    paths = {
        path
        for kind in EXAMPLE
        for path in contents(rendered(kind, layout="standalone", example=True, contract="vendor"))
    }
    patterns = [pattern for patterns in manifest.values() for pattern in patterns]
    assert [pattern for pattern in patterns if not any(fnmatchcase(path, pattern) for path in paths)] == []


def test_every_template_file_ends_in_jinja(tools):
    settings = {"copier.yml", "history.json", "manifest.yml"}
    names = {path for path in contents(tools.TEMPLATES) if "__pycache__" not in path}
    assert {path for path in names if not path.endswith(".jinja")} == settings


@pytest.mark.parametrize("kind", ["source", "pusher"])
def test_no_path_of_this_machine_is_rendered(rendered, tools, kind):
    for path, content in contents(rendered(kind, layout="standalone", example=True, contract="vendor")).items():
        assert str(tools.CHECKOUT).encode() not in content, path
        assert b".jinja" not in content, path
