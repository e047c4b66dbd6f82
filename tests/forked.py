"""`fustor-new` in processes that are forked from one that has imported what a command imports, most of what it costs.

A command is a process, a directory and a standard input, output and error of its own, as when a shell starts it.
"""

import gc
import importlib
import json
import os
import socket
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

_LONGEST_REQUEST = 1 << 17  # bytes, which is what Linux takes as one argument


class ForkServer:
    """The process that commands are forked from, with the environment that all of them have."""

    def __init__(self, environ: dict[str, str]) -> None:
        """Start it."""
        self._one_by_one = threading.Lock()
        self._ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            command = [sys.executable, __file__, str(theirs.fileno())]
            self._process = subprocess.Popen(command, env=environ, pass_fds=[theirs.fileno()])

    def run(self, *arguments: str | Path, cwd: Path) -> subprocess.CompletedProcess[str]:
        """Run `fustor-new` to its end, without a terminal."""
        request = json.dumps([str(cwd), *map(str, arguments)]).encode()
        with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err, Path(os.devnull).open() as nothing:
            with self._one_by_one:
                socket.send_fds(self._ours, [request], [file.fileno() for file in (nothing, out, err)])
                code = int(self._ours.recv(_LONGEST_REQUEST))
            for file in (out, err):
                file.seek(0)
            return subprocess.CompletedProcess(arguments, code, out.read().decode(), err.read().decode())


def _serve(connection: socket.socket) -> None:
    """Fork a command for each request and answer with its exit code, until nobody can ask any more."""
    from fustor_new.__main__ import main  # noqa: PLC0415 - not for those who ask
    from fustor_new.cli import COMMANDS  # noqa: PLC0415
    from fustor_new.template.wheels import contract_wheels  # noqa: PLC0415

    for name in ("copier", *(f"fustor_new.commands.{name}" for name in COMMANDS)):
        importlib.import_module(name)
    contract_wheels()  # built once for all; who has fustor-new from a wheel reads them
    gc.freeze()
    while True:
        request, files, *_ = socket.recv_fds(connection, _LONGEST_REQUEST, 3)
        if not request:
            return
        if (child := os.fork()) == 0:
            connection.close()
            cwd, *arguments = json.loads(request)
            os.chdir(cwd)
            for descriptor, file in enumerate(files):
                os.dup2(file, descriptor)
            os.closerange(3, max(files) + 1)
            sys.argv = ["fustor-new", *arguments]
            sys.exit(main())
        for file in files:
            os.close(file)
        connection.send(b"%d" % os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))


if __name__ == "__main__":
    _serve(socket.socket(fileno=int(sys.argv[1])))
