"""Where journals are kept: with the user, so that nothing that a checkout brings along is ever taken for one."""

import errno
import json
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from hashlib import sha256
from pathlib import Path

from fustor_new._reading import open_regular, read_open
from fustor_new.changes._journal import Journal, JournalError
from fustor_new.errors import EnvironmentProblem

__all__ = ["drop_journal", "journals_for", "state_directory", "write_journal"]

_LARGEST_BYTES = 64 * 1024 * 1024
_OTHERS = 0o077
_NAME = re.compile(r"[0-9a-f]{32}-[0-9a-f]+\.json")
_REMEDY = "set XDG_STATE_HOME to a directory of your own"


def state_directory() -> Path:
    """Return the directory for what runs note down: below XDG_STATE_HOME, or `~/.local/state`."""
    said = os.environ.get("XDG_STATE_HOME", "")
    base = Path(said) if said.startswith("/") else Path("~/.local/state").expanduser()  # a relative one does not count
    return base / "fustor-new"


def write_journal(journal: Journal) -> None:
    """Write the journal, whole or not at all; it lasts when this returns.

    Raises:
        EnvironmentProblem: there is no place for it which nobody else can write to.
    """
    where = state_directory()
    try:
        _check_apart(where, Path(journal.root))
        where.mkdir(mode=0o700, parents=True, exist_ok=True)
        with _opened(where) as folder:
            _check_apart(where, Path(journal.root))  # once more: what was not there may have become a symlink
            _write(folder, _name(journal.root, journal.stage), json.dumps(journal.as_data()).encode())
    except (OSError, RuntimeError) as err:  # RuntimeError: there is no home directory
        why = err.strerror if isinstance(err, OSError) else err
        raise EnvironmentProblem(
            f"Cannot note in {str(where)!r} what is to be done ({why}); nothing was changed, {_REMEDY}"
        ) from err


def drop_journal(journal: Journal) -> None:
    """Take the journal away: the run is over."""
    with suppress(FileNotFoundError), _opened(state_directory()) as folder:
        os.unlink(_name(journal.root, journal.stage), dir_fd=folder)


def journals_for(folder: Path) -> Iterator[Journal | str]:
    """Yield the journals of runs in `folder` or above it; a text instead, for people, where one cannot be read.

    `folder` is a real path. Only the user's own notes are looked at, no directory above.
    """
    where = state_directory()
    roots = {_key(str(root)): root for root in (folder, *folder.parents)}
    try:
        with _opened(where) as state:
            for name in sorted(os.listdir(state)):  # noqa: PTH208 - of an open directory
                if _NAME.fullmatch(name) and (root := roots.get(name[:32])) is not None:
                    _check_apart(where, root)
                    yield _read(state, where / name, str(root))
    except (OSError, RuntimeError, EnvironmentProblem):  # whoever may not write there has no run there either
        return


@contextmanager
def _opened(where: Path) -> Iterator[int]:
    """Give the open state directory. Raises EnvironmentProblem where others may have written in it."""
    folder = os.open(where, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        status = os.fstat(folder)
        if status.st_uid != os.geteuid() or status.st_mode & _OTHERS:
            raise EnvironmentProblem(f"{str(where)!r} is not yours alone; give it mode 0700, or {_REMEDY}")
        yield folder
    finally:
        os.close(folder)


def _check_apart(where: Path, root: Path) -> None:
    """Raise EnvironmentProblem where the state directory is part of the checkout at hand, which anybody may fill."""
    is_checkout = any(os.path.lexists(root / name) for name in (".git", "pyproject.toml"))
    if is_checkout and where.resolve().is_relative_to(root):
        raise EnvironmentProblem(f"{str(where)!r} lies in {str(root)!r}, which others may have filled; {_REMEDY}")


def _write(folder: int, name: str, data: bytes) -> None:
    draft = f"{name}.new"
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    with suppress(FileNotFoundError):
        os.unlink(draft, dir_fd=folder)
    with os.fdopen(os.open(draft, flags, 0o600, dir_fd=folder), "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    os.rename(draft, name, src_dir_fd=folder, dst_dir_fd=folder)
    os.fsync(folder)


def _read(state: int, path: Path, root: str) -> Journal | str:
    try:
        descriptor = open_regular(path.name, follow=False, within=state)
        try:
            status = os.fstat(descriptor)
            if status.st_uid != os.geteuid() or status.st_mode & _OTHERS:
                raise OSError(errno.EPERM, "it is not yours alone", str(path))
            journal = Journal.parse(json.loads(read_open(descriptor, path, limit_bytes=_LARGEST_BYTES)))
        finally:
            os.close(descriptor)
        if (journal.root, _name(journal.root, journal.stage)) != (root, path.name):
            raise JournalError("it is about another directory than its name says")
    except (OSError, ValueError, RecursionError) as err:
        why = err.strerror if isinstance(err, OSError) else err
        return f"Cannot read {str(path)!r} of an interrupted run ({why}); remove it"
    return journal


def _name(root: str, stage: str) -> str:
    return f"{_key(root)}-{stage.rpartition('-')[2]}.json"


def _key(root: str) -> str:
    return sha256(os.fsencode(root)).hexdigest()[:32]
