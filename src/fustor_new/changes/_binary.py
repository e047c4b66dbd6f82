"""A binary file in a patch, as `git diff --binary` writes it: both sides whole, compressed, in base 85.

Source: git, Documentation/diff-format and `emit_binary_diff_body` in diff.c.
"""

import base64
import hashlib
import zlib
from collections.abc import Iterator

__all__ = ["binary_hunks", "is_binary"]

_BYTES_A_LINE = 52
_NOBODY = b"0" * 40


def is_binary(data: bytes) -> bool:
    """Tell whether these bytes are no lines of text, by git's own rule."""
    return b"\0" in data[:8000]


def binary_hunks(before: bytes | None, after: bytes | None) -> bytes:
    """Return what stands below the head of such a file; None where it comes or goes."""
    index = b"index %s..%s\n" % (_object_name(before), _object_name(after))
    return index + b"GIT binary patch\n" + _literal(after or b"") + b"\n" + _literal(before or b"") + b"\n"


def _object_name(data: bytes | None) -> bytes:
    if data is None:
        return _NOBODY
    return hashlib.sha1(b"blob %d\0" % len(data) + data, usedforsecurity=False).hexdigest().encode()


def _literal(data: bytes) -> bytes:
    return b"literal %d\n" % len(data) + b"".join(_lines(zlib.compress(data)))


def _lines(packed: bytes) -> Iterator[bytes]:
    for start in range(0, len(packed), _BYTES_A_LINE):
        piece = packed[start : start + _BYTES_A_LINE]
        length = len(piece) + (ord("A") - 1 if len(piece) <= 26 else ord("a") - 27)  # noqa: PLR2004 - the letters of the alphabet
        yield bytes([length]) + base64.b85encode(piece, pad=True) + b"\n"
