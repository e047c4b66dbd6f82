"""The statements in PostgreSQL's TAP tests of logical replication: what they send to a publisher, in its order."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

# every node that is written to; what a subscriber alone holds is no business of a source
_CALL = re.compile(r"\$(?!node_sub)\w+->(?:safe_psql|psql)\(\s*(?:'[^']*'|\$\w+)\s*,\s*")
_LITERAL = re.compile(r"(?P<quote>['\"])|(?P<operator>qq?)\s*(?P<bracket>[({\[])")
_CLOSING = {"(": ")", "{": "}", "[": "]"}
_SUBSCRIBED = "CREATE SUBSCRIPTION"
_VARIABLE = re.compile(r"(?<!\\)[$@][A-Za-z_{]")
_ESCAPE = re.compile(r"\\(.)", re.DOTALL)
_MEANING = {"n": "\n", "t": "\t"}
# cluster-wide settings would outlive their case
_REFUSED = re.compile(r"alter\s+system", re.IGNORECASE)


class Script(NamedTuple):
    """What a test runs before anything is subscribed to, what it runs afterwards, and how much of it is left out."""

    before: list[str]
    after: list[str]
    left_out: int


def read_script(text: str) -> Script:
    """The statements of a test; one that is put together at run time is left out."""
    start = text.find(_SUBSCRIBED)
    script = Script([], [], 0)
    for position, statement in _calls(text):
        if statement is None or _REFUSED.search(statement):
            script = script._replace(left_out=script.left_out + 1)
        else:
            (script.before if position < start else script.after).append(statement)
    return script


def _calls(text: str) -> Iterator[tuple[int, str | None]]:
    for call in _CALL.finditer(text):
        yield call.start(), _expression(text, call.end())


def _expression(text: str, position: int) -> str | None:
    """The literals that stand here, joined by dots; `None` where anything else does."""
    parts = []
    while opening := _LITERAL.match(text, position):
        end = _end(text, opening)
        body = text[opening.end() : end]
        interpolated = opening["quote"] == '"' or opening["operator"] == "qq"
        if interpolated and _VARIABLE.search(body):
            return None
        parts.append(_unescaped(body) if interpolated else re.sub(r"\\(['\\])", r"\1", body))
        following = re.compile(r"\s*\.\s*").match(text, end + 1)
        if following is None:
            return "".join(parts)
        position = following.end()
    return None


def _end(text: str, opening: re.Match[str]) -> int:
    """Where a literal ends: brackets nest, a backslash takes the next character with it."""
    first, last = opening["bracket"], opening["quote"] or _CLOSING[opening["bracket"]]
    depth, position = 1, opening.end()
    while True:
        character = text[position]
        if character == "\\":
            position += 1
        elif character == last:
            depth -= 1
        elif character == first:
            depth += 1
        if not depth:
            return position
        position += 1


def _unescaped(body: str) -> str:
    return _ESCAPE.sub(lambda found: _MEANING.get(found[1], found[1]), body)
