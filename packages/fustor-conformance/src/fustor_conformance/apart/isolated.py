"""Run as a script in a fresh interpreter: import an entry point and write down what that did.

The job comes as JSON on standard input: `path` (sys.path), `blocked` (top-level names that must look absent), `value`
(the entry point), `package` (directories whose own doings count), `result` (the file to write to).
"""

import json
import sys
import sysconfig
import threading
import traceback
from importlib.abc import MetaPathFinder
from pathlib import Path
from pkgutil import resolve_name
from typing import Any

_STANDARD = (sysconfig.get_path("stdlib"), "<frozen", "<string")
_WRITES = frozenset("wax+")
_DOINGS = frozenset(
    {"threading.Thread", "subprocess.Popen", "os.system", "os.fork", "os.exec", "os.posix_spawn"}
    | {"socket.connect", "socket.bind", "os.mkdir", "os.remove", "os.rename", "os.rmdir", "os.putenv", "shutil.rmtree"}
)


class _Absent(MetaPathFinder):
    """Makes other people's distributions look as if they were not installed."""

    def __init__(self, blocked: list[str]) -> None:
        self.blocked = frozenset(blocked)

    def find_spec(self, fullname: str, path: object = None, target: object = None) -> None:
        del path, target
        if fullname.partition(".")[0] in self.blocked:
            raise ModuleNotFoundError(f"No module named {fullname!r} (it is not among the dependencies)", name=fullname)


class _Witness:
    """Notes what the package's own lines do, as the interpreter's audit hook tells it."""

    def __init__(self, package: list[str]) -> None:
        self.package = tuple(package)
        self.seen: list[str] = []
        self.watching = True

    def __call__(self, event: str, args: tuple[Any, ...]) -> None:
        if not self.watching or not (event in _DOINGS or (event == "open" and self._writes(args))):
            return
        frame = sys._getframe(1)  # noqa: SLF001 - the only way to know whose line this is
        while frame.f_back is not None and self._is_standard(frame.f_code.co_filename):
            frame = frame.f_back
        name = frame.f_code.co_filename
        if name.startswith(self.package):
            self.seen.append(f"{event} {args[:1]!r} at {Path(name).name}:{frame.f_lineno}")

    def _is_standard(self, name: str) -> bool:
        return name == __file__ or (name.startswith(_STANDARD) and "site-packages" not in name)

    @staticmethod
    def _writes(args: tuple[Any, ...]) -> bool:
        mode = args[1] if len(args) > 1 else None
        return isinstance(mode, str) and bool(_WRITES & set(mode))


def _watch_threads(witness: _Witness) -> None:
    """Tell the witness of threads, which have no audit event before Python 3.12."""
    start = threading.Thread.start

    def told(thread: threading.Thread) -> None:
        witness("threading.Thread", (thread.name,))
        start(thread)

    threading.Thread.start = told  # type: ignore[method-assign, assignment]


def main() -> None:
    """Do the job."""
    job = json.load(sys.stdin)
    sys.path[:] = job["path"]
    sys.meta_path.insert(0, _Absent(job["blocked"]))
    witness = _Witness(job["package"])
    sys.addaudithook(witness)
    _watch_threads(witness)
    error = None
    try:
        resolve_name(job["value"])
    except BaseException:  # noqa: BLE001 - told to the parent, which judges it
        error = traceback.format_exc(limit=-4)
    witness.watching = False
    Path(job["result"]).write_text(json.dumps({"error": error, "seen": witness.seen}), encoding="utf-8")


if __name__ == "__main__":
    main()
