"""What a change is about: a file's bytes, or a directory with all its files."""

import errno
import hashlib
import os
import stat
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from fustor_new._reading import DEEPEST, read_bytes, walk
from fustor_new.errors import TargetConflict

__all__ = ["LARGEST_BYTES", "Content", "FileContent", "Print", "Tree", "digest", "fingerprint", "read_file"]

LARGEST_BYTES = 64 * 1024 * 1024
"""The largest file that is kept while it is replaced or removed."""
_LARGEST_TREE_BYTES = 512 * 1024 * 1024


@dataclass(frozen=True)
class FileContent:
    """A file's bytes and mode; of the mode only the executable bit counts, the rest is the umask's business.

    With the type bits of a symlink in its mode it is one, and `data` is where it leads.
    """

    data: bytes
    mode: int = 0o644

    @property
    def is_link(self) -> bool:
        """Tell whether this is a symlink."""
        return stat.S_ISLNK(self.mode)

    @property
    def is_executable(self) -> bool:
        """Tell whether the owner may execute the file."""
        return bool(self.mode & 0o100)

    def is_at(self, path: Path) -> bool:
        """Tell whether this is what is at `path`."""
        if self.is_link:
            return path.is_symlink() and os.fsencode(path.readlink()) == self.data
        if path.is_symlink() or not path.is_file():
            return False
        found = read_file(path)
        return found.is_executable == self.is_executable and found.data == self.data


@dataclass(frozen=True)
class Tree:
    """A directory: its files by their path below it (`/`-separated).

    `litter` names entries at any depth that tools make again, such as `__pycache__`: they are not looked at.
    """

    files: Mapping[str, FileContent]
    litter: frozenset[str] = frozenset()

    @classmethod
    def read(cls, folder: Path, litter: frozenset[str] = frozenset()) -> "Tree":
        """Return the directory as it is now. Raises TargetConflict for what no run creates or removes."""
        files: dict[str, FileContent] = {}
        left = _LARGEST_TREE_BYTES
        for path in sorted(_contents(folder, litter)):
            files[path.relative_to(folder).as_posix()] = content = read_file(path)
            left -= len(content.data)
            if left < 0:
                size = _LARGEST_TREE_BYTES // 1024**2
                raise TargetConflict(f"{str(folder)!r} holds more than {size} MB; remove what is large by hand first")
        return cls(files, litter)

    def differing(self, folder: Path) -> list[str]:
        """Return the paths that are not, or no longer, in `folder` as they are here, sorted."""
        if folder.is_symlink() or not folder.is_dir():
            return ["."]
        found = {path.relative_to(folder).as_posix() for path in _contents(folder, self.litter)}
        same = {name for name, content in self.files.items() if content.is_at(folder / name)}
        return sorted((found | set(self.files)) - (found & same))


Content = FileContent | Tree
Print = str | Mapping[str, tuple[str, str]] | None
"""What tells contents apart: the hash of a file; for a directory, those of its files, and what each is; None for none.

An empty text stands for whatever else may be there.
"""


def fingerprint(content: Content | None) -> Print:
    """Return what tells a content from another."""
    if isinstance(content, Tree):
        return {name: (digest(one.data), _kind(one)) for name, one in content.files.items()}
    return digest(content.data) if content else None


def digest(data: bytes) -> str:
    """Return the hash of a file of these bytes."""
    return hashlib.sha256(data).hexdigest()


def read_file(path: Path) -> FileContent:
    """Return what is at `path`: a file, or a symlink as such. Raises TargetConflict for anything else."""
    mode = path.lstat().st_mode
    if stat.S_ISLNK(mode):
        return FileContent(os.fsencode(path.readlink()), mode)
    if not stat.S_ISREG(mode):
        raise TargetConflict(f"{str(path)!r} is neither a file nor a symlink; move it away")
    return FileContent(read_bytes(path, limit_bytes=LARGEST_BYTES, follow=False), mode & 0o777)


def _kind(content: FileContent) -> str:
    return "symlink" if content.is_link else "executable" if content.is_executable else "file"


def _contents(folder: Path, litter: frozenset[str]) -> Iterator[Path]:
    """Yield everything below `folder` but directories, without what is litter."""
    try:
        yield from (
            Path(one.path) for _, one in walk(folder, lambda name: name not in litter) if one.name not in litter
        )
    except OSError as err:
        if err.errno != errno.ELOOP:
            raise
        raise TargetConflict(f"{str(folder)!r} is more than {DEEPEST} directories deep; remove it by hand") from err
