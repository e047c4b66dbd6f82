"""A plan as text: the patch whose `git apply` equals the run, and the same as JSON."""

import base64
import json
import os
import re
from collections.abc import Iterator
from difflib import diff_bytes, unified_diff
from pathlib import Path

from fustor_new.plan import Edit, FileContent, NewTree, Plan

__all__ = ["JSON_SCHEMA_VERSION", "as_json", "as_patch", "patch_base"]

JSON_SCHEMA_VERSION = 1


def patch_base(plan: Plan) -> Path:
    """Return the directory that the patch's paths are relative to, and where `git apply` is to be called.

    The top of the git working tree around the plan's root, else that root: in a sub-directory of a working tree
    `git apply` takes paths from the top all the same, and skips what it does not find without a word.
    """
    touched = [*(tree.target for tree in plan.trees), *(edit.path for edit in plan.edits)]
    root = Path(os.path.realpath(plan.root))
    top = next((path for path in (root, *root.parents) if _is_working_tree(path)), root)
    if all(_real(path).is_relative_to(top) for path in touched):
        return top
    return Path(os.path.commonpath([root, *(_real(path).parent for path in touched)]))


def as_patch(plan: Plan) -> bytes:
    """Return the plan as a patch in git's format, its paths relative to `patch_base`."""
    base = patch_base(plan)
    parts = [_edited(edit, base) for edit in plan.edits]
    parts += [_created(_relative(tree.target / name, base), file) for tree, name, file in _files(plan)]
    return b"".join(parts)


def as_json(plan: Plan) -> str:
    """Return the plan as one JSON object: `schema`, `base`, `created`, `edited`, `notes`.

    Content that is no UTF-8 text stands in `base64` instead of `text`.
    """
    base = patch_base(plan)
    return json.dumps(
        {
            "schema": JSON_SCHEMA_VERSION,
            "base": str(base),
            "created": [
                {
                    "path": _relative(tree.target / name, base),
                    "mode": "100755" if file.is_executable else "100644",
                    **_content(file.data),
                }
                for tree, name, file in _files(plan)
            ],
            "edited": [
                {"path": _relative(edit.path, base), "before": _content(edit.before), "after": _content(edit.after)}
                for edit in plan.edits
            ],
            "notes": list(plan.notes),
        },
        indent=2,
        ensure_ascii=False,
    )


def _files(plan: Plan) -> Iterator[tuple[NewTree, str, FileContent]]:
    for tree in plan.trees:
        for name, content in tree.files.items():
            yield tree, name, content


def _content(data: bytes) -> dict[str, str]:
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
    mode = b"100755" if content.is_executable else b"100644"
    head = _head(path) + b"new file mode " + mode + b"\n"
    if not content.data:
        return head + b"index 0000000..e69de29\n"
    lines = _lines(content.data)
    count = b"" if len(lines) == 1 else b",%d" % len(lines)
    body = b"".join(_marked(b"+" + line) for line in lines)
    return head + b"--- /dev/null\n+++ " + _name("b/", path) + b"\n@@ -0,0 +1" + count + b" @@\n" + body


def _edited(edit: Edit, base: Path) -> bytes:
    path = _relative(edit.path, base)
    hunks = list(diff_bytes(unified_diff, _lines(edit.before), _lines(edit.after), b"a", b"b"))[2:]
    body = b"".join(_marked(line) for line in hunks)
    return _head(path) + b"--- " + _name("a/", path) + b"\n+++ " + _name("b/", path) + b"\n" + body


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
