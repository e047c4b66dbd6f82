"""YAML of a user's, read so that a mistake in it shows nothing of it, and no text costs more than its size.

What is found to be wrong with it afterwards is given its line.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml

from fustor_driver.errors import FieldProblem

__all__ = ["UnreadableYaml", "parse_yaml", "placed"]


_MAX_NODES = 100_000
_MAX_DEPTH = 100
_MAX_CHARS = 1_000_000
_HINT = "put text that begins with a special character, or holds `: ` or ` #`, between single quotes"
_CONSTRUCTION_ERRORS = (ValueError, TypeError, KeyError, AttributeError, OverflowError, yaml.YAMLError)


class UnreadableYaml(Exception):  # noqa: N818 - of a text, and the caller says whose
    """Why a text is not read, without a word of it."""


class _Loader(yaml.SafeLoader):
    """Safe YAML; where a value cannot be made (a day that does not exist), it says where."""

    def construct_object(self, node: yaml.Node, deep: bool = False) -> Any:
        try:
            return super().construct_object(node, deep=deep)
        except _CONSTRUCTION_ERRORS:
            raise _unreadable(node.start_mark) from None


def parse_yaml(text: str) -> Any:
    """The plain data that a text holds.

    Raises:
        UnreadableYaml: it is not YAML, holds itself, or means far more than it says.
    """
    if len(text) > _MAX_CHARS:
        raise UnreadableYaml(f"is longer than {_MAX_CHARS:,} characters")
    try:
        loader = _Loader(text)
        node = loader.get_single_node()
        if node is None:
            return None
        _check_size(node)
        return loader.construct_document(node)
    except RecursionError:
        pass
    except yaml.MarkedYAMLError as err:
        raise _unreadable(err.problem_mark or err.context_mark) from None
    except (yaml.YAMLError, UnicodeError):
        raise UnreadableYaml(f"is not YAML: it holds a character that YAML does not allow; {_HINT}") from None
    raise UnreadableYaml(f"is nested more than {_MAX_DEPTH} levels deep")


def _unreadable(mark: yaml.Mark | None) -> UnreadableYaml:
    where = f"line {mark.line + 1}, column {mark.column + 1}" if mark is not None else "an unknown place"
    return UnreadableYaml(f"is not YAML that can be read, at {where}; {_HINT}")


def _check_size(root: yaml.Node) -> None:
    """What aliases repeat counts each time, and a node that holds itself has no size at all."""
    sizes: dict[int, int] = {}
    inside: dict[int, None] = {}
    stack: list[tuple[yaml.Node, bool]] = [(root, False)]
    while stack:
        node, done = stack.pop()
        if done:
            inside.pop(id(node))
            sizes[id(node)] = 1 + sum(sizes[id(child)] for child in _children(node))
            if sizes[id(node)] > _MAX_NODES:
                raise UnreadableYaml(f"means more than {_MAX_NODES:,} values, since aliases repeat them")
        elif id(node) in inside:
            raise UnreadableYaml(f"holds itself, by the alias of line {node.start_mark.line + 1}")
        elif id(node) not in sizes:
            inside[id(node)] = None
            if len(inside) > _MAX_DEPTH:
                raise UnreadableYaml(f"is nested more than {_MAX_DEPTH} levels deep")
            stack.append((node, True))
            stack += [(child, False) for child in _children(node)]


def _children(node: yaml.Node) -> list[yaml.Node]:
    if isinstance(node, yaml.MappingNode):
        return [child for pair in node.value for child in pair]
    return list(node.value) if isinstance(node, yaml.SequenceNode) else []


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
