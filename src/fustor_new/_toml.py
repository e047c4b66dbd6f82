"""TOML as it is read: one way to parse it, and what stands at its keys."""

import re
import tomllib
from collections.abc import Mapping
from typing import Any

from fustor_new.errors import WorkspaceError

__all__ = ["BOM", "Keys", "find", "parse_toml", "table", "text", "texts"]

Keys = tuple[str, ...]

BOM = b"\xef\xbb\xbf"
"""The byte order mark that some editors put before a text."""
_LONG_KEY = re.compile(rb"""(?<![\w-])(?:(?:[\w-]++|"[^"\n]*+"|'[^'\n]*+')[ \t]*+\.[ \t]*+){64}""")


def parse_toml(content: bytes, path: str) -> dict[str, Any]:
    """Return what TOML says, with or without a byte order mark. Raises WorkspaceError that names `path`."""
    if _LONG_KEY.search(content):  # the library takes time and room by the square of it
        raise WorkspaceError(f"Cannot read {path!r} as TOML (it has a key of more than 64 parts); repair it first")
    try:
        return tomllib.loads(content.removeprefix(BOM).decode())
    except RecursionError as err:
        raise WorkspaceError(f"Cannot read {path!r} as TOML (it is nested too deeply); repair it first") from err
    except ValueError as err:  # no TOML, no UTF-8, or a number that Python does not take
        raise WorkspaceError(f"Cannot read {path!r} as TOML ({err}{_place(err, content)}); repair it first") from err


def _place(err: ValueError, content: bytes) -> str:
    """Return where in the text an error is, as far as its own message does not say so."""
    if isinstance(err, UnicodeDecodeError):
        before = err.object[: err.start]
        line_start = before.rfind(b"\n") + 1
        line = before.count(b"\n") + 1
        return f" (at line {line}, column {len(before[line_start:].decode()) + 1})"
    return f" (line {len(content.splitlines())})" if str(err).endswith("(at end of document)") else ""


def find(data: object, keys: Keys) -> Any:
    """Return the value at `keys`, None where there is none."""
    for key in keys:
        data = data.get(key) if isinstance(data, Mapping) else None
    return data


def table(data: object, *keys: str) -> Mapping[str, Any]:
    """Return the table at `keys`, an empty one where there is none or something else."""
    found = find(data, keys)
    return found if isinstance(found, Mapping) else {}


def text(data: Mapping[str, Any], key: str) -> str:
    """Return the text at `key`, an empty one where there is none or something else."""
    value = data.get(key)
    return value if isinstance(value, str) else ""


def texts(value: object) -> tuple[str, ...]:
    """Return the texts of a list; what else it holds is left out."""
    return tuple(one for one in value if isinstance(one, str)) if isinstance(value, list) else ()
