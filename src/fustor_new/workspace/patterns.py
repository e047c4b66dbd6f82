"""The two ways in which uv reads a workspace's patterns.

A member pattern is walked on disk, one path component at a time, so that `*` stays within its component. An exclude
pattern is matched against the whole path as text, so that `*` crosses separators. Source: the glob crate that uv uses;
tests/workspace/test_membership.py asks the installed uv.
"""

import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path

from fustor_new._wildcards import chosen, expression, is_path

__all__ = ["Glob", "PatternError", "escape", "excluding", "has_magic", "including", "normalized"]

_TOKEN = re.compile(
    r"\[!(?P<other>.[^\]]*)\]|\[(?P<these>[^!][^\]]*)\]|(?P<stars>\*+)(?P<slash>/?)|(?P<any>\?)|.", re.DOTALL
)


class PatternError(ValueError):
    """A pattern that uv refuses; the message says why."""


Glob = Callable[[str], bool]
"""Tells of an absolute path whether the whole of it is what a pattern stands for."""


def has_magic(pattern: str) -> bool:
    """Tell whether `pattern` can stand for more than one path."""
    return any(char in pattern for char in "*?[")


def escape(path: str) -> str:
    """Return the pattern that stands for `path` alone."""
    return re.sub(r"[*?\[]", r"[\g<0>]", path)


def normalized(pattern: str) -> str:
    """Return `pattern` without `./`, doubled or trailing separators and resolvable `..`."""
    return os.path.normpath(pattern)


def including(root: Path, pattern: str) -> Glob:
    """Return what finds the absolute paths that the member pattern stands for, as far as they exist.

    Raises:
        PatternError: uv refuses the pattern.
    """
    tuple(_pieces(pattern, within=True))  # as it is written, it may be refused for what normalising takes away
    plain = normalized(pattern if pattern[:1] == "/" else f"{escape(str(root))}/{pattern}")
    parts = [None if part == "**" else expression(_pieces(part, within=True)) for part in plain.split("/")]
    return lambda path: is_path(parts, path.split("/"))


def excluding(root: Path, pattern: str) -> Glob:
    """Return what finds the absolute paths that the exclude pattern leaves out. Raises PatternError as `including`."""
    tuple(_pieces(pattern, within=False))
    plain = normalized(pattern)
    # uv joins after normalising: what climbs out of the root keeps its `..` and matches no real path.
    whole = expression(_pieces(plain if plain[:1] == "/" else f"{escape(str(root))}/{plain}", within=False))
    return lambda path: whole.fullmatch(path) is not None


def _pieces(pattern: str, *, within: bool) -> Iterator[str]:
    """Yield the stars of the pattern and the expressions of its characters; `within`: none but `**` takes a separator.

    Raises:
        PatternError: uv refuses the pattern.
    """
    for token in _TOKEN.finditer(pattern):
        if token["stars"]:
            yield from _stars(pattern, token)
        elif token["any"]:
            yield "."
        elif token[0] == "[" or (within and "/" in token[0][1:]):
            raise PatternError(f"invalid range at position {token.start()}")
        elif characters := token["other"] or token["these"]:
            ranges = re.findall(r"(.)-(.)|(.)", characters, re.DOTALL)
            spans = ((single or low, single or high) for low, high, single in ranges)
            yield chosen(spans, other=bool(token["other"]))
        else:
            yield re.escape(token[0])


def _stars(pattern: str, token: re.Match[str]) -> Iterator[str]:
    if len(token["stars"]) > 2:  # noqa: PLR2004 - `*` and `**` are all there is
        raise PatternError(f"wildcards are either '*' or '**', at position {token.start()}")
    if len(token["stars"]) == 1:
        yield from token[0]
    elif pattern[: token.start()][-1:] not in ("", "/") or (not token["slash"] and token.end() != len(pattern)):
        raise PatternError(f"'**' must be a whole path component, at position {token.start()}")
    else:
        yield "**/" if token["slash"] else "*"
