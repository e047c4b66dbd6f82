"""YAML of a user's, read so that a mistake in it shows nothing of it, and no text costs more than its size."""

from __future__ import annotations

from typing import Any

import yaml

__all__ = ["UnreadableYaml", "parse_yaml"]

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
