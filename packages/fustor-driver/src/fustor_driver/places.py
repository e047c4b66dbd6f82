"""Where in a configuration file a mistake stands."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import yaml

from fustor_driver.errors import FieldProblem

__all__ = ["placed"]


def placed(file: Path, problems: Sequence[FieldProblem], below: str = "") -> tuple[FieldProblem, ...]:
    """The same mistakes, each with its line; without one where the file cannot be read any more.

    Args:
        file: was read before, so it is YAML of a reasonable size.
        problems: their fields are paths below `below`; what is missing stands where it should be.
        below: the path of an entry, such as `sources.shop.`.
    """
    try:
        root = yaml.compose(file.read_text(encoding="utf-8"), Loader=yaml.SafeLoader)
    except (OSError, ValueError, yaml.YAMLError):
        return tuple(problems)
    return tuple(_placed(file, root, problem, below) for problem in problems)


def _placed(file: Path, root: yaml.Node | None, problem: FieldProblem, below: str) -> FieldProblem:
    line = _line(root, below + problem.field)
    if line is None:
        return problem
    return FieldProblem(problem.field, f"{problem.message} (line {line} of {str(file)!r})")


def _line(node: yaml.Node | None, path: str) -> int | None:
    """The line of what a dotted path names, or of the last part of it that is there; keys may hold dots themselves."""
    line: int | None = None
    while path and node is not None:
        for name, place, below in _parts(node):
            if path == name or path.startswith(f"{name}."):
                line, node, path = place, below, path[len(name) + 1 :]
                break
        else:
            break
    return line


def _parts(node: yaml.Node) -> list[tuple[str, int, yaml.Node]]:
    if isinstance(node, yaml.MappingNode):
        return [(str(key.value), key.start_mark.line + 1, value) for key, value in node.value]
    if isinstance(node, yaml.SequenceNode):
        return [(str(at), item.start_mark.line + 1, item) for at, item in enumerate(node.value)]
    return []
