"""The rooms of this package stand one above the other, as its README draws them."""

import ast
import re
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

import fustor_source_postgres

PACKAGE = Path(fustor_source_postgres.__file__).parent
README = (Path(__file__).parents[1] / "README.md").read_text()
FLOORS = (
    ("_names",),
    ("config",),
    ("_server",),
    ("_fast",),
    ("_rows",),
    ("_source",),
    ("_tables",),
    ("_audit", "_changes", "_snapshot"),
    ("_stream",),
    ("_checks",),
    ("_answers",),
    ("driver",),
    ("__init__",),
    ("__main__", "testing"),
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
    except CycleError as err:
        return err.args[1]
    return []


def test_every_room_has_a_floor():
    assert {room(module) for module in imports_of(PACKAGE)} <= HEIGHTS.keys()


def test_imports_point_down():
    assert climbing(imports_of(PACKAGE)) == []


def test_no_modules_import_each_other():
    assert circle(imports_of(PACKAGE)) == []


def test_the_search_sees_an_import_that_climbs_and_a_circle(tmp_path):
    package = tmp_path / "house"
    (package / "_rows").mkdir(parents=True)
    (package / "_rows" / "shape.py").write_text("if TYPE_CHECKING:\n    from house._snapshot import Row\n")
    (package / "_snapshot.py").write_text("from house._rows import shape\n")
    found = imports_of(package)
    assert climbing(found) == ["_rows.shape imports _snapshot"]
    assert set(circle(found)) == {"_rows.shape", "_snapshot"}


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_a_folder_says_which_modules_it_has(folder):
    map_of_it = ast.get_docstring(ast.parse((folder / "__init__.py").read_text()))
    named = re.findall(r"^- `(\w+)`: ", map_of_it, re.MULTILINE)
    assert sorted(named) == sorted(path.stem for path in folder.glob("*.py") if path.stem != "__init__")


def test_the_readme_draws_every_room_and_no_arrow_that_is_not_there():
    (picture,) = re.findall(r"```mermaid\n(.*?)```", README, re.DOTALL)
    imports = imports_of(PACKAGE)
    drawn = set(re.findall(r"(\w+)(?:\[[^]]*\])? --(?: .* --)?> (\w+)", picture))
    there = {(room(module), room(other)) for module, others in imports.items() for other in others}
    assert drawn - there == set()
    rooms = {room(module) for module in imports} - {"__init__", "__main__", "testing"}
    assert {name for name in rooms if not re.search(rf"\b{name}\b", picture)} == set()
