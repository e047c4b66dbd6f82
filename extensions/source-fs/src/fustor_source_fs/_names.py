"""File names as text that every JSON parser takes, and back.

A name that is valid UTF-8 and does not hold U+FFFD stays as it is. Otherwise each byte that is not text, and each byte
of a U+FFFD, becomes U+FFFD followed by two hexadecimal digits. Reading back replaces each such triple by its byte, so
two names never share a text.
"""

from __future__ import annotations

import os
import re

__all__ = ["name_of", "text_of"]

_MARK = "\ufffd"
_UNSAFE = re.compile("[\udc80-\udcff\ufffd]")
_ESCAPED = re.compile("\ufffd([89A-F][0-9A-F])")


def text_of(name: str) -> str:
    """The text for a name as Python's `os` functions give it; ordinary names come back unchanged."""
    if name.isascii():
        return name
    return _UNSAFE.sub(_escape, os.fsencode(name).decode("utf-8", "surrogateescape"))


def name_of(text: str) -> str:
    """The name for `os` functions that `text_of` turned into `text`."""
    if text.isascii():
        return text
    raw = _ESCAPED.sub(lambda match: chr(0xDC00 + int(match[1], 16)), text)
    return os.fsdecode(raw.encode("utf-8", "surrogateescape"))


def _escape(match: re.Match[str]) -> str:
    raw = match[0].encode("utf-8", "surrogateescape")
    return "".join(f"{_MARK}{byte:02X}" for byte in raw)
