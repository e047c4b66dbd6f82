"""Options become a specification once, or are refused with what to do."""

from pathlib import Path

import pytest
from specs import spec_of

from fustor_new.errors import NameRefused, UsageProblem
from fustor_new.template.contract_source import ContractSource

INDEX = ContractSource(kind="index")


def spec(kind="source", name="my-db", **options):
    return spec_of(kind, name, contract=INDEX, **options)


def test_defaults_are_those_of_the_contract():
    made = spec("pusher")
    assert made.names.distribution == "fustor-pusher-my-db"
    assert (made.names.package, made.names.entry_point) == ("fustor_pusher_my_db", "my_db")
    assert made.names.class_name == "MyDbDriver"
    assert made.given["description"]


def test_option_that_is_none_takes_the_default():
    assert spec(description=None, license=None) == spec()


@pytest.mark.parametrize("option", ["distribution", "package", "entry_point", "class_name"])
def test_names_are_free_only_in_a_standalone_package(option):
    free = {
        "distribution": "my-fustor-driver",
        "package": "my_driver",
        "entry_point": "my_driver",
        "class_name": "MyDriver",
    }
    with pytest.raises(UsageProblem, match="standalone"):
        spec(**{option: free[option]})
    assert spec(layout="standalone", **free).answers()[option] == free[option]


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("distribution", "fustor-core"),
        ("distribution", "a b"),
        ("package", "class"),
        ("package", "json"),
        ("package", "a-b"),
        ("entry_point", "a b"),
        ("class_name", "Ticks"),
        ("class_name", "SourceDriver"),
        ("class_name", "my_driver"),
    ],
)
def test_name_that_cannot_work_is_refused(option, value):
    with pytest.raises(NameRefused):
        spec(layout="standalone", **{option: value})


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("email", "nobody"),
        ("email", "a..b@example.org"),
        ("email", 'a"b@example.org'),
        ("email", "a@example.org\nx"),
        ("license", "No Such Licence"),
        ("license", 'MIT"'),
        ("dependencies", ("redis>=",)),
        ("dependencies", ("a\nb",)),
        ("dependencies", ("a @ https://x.invalid/\x7f",)),
        ("description", " \n"),
        ("description", "a\x00b"),
        ("author", "a\x1bb"),
        ("author", "a\ud800b"),
    ],
)
def test_option_that_cannot_be_used_is_refused_with_its_value(option, value):
    with pytest.raises(UsageProblem) as caught:
        spec(**{option: value})
    shown = value[0] if isinstance(value, tuple) else value
    assert repr(shown) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_licence_is_written_as_the_standard_spells_it():
    assert spec(license="apache-2.0 or mit").given["license"] == "Apache-2.0 OR MIT"


@pytest.fixture
def checkout(tmp_path) -> Path:
    core = tmp_path / "check out" / "packages" / "fustor-core"
    core.mkdir(parents=True)
    (core / "pyproject.toml").touch()
    return tmp_path / "check out"


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("workspace", "workspace"),
        ("index", "index"),
        ("vendor", "vendor"),
        ("https://example.org/a/b.git", "git+https://example.org/a/b.git"),
        ("git+https://example.org/a/b@v1.0", "git+https://example.org/a/b@v1.0"),
        ("git+https://example.org/a/b@HEAD", "git+https://example.org/a/b"),
        ("git+ssh://git@example.org/a/b@release/1", "git+ssh://git@example.org/a/b@release/1"),
        ("file:///srv/b.git", "git+file:///srv/b.git"),
    ],
)
def test_contract_source_is_read_as_meant(tmp_path, text, answer):
    assert ContractSource.parse(text, project=tmp_path).answer() == answer


@pytest.mark.parametrize("inside", ["", "packages", "packages/"])
def test_directory_is_written_relative_to_the_project(tmp_path, checkout, inside):
    source = ContractSource.parse(f"{checkout.name}/{inside}", project=tmp_path / "a" / "b", base=tmp_path)
    assert source.answer() == "../../check out"


def test_an_absolute_directory_stays_one_since_a_user_asked_for_it(tmp_path, checkout):
    assert ContractSource.parse(str(checkout), project=tmp_path / "a").answer() == str(checkout)


def test_a_directory_of_wheels_is_known_by_them(tmp_path):
    for name in ("a", "w"):
        (tmp_path / name).mkdir()
    (tmp_path / "w/fustor_core-1.0.0-py3-none-any.whl").touch()
    source = ContractSource.parse("w", project=tmp_path / "a", base=tmp_path)
    assert (source.kind, source.answer()) == ("wheels", "wheels:../w")
    assert ContractSource.parse(source.answer(), project=tmp_path / "a", base=tmp_path / "a") == source


def test_directory_inside_the_project_is_no_keyword(checkout):
    workspace = checkout.rename(checkout.with_name("workspace"))
    assert ContractSource.parse("workspace/", project=workspace.parent, base=workspace.parent).answer() == "./workspace"


@pytest.mark.parametrize(
    "text", ["", "nowhere", "git@example.org:a/b", "https://example.org", "git+x", "https://e/a b"]
)
def test_contract_source_that_is_none_of_these_is_refused(tmp_path, text):
    with pytest.raises(UsageProblem, match="git"):
        ContractSource.parse(text, project=tmp_path, base=tmp_path)
