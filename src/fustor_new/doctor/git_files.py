"""What git tracks and ignores, read from its files. git is never run: a repository's settings may name programs.

What is ignored follows gitignore(5). A name is compared in time that is bounded by both lengths.
"""

import hashlib
import os
import re
import struct
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice, takewhile
from pathlib import Path

from fustor_new._reading import from_home, read_bytes
from fustor_new._wildcards import Components, chosen, expression, is_path

__all__ = ["known_to_git", "parse_index", "tracked_by_git"]

_LARGEST_INDEX_BYTES = 256 * 1024 * 1024
_LARGEST_LINK_BYTES = 8192
_MOST_FILES = 20_000
_NAME_MASK, _EXTENDED = 0xFFF, 0x4000
_HASHES = ("sha1", "sha256")
_LARGEST_BYTES = 256 * 1024
_MOST_RULES = 2000
_LONGEST_RULE = 1024
_TOKEN = re.compile(
    r"\\(?P<escaped>.)|\[(?P<no>[!^]?)(?P<set>\]?[^\]]*)\]|(?P<star>\*+)|(?P<any>\?)|(?P<plain>.)", re.DOTALL
)
_RANGE = re.compile(r"\\?(.)(?:-\\?(.))?", re.DOTALL)
_EXCLUDES_FILE = re.compile(rb'^\s*excludesfile\s*=\s*"?([^"\n]+?)"?\s*$', re.IGNORECASE | re.MULTILINE)


@dataclass(frozen=True)
class _Rule:
    """One line: its components (None stands for any number of directories), where it counts, and what it says."""

    components: Components
    is_anchored: bool
    is_for_directories: bool
    is_exception: bool

    def matches(self, path: Sequence[str], *, is_directory: bool) -> bool:
        """Tell whether the rule is about `path`, whose components are below the directory of its file."""
        if self.is_for_directories and not is_directory:
            return False
        if not self.is_anchored:
            name = self.components[0]
            return name is not None and name.fullmatch(path[-1]) is not None
        return is_path(self.components, path)


@dataclass(frozen=True)
class _Ignored:
    """The rules that count in one directory: the user's, the repository's, and those of every directory down to it."""

    folder: Path
    path: tuple[str, ...]
    """Its components below the top of the repository, byte by byte, as git compares them."""
    sources: tuple[tuple[int, tuple[_Rule, ...]], ...]
    """The rules of each file, with the number of components above the directory that it is in."""
    is_whole: bool = False
    """Whether everything here is ignored, as a directory above is."""

    @classmethod
    def at_top(cls, top: Path, exclude: Path) -> "_Ignored":
        """Return the rules for the top of a repository; `exclude` is its own file of them."""
        files = (_users(), exclude, top / ".gitignore")
        return cls(top, (), tuple((0, _rules(file)) for file in files))

    def below(self, place: Path) -> "_Ignored":
        """Return the rules for a directory below this one."""
        rules = self
        for name in place.relative_to(self.folder).parts:
            rules = rules.into(name)
        return rules

    def into(self, name: str) -> "_Ignored":
        """Return the rules for a directory in this one."""
        folder, path = self.folder / name, (*self.path, _bytewise(name))
        sources = (*self.sources, (len(path), _rules(folder / ".gitignore")))
        return _Ignored(folder, path, sources, self.covers(name, is_directory=True))

    def covers(self, name: str, *, is_directory: bool) -> bool:
        """Tell whether the entry of this directory is ignored."""
        path = (*self.path, _bytewise(name))
        for depth, rules in reversed(self.sources):
            for rule in reversed(rules):
                if rule.matches(path[depth:], is_directory=is_directory):
                    return self.is_whole or not rule.is_exception
        return self.is_whole


def _rule(line: str) -> _Rule | None:
    text = line.rstrip(" ")
    text += " " if text.endswith("\\") and text != line else ""
    if not text or text.startswith("#") or len(text) > _LONGEST_RULE:
        return None
    is_exception = text.startswith("!")
    text = text[1:] if is_exception else text
    is_for_directories = text.endswith("/")
    text = text.removesuffix("/")
    is_anchored = "/" in text
    parts = text.removeprefix("/").split("/")
    if not all(parts):
        return None
    components = tuple(
        None if part == "**" and is_anchored else expression(map(_piece, _TOKEN.finditer(part))) for part in parts
    )
    return _Rule(components, is_anchored, is_for_directories, is_exception)


def _piece(token: re.Match[str]) -> str:
    """Return the expression of one character of a name, or a star."""
    if token["star"] or token["any"]:
        return "*" if token["star"] else "."
    if token["set"] is None:
        return re.escape(token["escaped"] or token["plain"])
    return chosen(((low, high or low) for low, high in _RANGE.findall(token["set"])), other=bool(token["no"]))


def _rules(path: Path) -> tuple[_Rule, ...]:
    """Return the rules of a file, in its order; of a file with too many of them none."""
    try:
        text = read_bytes(path, limit_bytes=_LARGEST_BYTES)
    except (OSError, ValueError):  # there is none, or nothing that git would read either
        return ()
    lines = text.removeprefix(b"\xef\xbb\xbf").decode("latin-1").split("\n")
    found = tuple(rule for line in lines if (rule := _rule(line.removesuffix("\r"))) is not None)
    return found if len(found) <= _MOST_RULES else ()


def _bytewise(name: str) -> str:
    return os.fsencode(name).decode("latin-1")


def _users() -> Path:
    """Return the file with the user's own rules; without a home directory one where nothing is, not one in here."""
    said = os.environ.get("XDG_CONFIG_HOME", "")
    folder = (Path(said) if said.startswith("/") else Path("/", from_home("~/.config"))) / "git"
    for settings in (Path("/", from_home("~/.gitconfig")), folder / "config"):
        try:
            found = _EXCLUDES_FILE.findall(read_bytes(settings, limit_bytes=_LARGEST_BYTES))
        except OSError:
            continue
        if found:
            return from_home(os.fsdecode(found[-1]))
    return folder / "ignore"


def tracked_by_git(folder: Path) -> list[str]:
    """Return the paths below `folder` that git tracks; none outside a repository, or where its index cannot be read."""
    place = Path(os.path.realpath(folder))
    found = _repository(place)
    if found is None:
        return []
    top, directory = found
    prefix = f"{place.relative_to(top).as_posix()}/" if place != top else ""
    names = _tracked(directory / "index")
    from_here = islice(names, bisect_left(names, prefix), None)
    return [name.removeprefix(prefix) for name in takewhile(lambda name: name.startswith(prefix), from_here)]


def known_to_git(folder: Path) -> list[str]:
    """Return the files below `folder` that git tracks or does not ignore, every one outside a repository; sorted."""
    place = Path(os.path.realpath(folder))
    found = _repository(place)
    if found is None:
        return sorted(_files(place, "", None, set()))
    top, directory = found
    tracked = set(tracked_by_git(place))
    kept = tracked | {name[:end] for name in tracked for end in range(len(name)) if name[end] == "/"}
    ignored = _Ignored.at_top(top, _common(directory) / "info" / "exclude")
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


def _files(folder: Path, below: str, ignored: _Ignored | None, kept: set[str]) -> Iterator[str]:
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
