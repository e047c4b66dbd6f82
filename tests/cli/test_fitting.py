"""A driver that comes into a workspace leaves it resolvable, or says what it changes for the others."""

import re
import subprocess
import tomllib

import pytest
from repository import ROOT
from tiers import sampled
from workspaces import environment, fustor_new

pytestmark = pytest.mark.wide

REDIS = "extensions/source-redis"
MEMBERS = '[tool.uv.workspace]\nmembers = ["packages/*", "extensions/*"]\n'


def member(root, directory, name, more="", *, python=">=3.11"):
    folder = root / directory
    (folder / "src" / name.replace("-", "_")).mkdir(parents=True)
    (folder / "src" / name.replace("-", "_") / "__init__.py").write_text("")
    (folder / "pyproject.toml").write_text(
        f'[build-system]\nrequires = ["hatchling"]\nbuild-backend = "hatchling.build"\n\n[project]\nname = "{name}"\n'
        f'version = "1.0"\nrequires-python = "{python}"\n{more}'
    )


def create(root, *arguments, code=0):
    done = fustor_new("source", "redis", "--contract-source", ROOT, *arguments, cwd=root)
    assert done.returncode == code, done.stderr
    return done.stderr if code else done.stdout


@pytest.fixture
def root(tmp_path):
    (tmp_path / "pyproject.toml").write_text(MEMBERS)
    return tmp_path


@pytest.mark.parametrize("where", ["root", "member"])
def test_what_the_driver_needs_and_the_workspace_makes_is_taken_from_there(root, where):
    if where == "root":
        (root / "pyproject.toml").write_text(f'[project]\nname = "Pydantic"\nversion = "3"\n\n{MEMBERS}')
    else:
        member(root, "packages/pydantic", "pydantic")
    member(root, "packages/my-lib", "my_lib")
    before = (root / "pyproject.toml").read_bytes()
    create(root, "--dependency", "my-lib>=1", "-q")
    project = tomllib.loads((root / REDIS / "pyproject.toml").read_text())
    sources = {name for name, source in project["tool"]["uv"]["sources"].items() if source == {"workspace": True}}
    assert sources == {"pydantic", "my-lib"}
    assert (root / "pyproject.toml").read_bytes() == before
    assert fustor_new("doctor", "--strict", cwd=root).stdout.count("W11") == 0


def test_what_the_root_says_a_source_for_needs_none_in_the_driver(root):
    member(root, "packages/pydantic", "pydantic")
    (root / "pyproject.toml").write_text(MEMBERS + "[tool.uv.sources]\npydantic = { workspace = true }\n")
    create(root, "-q")
    assert "pydantic =" not in (root / REDIS / "pyproject.toml").read_text()


def test_registering_refuses_what_would_leave_nothing_resolvable(root):
    create(root, "--no-register", "-q")
    (root / "pyproject.toml").write_text('[tool.uv.workspace]\nmembers = ["packages/*"]\n')
    member(root, "packages/pydantic", "pydantic")
    before = (root / "pyproject.toml").read_bytes()
    done = fustor_new("register", REDIS, cwd=root)
    assert done.returncode
    assert "requires the members 'pydantic' and does not say where from" in done.stderr
    assert "`pydantic = { workspace = true }`" in done.stderr
    assert (root / "pyproject.toml").read_bytes() == before


@pytest.mark.parametrize("python", [">=3.9", ">=3.10,<4", "~=3.10"])
def test_it_is_said_that_the_workspace_will_allow_fewer_pythons(root, python):
    member(root, "packages/a", "a", python=python)
    note = rf"The workspace allows Python 3\.(9|10); with {REDIS} in it uv resolves and syncs it for '>=3\.11' alone"
    assert re.search(note, create(root))
    assert re.search(note, fustor_new("register", REDIS, cwd=root).stdout)


@pytest.mark.parametrize("door", [("--dry-run",), ("--json", "--dry-run")])
def test_a_dry_run_says_it_too(root, door):
    member(root, "packages/a", "a", python=">=3.9")
    done = fustor_new("source", "redis", "--contract-source", ROOT, *door, cwd=root)
    assert "The workspace allows Python 3.9" in (done.stdout if "--json" in door else done.stderr)


def test_nothing_is_said_where_all_ask_for_as_much(root):
    member(root, "packages/a", "a", python=">=3.9")
    member(root, "packages/b", "b", python=">=3.12")
    assert "allows Python" not in create(root)


def test_a_member_that_is_not_managed_has_no_say(root):
    member(root, "packages/a", "a", "[tool.uv]\nmanaged = false\n", python=">=3.9")
    assert "allows Python" not in create(root)


def test_a_workspace_that_would_be_left_without_a_python_is_refused(root):
    member(root, "packages/a", "a", python=">=3.8,<3.11")
    said = create(root, code=5)
    assert "packages/a/pyproject.toml allows '>=3.8,<3.11' only" in said
    assert "--standalone" in said
    assert not (root / REDIS).exists()


def test_members_with_the_names_of_contract_packages_are_named(root):
    member(root, "packages/core", "fustor-core")
    assert "members called fustor-core, and the contract packages come from elsewhere" in create(root)


@pytest.mark.parametrize(
    "asks",
    [
        'name = "r"\nversion = "1"\ndependencies = ["a"]\n',
        'name = "r"\nversion = "1"\n[project.optional-dependencies]\nx = ["a>=1"]\n',
        'name = "r"\nversion = "1"\n[dependency-groups]\ndev = ["a"]\n',
    ],
)
@pytest.mark.parametrize("managed", [True, False])
def test_doctor_sees_what_the_root_itself_requires_without_a_source(root, asks, managed):
    member(root, "packages/a", "a", "" if managed else "[tool.uv]\nmanaged = false\n")
    (root / "pyproject.toml").write_text(f"[project]\n{asks}{MEMBERS}")
    said = fustor_new("doctor", cwd=root).stdout
    assert ("It requires the member 'a' and does not say where from" in said) is managed


PROJECT = '[project]\nname = "app"\nversion = "1"\nrequires-python = ">=3.11"\n'
SOURCES = "[tool.uv.sources]\na = { workspace = true }\nb = { workspace = true }\n"
DEV = f"{PROJECT}[dependency-groups]\ndev = "
BY_NAME = '[project.optional-dependencies]\nall = ["fustor-source-redis"]\n'
LOCKED = {
    "covered, nothing else": (MEMBERS, {}),
    "dev has all": (f'{DEV}["a", "b"]\n{MEMBERS}{SOURCES}', {}),
    "dev has all, no member yet": (f"{DEV}[]\n{MEMBERS}", None),
    "the project depends on all": (
        f'{PROJECT}dependencies = ["a", "b"]\n[tool.uv]\npackage = false\n{MEMBERS}{SOURCES}',
        {},
    ),
    "uv's own list": (f'{PROJECT}{MEMBERS}[tool.uv]\ndev-dependencies = ["a", "b"]\n{SOURCES}', {}),
    "one is not managed": (
        f'{DEV}["typing-extensions", "a"]\n{MEMBERS}[tool.uv.sources]\na = {{ path = "packages/a" }}\n',
        {"a": "[tool.uv]\nmanaged = false\n"},
    ),
    "it is asked for by name": (f"{PROJECT}{BY_NAME}{MEMBERS}", {}),
    "a member asks for it by name": (f"{PROJECT}{MEMBERS}", {"b": BY_NAME}),
    "the root is one of its requirements": (PROJECT.replace("app", "pydantic").replace('"1"', '"2.99"') + MEMBERS, {}),
    "the last without a comma": (
        '[tool.uv.workspace]\nmembers = [\n  "packages/a",\n  "packages/b" # b\n]\n',
        {},
    ),
    "an older python": (PROJECT.replace("3.11", "3.9") + MEMBERS, {}),
}


@pytest.mark.matrix
@pytest.mark.parametrize("case", sampled(LOCKED))
def test_uv_locks_before_and_after_and_after_removal(root, case):
    text, more = LOCKED[case]
    (root / "pyproject.toml").write_text(text)
    for name in "ab" if more is not None else "":
        member(root, f"packages/{name}", name, (more or {}).get(name, ""), python=">=3.9")
    if "by name" not in case:  # nobody has published the driver, so before it is there nothing resolves
        lock(root)
    create(root, "-q")
    lock(root)
    assert "fustor-source-redis" in (root / "uv.lock").read_text()
    assert fustor_new("remove", "source-redis", cwd=root).returncode == 0
    assert (root / "pyproject.toml").read_text() == text
    if "by name" not in case:
        lock(root)


def lock(root):
    done = subprocess.run(
        ["uv", "lock", "-q"], cwd=root, env=environment(), capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
