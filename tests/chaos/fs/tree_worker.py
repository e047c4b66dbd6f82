"""Changes a tree at random, as fast as it can: `python tree_worker.py BASE SEED OPERATIONS`.

It works in BASE/root and BASE/outside and makes BASE the root of its file system first, as a user who owns nothing but
those two: links that it makes lead everywhere, and it must never be able to follow one out. Uses bytes for every name.
What fails because an earlier operation took its place away counts as done. Writes one byte to standard output when it
is ready and waits for a line on standard input before it starts.
"""

from __future__ import annotations

import os
import random
import shutil
import stat
import sys
from collections.abc import Callable

HOSTILE = [
    b"caf\xe9",
    b"\xff\xfe",
    b"new\nline",
    b'quo"te',
    b"tab\there",
    "e\u0301".encode(),
    "\u00e9".encode(),
    "\ufffdE9".encode(),
    "\U0001f333".encode(),
    b"%41",
    b"x" * 255,
    b" ",
    b"-rf",
]
MOST_DIRECTORIES = 400


def is_real(path: bytes) -> bool:
    """Tell whether `path` is a directory, with no symbolic link in it or on the way to it."""
    return os.path.isdir(path) and os.path.realpath(path) == path


class TreeWorker:
    def __init__(self, root: bytes, outside: bytes, seed: int) -> None:
        self.root = os.path.realpath(root)
        self.outside = outside
        self.random = random.Random(seed)
        self.directories = [self.root]
        self.serial = 0
        self.operations: list[tuple[int, Callable[[], None]]] = [
            (28, self.create),
            (8, self.append),
            (5, self.overwrite),
            (4, self.truncate),
            (6, self.replace),
            (10, self.delete),
            (12, self.make_directories),
            (9, self.rename_file),
            (10, self.rename_directory),
            (4, self.remove_tree),
            (3, self.move_in),
            (3, self.move_out),
            (3, self.link),
            (3, self.touch),
            (2, self.remake_directory),
            (2, self.swap_kind),
            (2, self.mode),
        ]

    def run(self, operations: int) -> None:
        weights = [weight for weight, _ in self.operations]
        actions = [action for _, action in self.operations]
        done = failures = 0
        for _ in range(operations):
            action = self.random.choices(actions, weights)[0]
            try:
                action()
                done += 1
            except OSError:  # taken away by an earlier operation
                failures += 1
                if failures % 50 == 0:
                    self.forget_missing()
            if len(self.directories) > MOST_DIRECTORIES:
                self.prune()
        if done < operations / 2:
            raise SystemExit(f"Only {done} of {operations} operations worked; the worker cannot act on its tree")

    # What to act on

    def name(self) -> bytes:
        roll = self.random.random()
        if roll < 0.5:
            return b"n%d" % self.random.randrange(60)
        if roll < 0.55:
            return self.random.choice(HOSTILE)
        self.serial += 1
        return b"s%d" % self.serial

    def directory(self) -> bytes:
        """A directory of the tree itself, never one that a link leads to: what is written stays in the tree."""
        path = self.random.choice(self.directories)
        if not is_real(path):
            raise FileNotFoundError(path)
        return path

    def path(self) -> bytes:
        return os.path.join(self.directory(), self.name())

    def entry(self, accept: Callable[[os.DirEntry[bytes]], bool]) -> bytes:
        for _ in range(8):
            with os.scandir(self.directory()) as entries:
                found = [entry.path for entry in entries if accept(entry)]
            if found:
                return self.random.choice(found)
        raise FileNotFoundError

    def file(self) -> bytes:
        return self.entry(lambda entry: entry.is_file(follow_symlinks=False))

    def single(self) -> bytes:
        """A file with one name."""
        return self.entry(lambda entry: entry.is_file(follow_symlinks=False) and entry.stat().st_nlink == 1)

    def subdirectory(self) -> bytes:
        return self.entry(lambda entry: entry.is_dir(follow_symlinks=False))

    def forget_missing(self) -> None:
        self.directories = [self.root, *(path for path in self.directories[1:] if is_real(path))]

    def prune(self) -> None:
        self.forget_missing()
        while len(self.directories) > MOST_DIRECTORIES // 2:
            shutil.rmtree(self.random.choice(self.directories[1:]), ignore_errors=True)
            self.forget_missing()

    def write(self, path: bytes, flags: int) -> None:
        """Write to a file with one name only: what is written through another name is no event of this one."""
        fd = os.open(path, (flags & ~os.O_TRUNC) | os.O_WRONLY | os.O_NOFOLLOW | os.O_NONBLOCK, 0o644)
        try:
            if os.fstat(fd).st_nlink > 1:
                raise FileExistsError(path)
            if flags & os.O_TRUNC:
                os.ftruncate(fd, 0)
            os.write(fd, self.content())
        finally:
            os.close(fd)

    def content(self) -> bytes:
        return b"x" * self.random.randrange(1, 400)

    # What to do

    def create(self) -> None:
        self.write(self.path(), os.O_CREAT | os.O_TRUNC)

    def append(self) -> None:
        self.write(self.single(), os.O_APPEND)

    def overwrite(self) -> None:
        self.write(self.single(), 0)

    def truncate(self) -> None:
        os.truncate(self.single(), self.random.randrange(100))

    def replace(self) -> None:
        target = self.file()
        temporary = target[:200] + b".tmp"
        self.write(temporary, os.O_CREAT | os.O_TRUNC)
        os.replace(temporary, target)

    def delete(self) -> None:
        os.unlink(self.entry(lambda entry: not entry.is_dir(follow_symlinks=False)))

    def make_directories(self) -> None:
        path = self.directory()
        for _ in range(self.random.randint(1, 3)):
            path = os.path.join(path, self.name())
            os.mkdir(path)
            self.directories.append(path)
        self.write(os.path.join(path, self.name()), os.O_CREAT | os.O_TRUNC)

    def rename_file(self) -> None:
        os.rename(self.file(), self.path())

    def rename_directory(self) -> None:
        source, target = self.subdirectory(), self.path()
        os.rename(source, target)
        self.directories.append(target)
        self.adopt(target)

    def remove_tree(self) -> None:
        shutil.rmtree(self.subdirectory())

    def move_in(self) -> None:
        self.serial += 1
        start = os.path.join(self.outside, b"in%d" % self.serial)
        os.makedirs(os.path.join(start, b"a", b"b"))
        for name in (b"one", b"a/two", b"a/b/three"):
            self.write(os.path.join(start, name), os.O_CREAT | os.O_TRUNC)
        target = self.path()
        os.rename(start, target)
        self.directories.append(target)
        self.adopt(target)

    def move_out(self) -> None:
        self.serial += 1
        away = os.path.join(self.outside, b"out%d" % self.serial)
        os.rename(self.subdirectory(), away)
        self.write(os.path.join(away, b"late"), os.O_CREAT | os.O_TRUNC)
        if self.random.random() < 0.5:
            target = self.path()
            os.rename(away, target)
            self.adopt(target)

    def link(self) -> None:
        kind = self.random.randrange(4)
        target = self.path()
        if kind == 0:
            os.link(self.file(), target)
        elif kind == 1:
            os.symlink(self.random.choice([b".", b"/no-such-place", b"nowhere", self.directory()]), target)
        elif kind == 2:
            os.mkfifo(target)
        else:
            os.mknod(target, stat.S_IFREG | 0o644)

    def touch(self) -> None:
        os.utime(self.single(), (self.random.randrange(2**31), self.random.randrange(2**31)))

    def remake_directory(self) -> None:
        path = self.subdirectory()
        shutil.rmtree(path)
        os.mkdir(path)
        self.write(os.path.join(path, self.name()), os.O_CREAT | os.O_TRUNC)

    def swap_kind(self) -> None:
        path = self.file()
        os.unlink(path)
        os.mkdir(path)
        self.directories.append(path)

    def mode(self) -> None:
        os.chmod(self.file(), self.random.choice([0o600, 0o644]))

    def adopt(self, path: bytes) -> None:
        for where, names, _ in os.walk(path):
            found = (os.path.join(where, name) for name in names)
            self.directories.extend(directory for directory in found if is_real(directory))


NOBODY = 65534


def confine(base: str) -> None:
    """Make `base` all that this process can name; owning nothing else, it could not change more anyway."""
    inode = os.stat(base).st_ino
    os.chroot(base)
    os.chdir("/")
    if os.stat("/").st_ino != inode or os.stat("/..").st_ino != inode:
        raise SystemExit("The worker is not confined to its tree; it does nothing")
    if os.path.exists("/etc") or os.path.exists("/proc"):
        raise SystemExit("The worker still sees the system; it does nothing")
    try:
        os.setgroups([])
        os.setgid(NOBODY)
        os.setuid(NOBODY)
    except OSError:  # in a user namespace there is nobody else to be
        if os.environ.get("TREE_WORKER_NAMESPACE") != "1":
            raise


def main() -> None:
    seed, operations = int(sys.argv[2]), int(sys.argv[3])
    confine(sys.argv[1])
    worker = TreeWorker(b"/root", b"/outside", seed)
    sys.stdout.write("r")
    sys.stdout.flush()
    sys.stdin.readline()
    worker.run(operations)


if __name__ == "__main__":
    main()
