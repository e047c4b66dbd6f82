"""YAML of a checkout: parsed within bounds, and refused in words that show nothing of what stands there."""

from typing import Any

import yaml

__all__ = ["DocumentError", "parse_yaml"]

_MOST_NODES = 100_000
"""So many values there may be once every alias is written out: a sample configuration has a few dozen."""


class DocumentError(ValueError):
    """The text cannot be used; the message says why and where, and never what stands there: it may be a password."""


def parse_yaml(text: bytes) -> Any:
    """Return what the YAML document says. Raises DocumentError."""
    try:
        loader = yaml.SafeLoader(text)
        try:
            root = loader.get_single_node()
            _check_size(root)
            return loader.construct_document(root) if root is not None else None
        finally:
            loader.dispose()
    except yaml.MarkedYAMLError as err:
        mark = err.problem_mark or err.context_mark
        where = f" in line {mark.line + 1}, column {mark.column + 1}" if mark else ""
        raise DocumentError(f"it is not YAML, or holds a value that cannot be read{where}") from err
    except yaml.YAMLError as err:  # a character that no YAML holds
        raise DocumentError("it holds a character that no YAML may hold") from err
    except RecursionError as err:
        raise DocumentError("it is nested too deeply") from err
    except DocumentError:
        raise
    except (ValueError, TypeError, OverflowError, AttributeError) as err:  # such as a date that no calendar has
        raise DocumentError("it says something that no value can be") from err


def _check_size(root: yaml.Node | None) -> None:
    """Raise DocumentError where aliases make more of it than `_MOST_NODES`, or lead back to where they stand."""
    sizes: dict[int, int] = {}
    waiting: list[tuple[yaml.Node, bool]] = [(root, False)] if root is not None else []
    open_nodes: set[int] = set()
    while waiting:
        node, is_done = waiting.pop()
        children = _children(node)
        if is_done:
            open_nodes.discard(id(node))
            sizes[id(node)] = 1 + sum(sizes[id(child)] for child in children)
            if sizes[id(node)] > _MOST_NODES:
                raise DocumentError("its aliases make too much of it")
        elif id(node) in open_nodes:
            raise DocumentError("an alias leads back to where it stands")
        elif id(node) not in sizes:
            open_nodes.add(id(node))
            waiting.append((node, True))
            waiting += ((child, False) for child in children if id(child) not in sizes)


def _children(node: yaml.Node) -> list[yaml.Node]:
    if isinstance(node, yaml.MappingNode):
        return [part for pair in node.value for part in pair]
    return list(node.value) if isinstance(node, yaml.SequenceNode) else []
