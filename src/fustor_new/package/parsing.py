"""Python source as a tree, within bounds: what is too large or nested too deeply is a fault like bad syntax."""

import ast
import warnings
from pathlib import Path

from fustor_new._reading import read_bytes

__all__ = ["SourceError", "parse_python"]

_LIMIT_BYTES = 2 * 1024 * 1024
_DEEPEST = 300
"""So deep a tree may be: what walks it later does so step by step down Python's stack."""


class SourceError(ValueError):
    """A source file that cannot be read; the message says why."""


def parse_python(path: Path) -> ast.Module:
    """Return the tree of the source file at `path`. Raises SourceError."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # what Python says of the text is the author's business
            tree = ast.parse(read_bytes(path, limit_bytes=_LIMIT_BYTES))
    except SyntaxError as err:
        raise SourceError(f"line {err.lineno}: {err.msg}" if err.lineno else err.msg) from err
    except OSError as err:
        raise SourceError(err.strerror or str(err)) from err
    except (RecursionError, MemoryError) as err:  # the parser's own limits
        raise SourceError("it is nested too deeply") from err
    except (ValueError, OverflowError) as err:
        raise SourceError(str(err)) from err
    _check_depth(tree)
    return tree


def _check_depth(tree: ast.Module) -> None:
    level: list[ast.AST] = [tree]
    for _ in range(_DEEPEST):
        level = [child for node in level for child in ast.iter_child_nodes(node)]
        if not level:
            return
    raise SourceError("it is nested too deeply")
