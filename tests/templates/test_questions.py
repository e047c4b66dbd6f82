"""Third parties, who render with copier itself, meet the same refusals as users of fustor-new."""

import ast
from itertools import product

import pytest
import yaml
from copier import run_copy
from specs import spec_of

from fustor_new import names
from fustor_new.errors import FustorNewError, NameRefused
from fustor_new.template.contract_source import ContractSource
from fustor_new.template.questions import QUESTIONS


def asked_by_copier(tools):
    """The questions of `copier.yml`, by name."""
    data = yaml.safe_load((tools.TEMPLATES / "copier.yml").read_text())
    return {name: question for name, question in data.items() if not name.startswith("_")}


def test_both_ask_the_same(tools):
    """The rest of what copier asks is the driver's name and place, and where the template itself is."""
    named = {question.name for question in QUESTIONS}
    beside = {"kind", "name", "layout", "contract_source", "whole_repository"}
    assert asked_by_copier(tools).keys() == named | beside


def test_both_have_the_same_defaults(tools):
    asked = asked_by_copier(tools)
    for question in QUESTIONS:
        given = asked[question.name]["default"]
        if isinstance(question.default, tuple):
            assert yaml.safe_load(given) == list(question.default)
        elif not callable(question.default):
            assert given == question.default, question.name


def test_both_ask_it_of_the_same_drivers(tools):
    asked = asked_by_copier(tools)
    for question in QUESTIONS:
        when = f"kind == '{question.kind}'" if question.kind else f"layout == '{question.layout}'"
        assert asked[question.name].get("when") == (
            f"{{{{ {when} }}}}" if question.kind or question.layout else None
        ), question.name


def copy(tools, destination, **answers):
    data = {"kind": "source", "name": "my-db", **answers}
    run_copy(str(tools.TEMPLATES), destination, data=data, defaults=True, quiet=True)


@pytest.mark.parametrize(
    "name",
    [
        "",
        "1st",
        "My",
        "a b",
        "a_b",
        "a--b",
        "-a",
        "a-",
        "é",
        "a/b",
        "..",
        "a\n",
        "x" * 41,
        "source",
        "pusher",
        "{{ 1 }}",
    ],
)
def test_name_is_refused_by_both(tools, tmp_path, name):
    with pytest.raises(ValueError, match="Validation error for question 'name'"):
        copy(tools, tmp_path / "x", name=name)
    with pytest.raises(FustorNewError):
        names.derive("source", name)
    assert not (tmp_path / "x").exists()


@pytest.mark.parametrize("name", ["a", "my-db", "s3", "a-1-b", "x" * 40])
def test_name_is_accepted_by_both(tools, tmp_path, name):
    copy(tools, tmp_path / "x", name=name, layout="workspace")
    assert (tmp_path / "x" / "src" / names.derive("source", name).package / "driver.py").is_file()


@pytest.mark.parametrize(
    "answers",
    [
        {"layout": "workspace", "distribution": "other"},
        {"layout": "workspace", "package": "other"},
        {"layout": "workspace", "entry_point": "other"},
        {"layout": "workspace", "class_name": "OtherDriver"},
        {"distribution": 'x"\n'},
        {"distribution": "Fustor.Core"},
        {"package": "../x"},
        {"package": "class"},
        {"package": "fustor_core"},
        {"entry_point": 'x" = "y'},
        {"class_name": "x y"},
        {"class_name": "Ticks"},
        {"email": "a@b\nc"},
        {"email": '"@example.org'},
        {"email": "a..b@example.org"},
        {"license": 'MIT"'},
        {"description": " "},
        {"dependencies": "redis"},
        {"dependencies": "[1]"},
        {"dependencies": "{a: b}"},
        {"dependencies": '["a\\nb"]'},
        *({"dependencies": [f"a @ https://x.invalid/{character}"]} for character in "\x00\x07\x1b\x7f\x85\x9f"),
        *({"author": f"a{character}b"} for character in "\x00\x07\x1b\x7f\x9f"),
        *({"description": f"a{character}b"} for character in "\x00\x07\x1b\x7f\x9f"),
        {"layout": "workspace", "member_requirements": "pydantic"},
        {"layout": "workspace", "member_requirements": '["a\\nb"]'},
        {"layout": "workspace", "member_requirements": '["x = 1"]'},
        {"layout": "standalone", "member_requirements": '["pydantic"]'},
        {"contract_source": ""},
        {"contract_source": "a\nb"},
        {"kind": "pusher", "audit": "false"},
        {"kind": "sink"},
        {"layout": "elsewhere"},
    ],
    ids=str,
)
def test_answer_that_would_give_garbage_is_refused(tools, tmp_path, answers):
    with pytest.raises(ValueError, match=next(reversed(answers))):
        copy(tools, tmp_path / "x", **answers)
    assert not (tmp_path / "x").exists()


def test_class_that_would_hide_a_name_of_its_module_is_refused_by_both(tools, rendered, tmp_path):
    imported = set()
    for kind, example, audit in product(("source", "pusher"), (False, True), (False, True)):
        (driver,) = rendered(kind, example=example, **({"audit": audit} if kind == "source" else {})).rglob("driver.py")
        for node in ast.walk(ast.parse(driver.read_text())):
            if isinstance(node, ast.ImportFrom):
                imported |= {alias.name for alias in node.names if alias.name[0].isupper()}
    assert len(imported) > 15
    for name in imported:
        with pytest.raises(ValueError, match="class_name"):
            copy(tools, tmp_path / "x", class_name=name)
        with pytest.raises(NameRefused):
            spec_of("source", "x", layout="standalone", class_name=name, contract=ContractSource(kind="index"))
