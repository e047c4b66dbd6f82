"""The rooms of this package stand one above the other, as its README draws them."""

import ast
import re
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

import fustor_pusher_postgres

PACKAGE = Path(fustor_pusher_postgres.__file__).parent
README = (Path(__file__).parents[1] / "README.md").read_text()
FLOORS = (
    ("config",),
    ("_server",),
    ("_tables",),
    ("_write",),
    ("_fast",),
    ("_batch",),
    ("_checks", "_push"),
    ("driver",),
    ("__init__",),
    ("testing",),
)
"""From the lowest up; rooms of one floor do not know each other."""
HEIGHTS = {room: height for height, floor in enumerate(FLOORS) for room in floor}
FOLDERS = sorted(path.parent for path in PACKAGE.glob("*/__init__.py"))


def imports_of(package):
    """The modules of a package, as dotted names below it, each with those that it imports."""
    sources = {".".join(path.relative_to(package).with_suffix("").parts): path for path in package.rglob("*.py")}
    return {name: sorted(imported(path, package.name, sources)) for name, path in sources.items()}


def imported(path, package, sources):
    for node in ast.walk(ast.parse(path.read_text())):
        found = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        if isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path.name} imports by dots"
            found = [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
        for name in found:
            inner = name.removeprefix(package).removeprefix(".")
            if name.startswith(package) and inner in sources:
                yield inner


def room(module):
    return module.partition(".")[0]


def climbing(imports):
    """Imports between rooms that do not point down."""
    return [
        f"{module} imports {other}"
        for module, others in imports.items()
        for other in others
        if room(other) != room(module) and HEIGHTS[room(other)] >= HEIGHTS[room(module)]
    ]


def circle(imports):
    """Modules that import each other, if some do."""
    try:
        TopologicalSorter(imports).prepare()
    except CycleError as error:
        return error.args[1]
    return []


def test_every_room_has_a_floor():
    assert {room(module) for module in imports_of(PACKAGE)} == HEIGHTS.keys()


def test_imports_point_down():
    assert climbing(imports_of(PACKAGE)) == []


def test_no_modules_import_each_other():
    assert circle(imports_of(PACKAGE)) == []


def test_the_search_sees_an_import_that_climbs_and_a_circle(tmp_path):
    package = tmp_path / "house"
    for folder in ("_write", "_fast"):
        (package / folder).mkdir(parents=True)
    (package / "_write" / "writer.py").write_text("if TYPE_CHECKING:\n    from house._fast.known import Sure\n")
    (package / "_fast" / "known.py").write_text("from house._write import writer\n")
    found = imports_of(package)
    assert climbing(found) == ["_write.writer imports _fast.known"]
    assert set(circle(found)) == {"_write.writer", "_fast.known"}


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_a_folder_says_which_modules_it_has(folder):
    """In the order of the flow: each module after those that it imports."""
    map_of_it = ast.get_docstring(ast.parse((folder / "__init__.py").read_text()))
    named = re.findall(r"^- `(\w+)`: ", map_of_it, re.MULTILINE)
    assert sorted(named) == sorted(path.stem for path in folder.glob("*.py") if path.stem != "__init__")
    imports = imports_of(PACKAGE)
    for place, name in enumerate(named):
        known = {other for other in imports[f"{folder.name}.{name}"] if room(other) == folder.name}
        assert known <= {f"{folder.name}.{other}" for other in named[:place]}


def test_the_readme_draws_every_room():
    (picture,) = re.findall(r"```mermaid\n(.*?)```", README, re.DOTALL)
    rooms = {room(module) for module in imports_of(PACKAGE)} - {"__init__", "testing"}
    assert {name for name in rooms if not re.search(rf"\b{name}\b", picture)} == set()


def test_a_column_that_means_nothing_to_the_driver_is_named_once():
    """Every statement, list and table gets it from its declaration, and so will the next one: decision 0515."""
    sources = {path.relative_to(PACKAGE).as_posix(): path.read_text() for path in PACKAGE.rglob("*.py")}
    named = {name: text.count("is_atomic_write") for name, text in sources.items() if "is_atomic_write" in text}
    assert named == {"_tables/columns.py": 1}
