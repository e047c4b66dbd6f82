"""A plan as text: the patch whose `git apply` equals the run, and the same as JSON."""

import base64
import json
import os
import re
from collections.abc import Iterator
from difflib import diff_bytes, unified_diff
from pathlib import Path

from fustor_new.changes.plan import Edit, FileContent, Plan

__all__ = ["JSON_SCHEMA_VERSION", "as_json", "as_patch", "patch_base"]

JSON_SCHEMA_VERSION = 1


def patch_base(plan: Plan) -> Path:
    """Return the directory that the patch's paths are relative to, and where `git apply` is to be called.

    The top of the git working tree around the plan's root, else that root: in a sub-directory of a working tree
    `git apply` takes paths from the top all the same, and skips what it does not find without a word.
    """
    touched = [*(tree.target for tree in plan.trees), *(edit.path for edit in plan.edits)]
    touched += [removal.target for removal in plan.removals]
    root = Path(os.path.realpath(plan.root))
    top = next((path for path in (root, *root.parents) if _is_working_tree(path)), root)
    if all(_real(path).is_relative_to(top) for path in touched):
        return top
    return Path(os.path.commonpath([root, *(_real(path).parent for path in touched)]))


def as_patch(plan: Plan) -> bytes:
    """Return the plan as a patch in git's format, its paths relative to `patch_base`."""
    base = patch_base(plan)
    parts = [_edited(edit, base) for edit in plan.edits if edit.before is not None and edit.after is not None]
    parts += [_created(path, content) for path, content in _new_files(plan, base)]
    parts += [_deleted(path, content) for path, content in _old_files(plan, base)]
    return b"".join(parts)


def as_json(plan: Plan, **more: object) -> str:
    """Return the plan as one JSON object: `schema`, `base`, `created`, `edited`, `removed`, `notes`, and `more`.

    Content that is no UTF-8 text stands in `base64` instead of `text`.
    """
    base = patch_base(plan)
    data = {
        "schema": JSON_SCHEMA_VERSION,
        "base": str(base),
        "created": [_shown(path, content) for path, content in _new_files(plan, base)],
        "edited": [
            {
                "path": _relative(edit.path, base),
                "mode": _mode(executable=edit.is_executable).decode(),
                "before": _content(edit.before),
                "after": _content(edit.after),
            }
            for edit in plan.edits
            if edit.before is not None and edit.after is not None
        ],
        "removed": [_shown(path, content) for path, content in _old_files(plan, base)],
        "notes": list(plan.notes),
    }
    return json.dumps(data | more, indent=2)


def _new_files(plan: Plan, base: Path) -> Iterator[tuple[str, FileContent]]:
    for tree in plan.trees:
        for name, content in tree.files.items():
            yield _relative(tree.target / name, base), content
    for edit in plan.edits:
        if edit.before is None and edit.after is not None:
            yield _relative(edit.path, base), FileContent(edit.after, 0o755 if edit.is_executable else 0o644)


def _old_files(plan: Plan, base: Path) -> Iterator[tuple[str, FileContent]]:
    for edit in plan.edits:
        if edit.after is None and edit.before is not None:
            yield _relative(edit.path, base), FileContent(edit.before, edit.mode)
    for removal in plan.removals:
        for name, content in sorted(removal.files.items()):
            yield _relative(removal.target / name, base), content


def _shown(path: str, content: FileContent) -> dict[str, str]:
    mode = "120000" if content.is_link else _mode(executable=content.is_executable).decode()
    return {"path": path, "mode": mode, **_content(content.data)}


def _mode(*, executable: bool) -> bytes:
    return b"100755" if executable else b"100644"


def _content(data: bytes | None) -> dict[str, str]:
    data = data or b""
    try:
        return {"text": data.decode()}
    except UnicodeDecodeError:
        return {"base64": base64.b64encode(data).decode()}


def _is_working_tree(path: Path) -> bool:
    git = path / ".git"
    return git.is_file() or (git / "HEAD").is_file()


def _real(path: Path) -> Path:
    return Path(os.path.realpath(path))


def _relative(path: Path, base: Path) -> str:
    return os.path.relpath(_real(path.parent) / path.name, base)


def _created(path: str, content: FileContent) -> bytes:
    head = _head(path) + b"new file mode " + _mode(executable=content.is_executable) + b"\n"
    if not content.data:
        return head + b"index 0000000..e69de29\n"
    return (
        head
        + b"--- /dev/null\n+++ "
        + _name("b/", path)
        + b"\n@@ -0,0 +1"
        + _count(content.data)
        + _body(content.data, b"+")
    )


def _deleted(path: str, content: FileContent) -> bytes:
    mode = b"120000" if content.is_link else _mode(executable=content.is_executable)
    head = _head(path) + b"deleted file mode " + mode + b"\n"
    if not content.data:
        return head + b"index e69de29..0000000\n"
    count = _count(content.data)
    return head + b"--- " + _name("a/", path) + b"\n+++ /dev/null\n@@ -1" + count + b" +0,0" + _body(content.data, b"-")


def _count(data: bytes) -> bytes:
    lines = len(_lines(data))
    return b"" if lines == 1 else b",%d" % lines


def _body(data: bytes, sign: bytes) -> bytes:
    return b" @@\n" + b"".join(_marked(sign + line) for line in _lines(data))


def _edited(edit: Edit, base: Path) -> bytes:
    path = _relative(edit.path, base)
    head = _head(path)
    if edit.was_executable != edit.is_executable:
        was, becomes = _mode(executable=edit.was_executable), _mode(executable=edit.is_executable)
        head += b"old mode " + was + b"\nnew mode " + becomes + b"\n"
    if edit.before == edit.after:
        return head
    hunks = list(diff_bytes(unified_diff, _lines(edit.before or b""), _lines(edit.after or b""), b"a", b"b"))[2:]
    body = b"".join(_marked(line) for line in hunks)
    return head + b"--- " + _name("a/", path) + b"\n+++ " + _name("b/", path) + b"\n" + body


def _head(path: str) -> bytes:
    return b"diff --git " + _quoted("a/", path) + b" " + _quoted("b/", path) + b"\n"


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


def _lines(data: bytes) -> list[bytes]:
    return re.findall(rb"[^\n]*\n|[^\n]+\Z", data)


def _marked(line: bytes) -> bytes:
    return line if line.endswith(b"\n") else line + b"\n\\ No newline at end of file\n"
