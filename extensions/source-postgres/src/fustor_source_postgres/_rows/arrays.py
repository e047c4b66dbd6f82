"""PostgreSQL's text form of an array, as nested lists."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

_TOKEN = re.compile(r'([{}])|"((?:[^"\\]|\\.)*)"|((?:[^{}",\\]|\\.)+)', re.DOTALL)
_TOKEN_SEMICOLON = re.compile(r'([{}])|"((?:[^"\\]|\\.)*)"|((?:[^{}";\\]|\\.)+)', re.DOTALL)
_ESCAPE = re.compile(r"\\(.)", re.DOTALL)


def parse_array(text: str, element: Callable[[str], Any], delimiter: str = ",") -> list[Any]:
    """The elements of the array `text`, each read by `element`; NULL is None, and bounds are left out.

    `delimiter` is that of the element's type: a comma for all built-in types but `box`, which has a semicolon.
    """
    token = _TOKEN if delimiter == "," else _TOKEN_SEMICOLON
    stack: list[list[Any]] = [[]]
    for brace, quoted, plain in token.findall(text, text.index("{")):
        if brace == "{":
            stack.append([])
        elif brace == "}":
            stack[-2].append(stack.pop())
        elif plain:
            stack[-1].append(None if plain.upper() == "NULL" else element(_ESCAPE.sub(r"\1", plain)))
        else:
            stack[-1].append(element(_ESCAPE.sub(r"\1", quoted)))
    outermost: list[Any] = stack[0][0]
    return outermost
