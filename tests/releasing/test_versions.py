"""Every distribution has one version after a release, and it is a later one."""

import json
import shutil

import pytest
from repository import BRIDGES, EXTENSIONS, PACKAGES, REFERENCES, ROOT

from release.errors import ReleaseError
from release.projects import Project, projects_of
from release.versions import following, raise_versions, released_versions, require_later

LEFT_OUT = shutil.ignore_patterns("__pycache__", ".venv", "*_cache")


def project(version):
    return Project(ROOT, "fustor-tiny", ROOT / "pyproject.toml", version)


def test_every_distribution_of_the_tree_is_found():
    assert [one.folder for one in projects_of(ROOT)] == [ROOT, *EXTENSIONS, *sorted([*PACKAGES, *BRIDGES])]


@pytest.mark.parametrize("version", ["1.1.0", "1.2.0", "2.0.0rc1"])
def test_a_later_version_or_one_that_nobody_has_released_is_taken(version):
    require_later(version, [project("1.1.0"), project("0.1.0")], ["1.0.0"])


@pytest.mark.parametrize(
    "version", ["1.0.9", "1.1.0rc1", "1.1", "v1.2.0", "1.2.0.dev1", "next", "1.2.0+here", "01.2.0"]
)
def test_an_earlier_version_or_another_spelling_is_refused(version):
    with pytest.raises(ReleaseError):
        require_later(version, [project("1.1.0")], [])


def test_what_was_released_is_not_released_again():
    with pytest.raises(ReleaseError, match=r"'1\.10\.0' is released"):
        require_later("1.9.0", [project("1.1.0")], released_versions(["v1.10.0", "v1.9.0", "nightly", "v3"]))


@pytest.mark.parametrize(("version", "later"), [("1.2.3", "1.2.4"), ("1.2.0rc1", "1.2.0")])
def test_the_next_version_changes_the_least(version, later):
    assert following(version) == later


@pytest.fixture
def tree(tmp_path):
    """What a release writes into, of this repository."""
    for name in ("src", "templates", *(str(driver.relative_to(ROOT)) for driver in REFERENCES)):
        shutil.copytree(ROOT / name, tmp_path / name, ignore=LEFT_OUT)
    for file in (ROOT / "pyproject.toml", *ROOT.glob("packages/*/pyproject.toml")):
        (tmp_path / file.relative_to(ROOT)).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(file, tmp_path / file.relative_to(ROOT))
    return tmp_path


@pytest.mark.wide
def test_versions_are_raised_everywhere_and_the_drivers_follow_the_template(tree):
    template = raise_versions(tree, "97.1.0")
    assert {one.version for one in projects_of(tree)} == {"97.1.0"}
    assert "'fustor-core': '97.1.0'" in (tree / "templates/parts/source-line.jinja").read_text()
    assert (tree / "templates/version.jinja").read_text().strip() == template
    assert template in json.loads((tree / "templates/history.json").read_text())["versions"]
    for driver in REFERENCES:
        answers = (tree / "extensions" / driver.name / ".copier-answers.yml").read_text()
        assert f'template_version: "{template}"' in answers
    assert raise_versions(tree, "97.1.0") is None
