"""Whatever a free text holds, it ends up as data: no file breaks, and every reader gets it back."""

import ast
import hashlib
import random
import tomllib

import pytest
import yaml
from specs import spec_of
from trees import contents

from fustor_new.template.contract_source import ContractSource
from fustor_new.template.render import render

pytestmark = pytest.mark.wide

HOSTILE = [
    'it\'s "quoted" \'\'\'thrice\'\'\' """thrice"""',
    "{{ name }} {% raw %} {# comment #} {% endraw %} ${X} %(x)s",
    "back\\slash \\n \\u0041 \\",
    "one\ntwo\r\nthree\ttab\u2028line\u0085next",
    '"]\n[project.scripts]\nevil = "evil:main"',
    "- item\n# heading\n```\ncode\n---\nkey: value: [a, &b *c !d",
    "<script>alert(1)</script> [x](y) | a | b | **bold** _it_ `code`",
    "emoji 🦊 中文 e\u0301 \ufeff \uffff \xa0",
    "no",
    "null",
    "1.0",
    "@",
    "%x",
    "=",
    "#",
]
ALPHABET = "aZ0 \n\t'\"\\{}%#[]<>&*!|:`~@=+-$;,.\x85\u2028é🦊"


def parts(directory):
    """Every file, read by its own reader: a text that broke out of its place would change one of them."""
    project = tomllib.loads((directory / "pyproject.toml").read_text())
    given = yaml.safe_load((directory / ".copier-answers.yml").read_text())
    given["files"] = check_hashes(directory, given["files"])
    yaml.safe_load((directory / "fustor.yaml").read_text())
    modules = {path.name: ast.dump(ast.parse(path.read_text())) for path in directory.rglob("*.py")}
    return project, given, modules


def check_hashes(directory, recorded):
    """The paths that have a hash, once it is clear that each is the file's."""
    found = contents(directory)
    del found[".copier-answers.yml"]
    assert recorded == {path: hashlib.sha256(content).hexdigest() for path, content in found.items()}
    return sorted(recorded)


def make(directory, **texts):
    contract = ContractSource(kind="index")
    render(spec_of("source", "my-db", layout="standalone", contract=contract, **texts), directory)
    return parts(directory)


@pytest.fixture(scope="module")
def plain(tmp_path_factory):
    return make(tmp_path_factory.mktemp("plain") / "x", author="A", description="D")


def check(plain, directory, text):
    project, given, modules = make(directory, author=text, description=text, license="MIT")
    line = " ".join(text.split())
    expected = plain[0]["project"] | {"description": line, "authors": [{"name": line}], "license": "MIT"}
    assert project["project"] == expected
    assert {key: value for key, value in project.items() if key != "project"} == {
        key: value for key, value in plain[0].items() if key != "project"
    }
    assert given == plain[1] | {"description": text, "author": text, "license": "MIT"}
    assert modules == plain[2]
    assert f"Copyright (c) {line}\n" in (directory / "LICENSE").read_text()


@pytest.mark.parametrize("text", HOSTILE)
def test_text_is_data(plain, tmp_path, text):
    check(plain, tmp_path / "x", text)


def test_random_texts_are_data(plain, tmp_path):
    seed = random.SystemRandom().randrange(2**32)
    source = random.Random(seed)
    for number in range(15):
        text = "".join(source.choices(ALPHABET, k=source.randint(1, 60))) + "."
        print(f"seed {seed}, text {number}: {text!r}")
        check(plain, tmp_path / str(number), text)


def test_dependencies_are_data(tmp_path):
    asked = ("redis>=5; python_version < '4' and extra == \"x\"", "a[b,c]", "d @ git+https://example.org/d.git@v1")
    project, given, _ = make(tmp_path / "x", dependencies=asked)
    assert project["project"]["dependencies"][3:] == list(asked)
    assert given["dependencies"] == list(asked)
    assert project["tool"]["hatch"]["metadata"] == {"allow-direct-references": True}


def test_dependency_that_was_asked_for_replaces_the_default(tmp_path):
    project, *_ = make(tmp_path / "x", dependencies=("Pydantic>=2.11",))
    assert project["project"]["dependencies"] == ["fustor-core", "fustor-event-model>=1", "Pydantic>=2.11"]


def test_description_cannot_format_the_readme(tmp_path):
    make(tmp_path / "x", description="# one | <b>two</b> `three` [four](five) *six*")
    line = "Fustor source driver `my_db`: \\# one \\| \\<b\\>two\\</b\\> \\`three\\` \\[four\\](five) \\*six\\*"
    assert line in (tmp_path / "x" / "README.md").read_text().splitlines()
