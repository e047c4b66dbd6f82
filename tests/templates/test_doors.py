"""One template, four doors: whichever way it is rendered, the same answers give the same bytes."""

import pickle
import shutil
import sys
import zipfile
from hashlib import sha256
from pathlib import Path

import pytest
import yaml
from copier import run_copy
from specs import spec_of
from trees import contents
from updates import LATER, TODAY

from fustor_new.template.contract_source import ContractSource
from fustor_new.template.history import template_texts
from fustor_new.template.provenance import ANSWERS_FILE, with_address
from fustor_new.template.render import render
from fustor_new.template.spec import DriverSpec

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
    (root / "templates" / "package" / "README.md.jinja").write_text("Not what the tag holds\n")
    tools.run("git", "commit", "-qam", "two", cwd=root, env=GIT)
    shutil.copytree(checkout / "templates", root / "templates", dirs_exist_ok=True)
    tools.run("git", "commit", "-qam", "three", cwd=root, env=GIT)
    return root


@pytest.fixture
def sources(tools, checkout, repository) -> dict[str, str]:
    return {"path": str(checkout), "packaged": str(tools.TEMPLATES), "git": f"git+file://{repository}"}


def specification(kind: str, layout: str, *, example: bool) -> DriverSpec:
    return spec_of(
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
def test_door_renders_the_same_bytes(tmp_path, sources, door, kind, layout, example):  # noqa: PLR0917 - fixtures
    spec = specification(kind, layout, example=example)
    render(spec, tmp_path / "expected")
    ref = HEAD if door == "git" else None
    run_copy(sources[door], tmp_path / "made", data=spec.answers(), defaults=True, quiet=True, vcs_ref=ref)
    made, expected = contents(tmp_path / "made"), contents(tmp_path / "expected")
    answers, others = made.pop(ANSWERS_FILE), expected.pop(ANSWERS_FILE)
    assert made == expected
    assert with_address(answers, b"") == with_address(others, b""), "only the address is of one door"
    assert (b"_src_path" in answers, b"_commit" in answers) == (door == "git", door == "git")
    assert (b"`copier update` cannot" in answers) is (door != "git")


def test_package_can_be_rendered_again_from_its_own_answers(tools, tmp_path, rendered):
    first = rendered("source", layout="standalone", example=True)
    given = ("--data-file", first / ".copier-answers.yml")
    tools.run(*COPIER, *given, tools.TEMPLATES, tmp_path / "again", cwd=tmp_path)
    assert contents(tmp_path / "again") == contents(first)


def test_answers_record_the_version_of_the_template(tools, rendered):
    recorded = yaml.safe_load((rendered("source") / ".copier-answers.yml").read_text())
    assert recorded["template_version"] == (tools.TEMPLATES / "version.jinja").read_text().strip()
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
    (tmp_path / "spec").write_bytes(pickle.dumps(spec))
    script = (
        "import pathlib, pickle; from fustor_new.template.render import render;"
        "render(pickle.loads(pathlib.Path('spec').read_bytes()), pathlib.Path('made'))"
    )
    tools.run(python, "-c", script, cwd=tmp_path)
    assert contents(tmp_path / "made") == contents(tmp_path / "expected")


PUBLIC = "https://example.org/fustor/driver-workshop.git"


@pytest.fixture
def publish(tools, checkout, tmp_path):
    """A function that commits a template under the public address and tags it; git finds that address on this disk."""
    origin = tmp_path / "origin"
    env = GIT | {
        "GIT_CONFIG_COUNT": "1",
        "GIT_CONFIG_KEY_0": f"url.file://{origin}.insteadOf",
        "GIT_CONFIG_VALUE_0": PUBLIC,
    }
    origin.mkdir()
    tools.run("git", "init", "-q", cwd=origin, env=env)

    def commit(version, files):
        shutil.rmtree(origin / "templates", ignore_errors=True)
        for path, text in (files | {"address.jinja": PUBLIC}).items():
            (origin / "templates" / path).parent.mkdir(parents=True, exist_ok=True)
            (origin / "templates" / path).write_text(text)
        shutil.copy(checkout / "copier.yml", origin)
        for command in (("add", "-A"), ("commit", "-qm", version), ("tag", f"v{version}")):
            tools.run("git", *command, cwd=origin, env=env)
        return origin, env

    return commit


def update_by_copier(tools, project, env):
    """Commit what the project holds, and let copier update it."""
    for command in (("init", "-q"), ("add", "-A"), ("commit", "-qm", "mine")):
        tools.run("git", *command, cwd=project, env=env)
    tools.run(*COPIER[:-3], "update", "-q", "--defaults", cwd=project, env=env)
    return yaml.safe_load((project / ".copier-answers.yml").read_text())


GIVEN = ("-d", "kind=pusher", "-d", "name=my-db", "-d", "contract_source=index")


@pytest.mark.matrix
def test_package_from_a_public_address_is_updated_by_copier_and_by_us_alike(tools, tmp_path, publish, later):
    project, ours = tmp_path / "project", tmp_path / "ours"
    _, env = publish(TODAY, template_texts(tools.TEMPLATES))
    tools.run(*COPIER, *GIVEN, PUBLIC, project, cwd=tmp_path, env=env)
    driver = project / "src" / "fustor_pusher_my_db" / "driver.py"
    driver.write_text(driver.read_text() + "\n# mine\n")
    shutil.copytree(project, ours)
    publish(LATER, template_texts(later.templates))
    recorded = update_by_copier(tools, project, env)
    assert (recorded["_commit"], recorded["template_version"]) == (f"v{LATER}", LATER)
    assert driver.read_text().endswith("# mine\n")
    later.python("-m", "fustor_new", "update", ours)
    assert contents(ours) == contents(project)


@pytest.mark.matrix
def test_package_of_todays_template_is_updated_by_copier(tools, tmp_path, publish):
    project = tmp_path / "project"
    today = template_texts(tools.TEMPLATES)
    origin, env = publish(TODAY, today)
    tools.run(*COPIER, *GIVEN, origin / "templates", tmp_path / "other-door", cwd=tmp_path)
    tools.run(*COPIER, *GIVEN, PUBLIC, project, cwd=tmp_path, env=env)
    assert contents(project) == contents(tmp_path / "other-door")
    (ignored,) = (path for path in today if ".gitignore" in path)
    publish("99.0.0", today | {"version.jinja": "99.0.0", ignored: today[ignored] + "new/\n"})
    recorded = update_by_copier(tools, project, env)
    assert (project / ".gitignore").read_text().endswith("new/\n")
    assert (recorded["_commit"], recorded["template_version"]) == ("v99.0.0", "99.0.0")
    assert recorded["files"][".gitignore"] == sha256((project / ".gitignore").read_bytes()).hexdigest()
