"""The two ways in which uv reads a workspace's patterns.

A member pattern is walked on disk, one path component at a time, so that `*` stays within its component. An exclude
pattern is matched against the whole path as text, so that `*` crosses separators. Source: the glob crate that uv uses;
tests/engine/test_membership.py asks the installed uv.
"""

import os
import re
from pathlib import Path

__all__ = ["PatternError", "escape", "excluding", "has_magic", "including", "normalized"]

_TOKEN = re.compile(r"\[!(?P<other>.[^\]]*)\]|\[(?P<these>[^!][^\]]*)\]|(?P<stars>\*+)/?|(?P<any>\?)|.", re.DOTALL)


class PatternError(ValueError):
    """A pattern that uv refuses; the message says why."""


def has_magic(pattern: str) -> bool:
    """Tell whether `pattern` can stand for more than one path."""
    return any(char in pattern for char in "*?[")


def escape(path: str) -> str:
    """Return the pattern that stands for `path` alone."""
    return re.sub(r"[*?\[]", r"[\g<0>]", path)


def normalized(pattern: str) -> str:
    """Return `pattern` without `./`, doubled or trailing separators and resolvable `..`."""
    return os.path.normpath(pattern)


def including(root: Path, pattern: str) -> re.Pattern[str]:
    """Return an expression for the absolute paths that the member pattern finds, as far as they exist."""
    _translate(pattern, char="[^/]")
    return re.compile(
        _translate(normalized(f"{escape(str(root))}/{pattern}" if pattern[:1] != "/" else pattern), char="[^/]")
    )


def excluding(root: Path, pattern: str) -> re.Pattern[str]:
    """Return an expression for the absolute paths that the exclude pattern leaves out."""
    _translate(pattern, char=".")
    plain = normalized(pattern)
    # uv joins after normalising: what climbs out of the root keeps its `..` and matches no real path.
    whole = plain if plain.startswith("/") else f"{escape(str(root))}/{plain}"
    return re.compile(_translate(whole, char="."), re.DOTALL)


def _translate(pattern: str, *, char: str) -> str:
    within = char != "."
    return "".join(_piece(pattern, token, char, within=within) for token in _TOKEN.finditer(pattern))


def _piece(pattern: str, token: re.Match[str], char: str, *, within: bool) -> str:
    if token["stars"]:
        return _stars(pattern, token, char, within=within)
    if token["any"]:
        return char
    if token["other"] or token["these"]:
        if within and "/" in token[0]:
            raise PatternError(f"invalid range at position {token.start()}")
        wanted = _choice(token["these"] or token["other"])
        return f"(?:(?={char}){wanted})" if token["these"] else f"(?:(?!{wanted}){char})"
    if token[0] == "[":
        raise PatternError(f"invalid range at position {token.start()}")
    return re.escape(token[0])


def _stars(pattern: str, token: re.Match[str], char: str, *, within: bool) -> str:
    slash = "/" if token[0].endswith("/") else ""
    if len(token["stars"]) == 1:
        return f"{char}*{slash}"
    if len(token["stars"]) > 2:  # noqa: PLR2004 - `*` and `**` are all there is
        raise PatternError(f"wildcards are either '*' or '**', at position {token.start()}")
    if pattern[: token.start()][-1:] not in ("", "/") or not (slash or token.end() == len(pattern)):
        raise PatternError(f"'**' must be a whole path component, at position {token.start()}")
    if slash:
        return "(?:[^/]+/)*" if within else "(?:.*/)?"
    return ".*"


def _choice(specifiers: str) -> str:
    ranges = re.findall(r"(.)-(.)|(.)", specifiers, re.DOTALL)
    chosen = [
        f"{re.escape(low)}-{re.escape(high)}" if low else re.escape(single)
        for low, high, single in ranges
        if not low or low <= high
    ]
    return f"[{''.join(chosen)}]" if chosen else "(?!)"
