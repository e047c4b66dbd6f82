"""The rooms of a driver stand one above the other, as its README draws them."""

import ast
import re
from graphlib import CycleError, TopologicalSorter

import pytest
from imports import graph, rooms
from repository import REFERENCES, name_of

PUBLIC = {"__main__", "testing"}
DRAWN = [project for project in REFERENCES if "```mermaid" in (project / "README.md").read_text()]
"""Their pictures have every arrow that no other arrows lead along."""


def package_of(project):
    return next(project.glob("src/*/__init__.py")).parent


def arrows_of_code(package):
    """Each room of a package, which is a module or a folder, with the rooms that it imports, wherever it does."""
    found = rooms(graph(package.parent))
    inner = {name.rpartition(".")[2]: others for name, others in found.items() if name != package.name}
    return {name: {other.rpartition(".")[2] for other in others} for name, others in inner.items()}


def arrows_of_picture(readme):
    (picture,) = re.findall(r"```mermaid\n(.*?)```", readme, re.DOTALL)
    found = {name: set() for name in re.findall(r'(\w+)\["', picture)}
    bare = re.sub(r'\["[^"]*"\]', "", re.sub(r'-- "[^"]*" -->', "-->", picture))
    for above, below in re.findall(r"^ *(\w+) --> (.+)$", bare, re.MULTILINE):
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
    return sorted(f"{room} imports {other}" for room in code for other in code[room] - below(picture, room) - {room})


def has_circle(arrows):
    try:
        TopologicalSorter(arrows).prepare()
    except CycleError:
        return True
    return False


@pytest.fixture(params=DRAWN, ids=name_of)
def project(request):
    return request.param


@pytest.fixture
def house(project):
    """The arrows of a driver's code and those of its picture."""
    code = arrows_of_code(package_of(project))
    shown = {name: others for name, others in code.items() if name not in PUBLIC}
    return shown, arrows_of_picture((project / "README.md").read_text())


def test_every_room_is_drawn(house):
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


FOLDERS = sorted(file.parent for project in DRAWN for file in package_of(project).glob("*/__init__.py"))


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: f"{folder.parent.name}{folder.name}")
def test_a_folder_is_a_map_of_its_modules_in_the_order_of_the_flow(folder):
    """Each module stands after those that it imports."""
    map_of_it = ast.get_docstring(ast.parse((folder / "__init__.py").read_text()))
    named = re.findall(r"^- `(\w+)`: ", map_of_it, re.MULTILINE)
    assert sorted(named) == sorted(path.stem for path in folder.glob("*.py") if path.stem != "__init__")
    room = f"{folder.parent.name}.{folder.name}"
    imports = graph(folder.parents[1])
    for place, name in enumerate(named):
        known = {other for other in imports[f"{room}.{name}"] if other.startswith(f"{room}.")}
        assert known <= {f"{room}.{other}" for other in named[:place]}, name


@pytest.mark.parametrize("cellar", ["_cellar.py", "_cellar/coal.py"])
def test_an_import_that_climbs_and_a_circle_are_seen(tmp_path, cellar):
    package = tmp_path / "house"
    (package / cellar).parent.mkdir(parents=True)
    (package / "_roof.py").write_text(f"from house.{cellar.removesuffix('.py').replace('/', '.')} import lump\n")
    (package / cellar).write_text("if TYPE_CHECKING:\n    from house import _roof\n")
    code = arrows_of_code(package)
    picture = arrows_of_picture('```mermaid\n    _roof["the roof"] -- "stairs" --> _cellar["coal"]\n```')
    assert climbing(code, picture) == ["_cellar imports _roof"]
    assert has_circle(code)
    assert has_circle(graph(tmp_path))
    assert not has_circle(picture)
