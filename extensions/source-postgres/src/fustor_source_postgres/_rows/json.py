"""Values of json and jsonb, read without loss."""

from __future__ import annotations

import json
import re
from decimal import Decimal
from typing import Any

import orjson

_MAX_DEPTH = 100  # what reads or writes events further on gives up soon after, some at 255
_STRING = re.compile(r'"(?:[^"\\]|\\.)*"')
_BRACKET = re.compile(r"[][{}]")
_EXACT_LENGTH = 16  # 15 digits and a point: a double holds every such decimal
_SAFE_MAGNITUDE = 1e300
_SHAPE = bytes.maketrans(b"123456789.[,-", b"0000000000   ")
_LONG = b" " + b"0" * (_EXACT_LENGTH + 1)


def _number(text: str) -> float | str:
    """`text` as a float where a float holds it exactly, as it stands otherwise."""
    value = float(text)
    if len(text) <= _EXACT_LENGTH and 1 / _SAFE_MAGNITUDE < abs(value) < _SAFE_MAGNITUDE:
        return value
    return value if abs(value) != float("inf") and Decimal(repr(value)) == Decimal(text) else text


def _whole(text: str) -> int | str:
    """`text` as an integer, or as it stands where it has more digits than Python reads."""
    try:
        return int(text)
    except ValueError:
        return text


_decode = json.JSONDecoder(parse_float=_number).decode
_decode_long = json.JSONDecoder(parse_float=_number, parse_int=_whole).decode


def parse_json(text: str) -> Any:
    r"""The value of one json document.

    A number that a double cannot hold stays text, and so does a whole document with half a surrogate pair (type json
    accepts `"\ud800"`), since no text that can be stored or sent can carry one, or with more than a hundred levels.
    """
    if _is_deep(text):
        return text
    try:
        value = _decode(text)
    except json.JSONDecodeError:
        raise
    except ValueError:  # an integer with thousands of digits
        value = _decode_long(text)
    return text if "\\u" in text and _has_half_a_pair(value) else value


def _has_half_a_pair(value: Any) -> bool:
    try:
        json.dumps(value, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        return True
    return False


def _is_deep(text: str) -> bool:
    if text.count("[") + text.count("{") <= _MAX_DEPTH:
        return False
    depth = 0
    for bracket in _BRACKET.findall(_STRING.sub("", text)):
        depth += 1 if bracket in "[{" else -1
        if depth > _MAX_DEPTH:
            return True
    return False


def _one_is_deep(texts: list[str]) -> bool:
    return max(map(len, texts), default=0) > 2 * _MAX_DEPTH and any(map(_is_deep, texts))


def parse_json_column(texts: list[str]) -> list[Any]:
    """The values of many documents, for the price of one call."""
    joined = f"[{','.join(texts)}]"
    if "\\u" in joined or _one_is_deep(texts):
        return [parse_json(text) for text in texts]
    try:
        values: list[Any] = _decode(joined)
    except json.JSONDecodeError:
        raise
    except ValueError:
        return [parse_json(text) for text in texts]
    return values


def parse_jsonb(raw: bytes) -> Any:
    """The value of a jsonb document, the same as `parse_json` gives."""
    if b"\\u" in raw or raw.count(b"[") + raw.count(b"{") > _MAX_DEPTH or _has_long_numbers(b"[" + raw):
        return parse_json(raw.decode())
    return orjson.loads(raw)


def parse_jsonb_column(texts: list[str]) -> list[Any]:
    """The values of many jsonb documents, for the price of one call."""
    joined = f"[{','.join(texts)}]".encode()
    if (b"\\" in joined and b"\\u" in joined) or _one_is_deep(texts) or _has_long_numbers(joined):
        return parse_json_column(texts)
    values: list[Any] = orjson.loads(joined)
    return values


def _has_long_numbers(document: bytes) -> bool:
    """Whether a number may be there that a double does not hold.

    jsonb writes numbers without exponents, and behind a space, a comma, a bracket or a minus.
    """
    return _LONG in document.translate(_SHAPE)
