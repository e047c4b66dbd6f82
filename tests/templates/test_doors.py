"""One template, four doors: whichever way it is rendered, the same answers give the same bytes."""

import shutil
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest
import yaml
from copier import run_copy

from fustor_new.answers import answers
from fustor_new.contract_source import ContractSource
from fustor_new.render import render
from fustor_new.spec import DriverSpec

GIT = {
    "GIT_AUTHOR_NAME": "t",
    "GIT_AUTHOR_EMAIL": "t@example.org",
    "GIT_COMMITTER_NAME": "t",
    "GIT_COMMITTER_EMAIL": "t@example.org",
    "GIT_CONFIG_GLOBAL": "/dev/null",
}
COPIER = (sys.executable, "-W", "ignore", "-m", "copier", "copy", "-q", "--defaults")
HEAD = "HEAD"


@pytest.fixture(scope="module")
def checkout(tools, tmp_path_factory) -> Path:
    """What a clone of the repository holds of the templates, without its history."""
    root = tmp_path_factory.mktemp("checkout") / "clone"
    shutil.copytree(tools.TEMPLATES, root / "templates", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(tools.CHECKOUT / "copier.yml", root)
    return root


@pytest.fixture(scope="module")
def repository(tools, checkout, tmp_path_factory) -> Path:
    root = tmp_path_factory.mktemp("repository") / "git"
    shutil.copytree(checkout, root)
    for command in (("init", "-q"), ("add", "-A"), ("commit", "-qm", "one"), ("tag", "v0.0.1")):
        tools.run("git", *command, cwd=root, env=GIT)
    (root / "templates" / "_shared" / "CHANGELOG.md.jinja").write_text("Not what the tag holds\n")
    tools.run("git", "commit", "-qam", "two", cwd=root, env=GIT)
    shutil.copytree(checkout / "templates", root / "templates", dirs_exist_ok=True)
    tools.run("git", "commit", "-qam", "three", cwd=root, env=GIT)
    return root


@pytest.fixture
def sources(tools, checkout, repository) -> dict[str, str]:
    return {"path": str(checkout), "packaged": str(tools.TEMPLATES), "git": f"git+file://{repository}"}


def specification(kind: str, layout: str, *, example: bool) -> DriverSpec:
    return DriverSpec.from_options(
        kind,
        "my-db",
        layout=layout,
        example=example,
        author="Ada 'O\"Neil",
        description="Line one\nline {{ two }}",
        dependencies=["redis>=5"],
        contract=ContractSource(kind="git", location="https://example.org/fustor.git", ref="v1.0.0"),
    )


@pytest.mark.parametrize(
    ("kind", "layout", "example"), [("source", "standalone", True), ("pusher", "workspace", False)]
)
@pytest.mark.parametrize("door", ["path", "packaged", "git"])
def test_door_renders_the_same_bytes(tools, tmp_path, sources, door, kind, layout, example):  # noqa: PLR0917 - fixtures
    spec = specification(kind, layout, example=example)
    render(spec, tmp_path / "expected")
    ref = HEAD if door == "git" else None
    run_copy(sources[door], tmp_path / "made", data=answers(spec), defaults=True, quiet=True, vcs_ref=ref)
    assert tools.tree(tmp_path / "made") == tools.tree(tmp_path / "expected")


def test_package_can_be_rendered_again_from_its_own_answers(tools, tmp_path, rendered):
    first = rendered("source", layout="standalone", example=True)
    given = ("--data-file", first / ".copier-answers.yml")
    tools.run(*COPIER, *given, tools.TEMPLATES, tmp_path / "again", cwd=tmp_path)
    assert tools.tree(tmp_path / "again") == tools.tree(first)


def test_answers_record_the_version_of_the_tool(tools, rendered):
    project = tomllib.loads((tools.CHECKOUT / "pyproject.toml").read_text())["project"]
    recorded = yaml.safe_load((rendered("source") / ".copier-answers.yml").read_text())
    assert recorded["template_version"] == project["version"]
    assert "_src_path" not in recorded


@pytest.mark.matrix
def test_wheel_alone_renders_the_same_bytes(tools, tmp_path):
    spec = specification("source", "standalone", example=True)
    render(spec, tmp_path / "expected")
    tools.run("uv", "build", "-q", "--wheel", "--out-dir", tmp_path / "dist", cwd=tools.CHECKOUT)
    (wheel,) = (tmp_path / "dist").glob("*.whl")
    assert [name for name in zipfile.ZipFile(wheel).namelist() if name.endswith((".pyc", "~"))] == []
    tools.run("uv", "venv", "-q", "--python", sys.executable, tmp_path / "venv", cwd=tmp_path)
    python = tmp_path / "venv" / "bin" / "python"
    tools.run("uv", "pip", "install", "-q", "--python", python, wheel, cwd=tmp_path)
    (tmp_path / "spec.json").write_text(spec.model_dump_json())
    script = (
        "import pathlib; from fustor_new.render import render; from fustor_new.spec import DriverSpec;"
        "render(DriverSpec.model_validate_json(pathlib.Path('spec.json').read_text()), pathlib.Path('made'))"
    )
    tools.run(python, "-c", script, cwd=tmp_path)
    assert tools.tree(tmp_path / "made") == tools.tree(tmp_path / "expected")


PUBLIC = "https://example.org/fustor/driver-workshop.git"


@pytest.mark.matrix
def test_package_from_a_public_address_is_updated_by_copier(tools, tmp_path, checkout):
    """git is told where that address is, so the network is left alone."""
    origin, project = tmp_path / "origin", tmp_path / "project"
    env = GIT | {
        "GIT_CONFIG_COUNT": "1",
        "GIT_CONFIG_KEY_0": f"url.file://{origin}.insteadOf",
        "GIT_CONFIG_VALUE_0": PUBLIC,
    }

    def git(*command, cwd):
        tools.run("git", *command, cwd=cwd, env=env)

    shutil.copytree(checkout, origin)
    (origin / "templates" / "_shared" / "address.jinja").write_text(PUBLIC)
    for command in (("init", "-q"), ("add", "-A"), ("commit", "-qm", "one"), ("tag", "v1.0.0")):
        git(*command, cwd=origin)
    given = ("-d", "kind=pusher", "-d", "name=my-db", "-d", "contract_source=index")
    tools.run(*COPIER, *given, origin / "templates", tmp_path / "other-door", cwd=tmp_path)
    tools.run(*COPIER, *given, PUBLIC, project, cwd=tmp_path, env=env)
    assert tools.tree(project) == tools.tree(tmp_path / "other-door")

    (origin / "templates" / "_shared" / "version.jinja").write_text("1.1.0")
    with (origin / "templates" / "_shared" / "gitignore.jinja").open("a") as file:
        file.write("new/\n")
    git("commit", "-qam", "two", cwd=origin)
    git("tag", "v1.1.0", cwd=origin)
    driver = project / "src" / "fustor_pusher_my_db" / "driver.py"
    driver.write_text(driver.read_text() + "\n# mine\n")
    for command in (("init", "-q"), ("add", "-A"), ("commit", "-qm", "mine")):
        git(*command, cwd=project)
    tools.run(*COPIER[:-3], "update", "-q", "--defaults", cwd=project, env=env)

    assert driver.read_text().endswith("# mine\n")
    assert (project / ".gitignore").read_text().endswith("new/\n")
    recorded = yaml.safe_load((project / ".copier-answers.yml").read_text())
    assert (recorded["_commit"], recorded["template_version"]) == ("v1.1.0", "1.1.0")
