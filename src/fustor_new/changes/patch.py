"""A plan as text: the patch whose `git apply` equals the run, and the same as JSON."""

import base64
import hashlib
import json
import os
import re
import zlib
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

from fustor_new.changes.content import FileContent
from fustor_new.changes.plan import Plan

__all__ = ["JSON_SCHEMA_VERSION", "as_json", "as_patch", "patch_base"]

JSON_SCHEMA_VERSION = 1
_EMPTY = b"e69de29"
"""The beginning of git's hash of an empty file."""
_BYTES_A_LINE = 52
_NOBODY = b"0" * 40


def patch_base(plan: Plan) -> Path:
    """Return the directory that the patch's paths are relative to, and where `git apply` is to be called.

    The top of the git working tree around the plan's root, else that root: in a sub-directory of a working tree
    `git apply` takes paths from the top all the same, and skips what it does not find silently.
    """
    touched = [change.path for change in plan.changes]
    root = Path(os.path.realpath(plan.root))
    top = next((path for path in (root, *root.parents) if _is_working_tree(path)), root)
    if all(_real(path).is_relative_to(top) for path in touched):
        return top
    return Path(os.path.commonpath([root, *(_real(path).parent for path in touched)]))


def as_patch(plan: Plan) -> bytes:
    """Return the plan as a patch in git's format, its paths relative to `patch_base`."""
    return b"".join(_diff(*file) for file in _files(plan, patch_base(plan)))


def as_json(plan: Plan, **more: object) -> str:
    """Return the plan as one JSON object: `schema`, `base`, `created`, `edited`, `removed`, `notes`, and `more`.

    Content that is not UTF-8 text stands in `base64` instead of `text`.
    """
    base = patch_base(plan)
    created, edited, removed = [], [], []
    for path, before, after in _files(plan, base):
        if before is not None and after is not None:
            sides = {"before": _content(before), "after": _content(after)}
            edited.append({"path": path, "mode": _mode(after).decode(), **sides})
        elif after is not None:
            created.append(_shown(path, after))
        elif before is not None:
            removed.append(_shown(path, before))
    data = {"schema": JSON_SCHEMA_VERSION, "base": str(base), "created": created, "edited": edited, "removed": removed}
    return json.dumps(data | {"notes": list(plan.notes)} | more, indent=2)


def _files(plan: Plan, base: Path) -> Iterator[tuple[str, FileContent | None, FileContent | None]]:
    for change in plan.changes:
        for path, before, after in change.files():
            yield os.path.relpath(_real(path.parent) / path.name, base), before, after


def _shown(path: str, content: FileContent) -> dict[str, str]:
    return {"path": path, "mode": _mode(content).decode(), **_content(content)}


def _mode(content: FileContent) -> bytes:
    return b"120000" if content.is_link else b"100755" if content.is_executable else b"100644"


def _content(content: FileContent) -> dict[str, str]:
    try:
        return {"text": content.data.decode()}
    except UnicodeDecodeError:
        return {"base64": base64.b64encode(content.data).decode()}


def _is_working_tree(path: Path) -> bool:
    git = path / ".git"
    return git.is_file() or (git / "HEAD").is_file()


def _real(path: Path) -> Path:
    return Path(os.path.realpath(path))


def _diff(path: str, before: FileContent | None, after: FileContent | None) -> bytes:
    """Return how git writes down that a file is created, edited or deleted."""
    head = b"diff --git " + _quoted("a/", path) + b" " + _quoted("b/", path) + b"\n"
    if before is None and after is not None:
        head += b"new file mode " + _mode(after) + b"\n"
    elif after is None and before is not None:
        head += b"deleted file mode " + _mode(before) + b"\n"
    elif before and after and _mode(before) != _mode(after):
        head += b"old mode " + _mode(before) + b"\nnew mode " + _mode(after) + b"\n"
    old, new = (content.data if content else b"" for content in (before, after))
    if old == new:  # git names an empty file that comes or goes by its hash alone
        nothing = b"0000000"
        index = b"index %s..%s\n" % (_EMPTY if before else nothing, _EMPTY if after else nothing)
        return head if before and after else head + index
    if _is_binary(old) or _is_binary(new):
        return head + _binary_hunks(before.data if before else None, after.data if after else None)
    from difflib import diff_bytes, unified_diff  # noqa: PLC0415 - most runs show no patch

    hunks = list(diff_bytes(unified_diff, BytesIO(old).readlines(), BytesIO(new).readlines(), b"a", b"b"))[2:]
    left = _name("a/", path) if before else b"/dev/null"
    right = _name("b/", path) if after else b"/dev/null"
    return head + b"--- " + left + b"\n+++ " + right + b"\n" + b"".join(map(_marked, hunks))


def _is_binary(data: bytes) -> bool:
    """Tell whether these bytes are no lines of text, by git's own rule."""
    return b"\0" in data[:8000]


def _binary_hunks(before: bytes | None, after: bytes | None) -> bytes:
    """Return what stands below the head of such a file; None where it comes or goes.

    Both sides are whole, compressed, in base 85, as `git diff --binary` writes them.
    Source: git, Documentation/diff-format and `emit_binary_diff_body` in diff.c.
    """
    index = b"index %s..%s\n" % (_object_name(before), _object_name(after))
    return index + b"GIT binary patch\n" + _literal(after or b"") + b"\n" + _literal(before or b"") + b"\n"


def _object_name(data: bytes | None) -> bytes:
    if data is None:
        return _NOBODY
    return hashlib.sha1(b"blob %d\0" % len(data) + data, usedforsecurity=False).hexdigest().encode()


def _literal(data: bytes) -> bytes:
    return b"literal %d\n" % len(data) + b"".join(_packed_lines(zlib.compress(data)))


def _packed_lines(packed: bytes) -> Iterator[bytes]:
    for start in range(0, len(packed), _BYTES_A_LINE):
        piece = packed[start : start + _BYTES_A_LINE]
        length = len(piece) + (ord("A") - 1 if len(piece) <= 26 else ord("a") - 27)  # noqa: PLR2004 - the letters of the alphabet
        yield bytes([length]) + base64.b85encode(piece, pad=True) + b"\n"


def _name(side: str, path: str) -> bytes:
    # A tab ends a name with blanks, or git would take what follows a blank for a time stamp.
    return _quoted(side, path) + (b"\t" if " " in path else b"")


def _quoted(side: str, path: str) -> bytes:
    raw = os.fsencode(side + path)
    special = {ord('"'): rb"\"", ord("\\"): rb"\\", ord("\n"): rb"\n", ord("\t"): rb"\t"}
    if not re.search(rb'[\x00-\x1f"\\\x7f-\xff]', raw):
        return raw
    escaped = (special.get(byte) or (b"\\%03o" % byte if not 32 <= byte < 127 else bytes([byte])) for byte in raw)  # noqa: PLR2004 - the printable range of ASCII
    return b'"' + b"".join(escaped) + b'"'


def _marked(line: bytes) -> bytes:
    return line if line.endswith(b"\n") else line + b"\n\\ No newline at end of file\n"
