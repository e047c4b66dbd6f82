"""The site of the pages: built as people build it, and served on loopback."""

import re
import subprocess
import sys
import threading
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer


def build(folder, *, code=0):
    """What a strict build of a folder with `mkdocs.yml` says; it ends with `code`."""
    command = [f"{sys.prefix}/bin/zensical", "build", "--strict", "--clean"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == code, done.stdout + done.stderr
    return re.sub(r"\x1b\[[\d;]*m", "", done.stdout + done.stderr)


class Quiet(SimpleHTTPRequestHandler):
    """A handler of requests that writes no log."""

    def log_message(self, *_):
        """Say nothing."""


@contextmanager
def served(folder):
    """The address under which a folder can be read as long as the context lasts."""
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=folder)) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/"
        finally:
            server.shutdown()
            thread.join()
