"""What git tracks and ignores, read from its files. git is never run: a repository's settings may name programs."""

import hashlib
import os
import struct
from bisect import bisect_left
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

from fustor_new._reading import read_bytes
from fustor_new.doctor.ignoring import Ignored

__all__ = ["known_to_git", "parse_index", "tracked_by_git"]

_LARGEST_INDEX_BYTES = 256 * 1024 * 1024
_LARGEST_LINK_BYTES = 8192
_MOST_FILES = 20_000
_NAME_MASK, _EXTENDED = 0xFFF, 0x4000
_HASHES = ("sha1", "sha256")


def tracked_by_git(folder: Path) -> list[str]:
    """Return the paths below `folder` that git tracks; none outside a repository, or where its index cannot be read."""
    place = Path(os.path.realpath(folder))
    found = _repository(place)
    if found is None:
        return []
    top, directory = found
    prefix = f"{place.relative_to(top).as_posix()}/" if place != top else ""
    names = _tracked(directory / "index")
    start = bisect_left(names, prefix)
    return [name.removeprefix(prefix) for name in _while_prefixed(names, start, prefix)]


def known_to_git(folder: Path) -> list[str]:
    """Return the files below `folder` that git tracks or does not ignore, every one outside a repository; sorted."""
    place = Path(os.path.realpath(folder))
    found = _repository(place)
    if found is None:
        return sorted(_files(place, "", None, set()))
    top, directory = found
    tracked = set(tracked_by_git(place))
    kept = tracked | {name[:end] for name in tracked for end in range(len(name)) if name[end] == "/"}
    ignored = Ignored.at_top(top, _common(directory) / "info" / "exclude")
    return sorted(_files(place, "", ignored.below(place), kept))


def parse_index(data: bytes) -> list[str] | None:
    """Return the sorted paths in a git index of version 2, 3 or 4; None where it is none, or leans on another file."""
    for name in _HASHES:
        try:
            paths = _parsed(data, hashlib.new(name, usedforsecurity=False).digest_size)
        except (struct.error, IndexError, ValueError):
            continue
        if paths is not None:
            return sorted(os.fsdecode(path) for path in paths)
    return None


def _repository(place: Path) -> tuple[Path, Path] | None:
    """Return the working tree that `place` lies in, and its git directory."""
    for top in (place, *place.parents):
        entry = top / ".git"
        if entry.is_dir():
            return top, entry
        if entry.is_file():  # of a worktree, or of a submodule
            try:
                text = read_bytes(entry, limit_bytes=_LARGEST_LINK_BYTES)
            except OSError:
                return None
            return top, top / os.fsdecode(text.removeprefix(b"gitdir:").strip())
    return None


def _common(directory: Path) -> Path:
    try:
        text = read_bytes(directory / "commondir", limit_bytes=_LARGEST_LINK_BYTES)
    except (OSError, ValueError):
        return directory
    return directory / os.fsdecode(text.strip())


def _tracked(index: Path) -> list[str]:
    try:
        status = index.stat()
    except (OSError, ValueError):  # ValueError: a name that no file system takes
        return []
    return _read_index(index, status.st_ino, status.st_mtime_ns, status.st_size)


@lru_cache(maxsize=4)
def _read_index(index: Path, *_stamps: int) -> list[str]:
    """Return the tracked paths; read once for all packages of a repository, as long as the file is the same."""
    try:
        return parse_index(read_bytes(index, limit_bytes=_LARGEST_INDEX_BYTES)) or []
    except OSError:
        return []


def _while_prefixed(names: list[str], start: int, prefix: str) -> Iterator[str]:
    for number in range(start, len(names)):
        if not names[number].startswith(prefix):
            return
        yield names[number]


def _parsed(data: bytes, hash_bytes: int) -> list[bytes] | None:
    """Return the paths, or None where an index of these hashes does not end where it should."""
    signature, version, count = struct.unpack_from(">4sII", data)
    if signature != b"DIRC" or version not in {2, 3, 4} or count > len(data):
        return None
    at, end, previous = 12, len(data) - hash_bytes, b""
    paths = []
    for _ in range(count):
        start = at
        at += 40 + hash_bytes
        (flags,) = struct.unpack_from(">H", data, at)
        at += 4 if flags & _EXTENDED else 2
        if version == 4:  # noqa: PLR2004 - the one that shortens names by the one before
            dropped, at = _number(data, at)
            stop = data.index(b"\0", at, end)
            if dropped > len(previous):
                return None
            previous = previous[: len(previous) - dropped] + data[at:stop]
            at = stop + 1
        else:
            length = flags & _NAME_MASK
            stop = at + length if length < _NAME_MASK else data.index(b"\0", at, end)
            previous = data[at:stop]
            at = start + (stop - start + 8) // 8 * 8  # one to eight NULs follow
            if data[stop:at].strip(b"\0"):
                return None
        if not previous or b"\0" in previous:
            return None
        paths.append(previous)
    return paths if _ends_well(data, at, end) else None


def _number(data: bytes, at: int) -> tuple[int, int]:
    byte = data[at]
    value = byte & 0x7F
    while byte & 0x80:
        at += 1
        byte = data[at]
        value = (value + 1) << 7 | byte & 0x7F
        if value > len(data):
            raise ValueError("no length of a name")
    return value, at + 1


def _ends_well(data: bytes, at: int, end: int) -> bool:
    """Tell whether extensions fill what is left; an index that is split over two files is not read."""
    while at < end:
        signature, size = struct.unpack_from(">4sI", data, at)
        if signature == b"link":
            return False
        at += 8 + size
    return at == end


def _files(folder: Path, below: str, ignored: Ignored | None, kept: set[str]) -> Iterator[str]:
    """Yield the files below `folder` that are kept, or not ignored."""
    waiting = [(folder, below, ignored)]
    seen = 0
    while waiting and seen < _MOST_FILES:
        here, prefix, rules = waiting.pop()
        try:
            entries = sorted(os.scandir(here), key=lambda entry: entry.name)
        except OSError:  # it has just gone, or cannot be read
            continue
        for entry in entries:
            seen += 1
            path, is_directory = f"{prefix}{entry.name}", entry.is_dir(follow_symlinks=False)
            if entry.name == ".git":
                continue
            if rules is not None and path not in kept and rules.covers(entry.name, is_directory=is_directory):
                continue
            if is_directory:
                inner = Path(entry.path)
                waiting.append((inner, f"{path}/", rules.into(entry.name) if rules is not None else None))
            else:
                yield path
