"""The modules of a driver stand one above the other, as its README draws them."""

import ast
import re
from graphlib import CycleError, TopologicalSorter

import pytest
from repository import ROOT

DRAWN = ["pusher-fs", "source-fs"]
"""Drivers whose picture has every arrow that no other arrows lead along, and no further ones."""
PUBLIC = {"__init__", "testing"}


def arrows_of_code(package):
    """Each module of a package, with the modules of it that it imports, wherever it does."""
    names = {path.stem for path in package.glob("*.py")}
    found = {name: set() for name in names}
    for path in package.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ImportFrom) and (node.module or "").partition(".")[0] == package.name:
                named = {node.module.rpartition(".")[2]} if "." in node.module else {one.name for one in node.names}
                found[path.stem] |= named & names
    return found


def arrows_of_picture(readme):
    (picture,) = re.findall(r"```mermaid\n(.*?)```", readme, re.DOTALL)
    found = {name: set() for name in re.findall(r"^ *(\w+)\[", picture, re.MULTILINE)}
    for above, below in re.findall(r"^ *(\w+) --> (.+)$", picture, re.MULTILINE):
        found[above] |= set(below.split(" & "))
    return found


def below(arrows, start):
    """Everything that arrows lead to from `start`."""
    reached, todo = set(), [start]
    while todo:
        for name in arrows.get(todo.pop(), set()) - reached:
            reached.add(name)
            todo.append(name)
    return reached


def climbing(code, picture):
    """Imports along which no arrows of the picture lead."""
    return sorted(
        f"{module} imports {other}" for module in code for other in code[module] - below(picture, module) - {module}
    )


def has_circle(arrows):
    try:
        TopologicalSorter(arrows).prepare()
    except CycleError:
        return True
    return False


@pytest.fixture(params=DRAWN)
def house(request):
    """The arrows of a driver's code and those of its picture."""
    project = ROOT / "extensions" / request.param
    code = arrows_of_code(next(project.glob("src/*/__init__.py")).parent)
    shown = {name: others for name, others in code.items() if name not in PUBLIC}
    return shown, arrows_of_picture((project / "README.md").read_text())


def test_every_module_is_drawn(house):
    code, picture = house
    assert picture.keys() == code.keys()


def test_imports_follow_the_arrows_and_go_in_no_circle(house):
    code, picture = house
    assert climbing(code, picture) == []
    assert not has_circle(picture)
    assert not has_circle(code)


def test_every_arrow_is_an_import(house):
    code, picture = house
    assert {name: others - code[name] for name, others in picture.items() if others - code[name]} == {}


def test_an_import_that_climbs_and_a_circle_are_seen(tmp_path):
    package = tmp_path / "house"
    package.mkdir()
    (package / "_roof.py").write_text("from house._cellar import coal\n")
    (package / "_cellar.py").write_text("if TYPE_CHECKING:\n    from house import _roof\n")
    code = arrows_of_code(package)
    picture = arrows_of_picture('```mermaid\n    _roof["the roof"]\n    _cellar["coal"]\n    _roof --> _cellar\n```')
    assert climbing(code, picture) == ["_cellar imports _roof"]
    assert has_circle(code)
    assert not has_circle(picture)
