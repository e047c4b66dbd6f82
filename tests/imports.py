"""Which module of a package imports which, read from their sources."""

import ast
from functools import cache


def module_name(file, source):
    parts = file.relative_to(source).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


@cache
def imports(file):
    """The statements of a module that import, and its calls of `find_spec`."""
    return tuple(node for node in ast.walk(ast.parse(file.read_text())) if _imports(node))


def _imports(node):
    is_looking = isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "find_spec"
    return is_looking or isinstance(node, ast.Import | ast.ImportFrom)


def graph(source, package="."):
    """The modules below `source`, or of one package, each with those that it imports, for types or at run time."""
    files = {module_name(file, source): file for file in (source / package).rglob("*.py")}
    found = {}
    for name, file in files.items():
        above = (name if file.name == "__init__.py" else name.rpartition(".")[0]).split(".")
        named = set()
        for node in imports(file):
            if isinstance(node, ast.Import):
                named |= {alias.name for alias in node.names}
            elif isinstance(node, ast.ImportFrom):
                near = above[: len(above) - node.level + 1] if node.level else []
                base = ".".join([*near, *filter(None, [node.module])])
                named |= {inner if (inner := f"{base}.{alias.name}") in files else base for alias in node.names}
        found[name] = named & files.keys() - {name}
    return found


def rooms(modules):
    """The same for what stands in a package side by side: its folders, and the modules outside of them."""
    room = {name: ".".join(name.split(".")[:2]) for name in modules}
    found = {place: set() for place in room.values()}
    for name, imports in modules.items():
        found[room[name]] |= {room[other] for other in imports} - {room[name]}
    return found
