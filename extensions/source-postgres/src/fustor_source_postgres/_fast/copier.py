"""COPY's lines in frames; run as a process of its own, it copies one table to its standard output.

It starts with nothing but the standard library, since it is to start quickly. What to do comes as one JSON document on
standard input, so that no secret is in an argument; what failed goes as one to standard error, in its last line.
"""

from __future__ import annotations

import json
import os
import sys
from array import array
from struct import Struct
from types import SimpleNamespace

TYPE_CHECKING = False
if TYPE_CHECKING:  # without the module of that name, which takes a third of the start
    from collections.abc import Generator

HEAD = Struct("<II")
"""Opens a frame: the number of lines, and the bytes of their fields. The lengths of the lines come between."""
LENGTHS = "I"
FAULT = b"fault of the server: "
"""Opens the line that says what failed."""
_MAX_FRAME_BYTES = 4 << 20


class FrameWriter:
    """Makes `file`, to which psycopg2 writes lines; they go on to a descriptor, `batch_size` in one frame.

    Where lines are long a frame has fewer. `end` sends what is left, and that nothing was left out.
    """

    def __init__(self, target: int, batch_size: int) -> None:
        self._target = target
        self._batch_size = batch_size
        self._lines: list[bytes] = []
        taking = self._take()
        next(taking)
        self.file = SimpleNamespace(write=taking.send)  # cheaper than a method, for a call a line

    def end(self) -> None:
        """Send the lines that wait for more, and a frame without any: whatever ends without it is not complete."""
        self._flush()
        _write(self._target, HEAD.pack(0, 0))

    def _flush(self) -> None:
        lines = self._lines
        if lines:
            lengths = array(LENGTHS, map(len, lines))
            fields = b"".join(lines).replace(b"\n", b"\t")  # neither is ever data: COPY escapes that
            _write(self._target, HEAD.pack(len(lines), len(fields)) + lengths.tobytes() + fields)
            lines.clear()

    def _take(self) -> Generator[None, bytes]:
        append = self._lines.append
        while True:
            size = 0
            for _ in range(self._batch_size):
                line = yield
                append(line)
                size += len(line)
                if size >= _MAX_FRAME_BYTES:
                    break
            self._flush()


def _write(target: int, data: bytes) -> None:
    left = memoryview(data)
    while left:
        left = left[os.write(target, left) :]


def main() -> int:
    """Copy; say that it begins, once nothing but the server can fail any more."""
    asked = json.load(sys.stdin)
    sys.path[:] = asked["path"]
    import psycopg2  # noqa: PLC0415 - it may be found from here on

    writer = FrameWriter(1, asked["batch_size"])
    try:
        conn = psycopg2.connect(asked["dsn"])
        conn.autocommit = True
        with conn.cursor() as cur:
            for statement in asked["before"]:
                cur.execute(statement)
            _write(1, asked["ready"].encode())
            cur.copy_expert(asked["statement"], writer.file)
        writer.end()
    except psycopg2.Error as err:
        fault = json.dumps({"pgcode": err.pgcode, "text": str(err)})
        sys.stderr.write(f"\n{FAULT.decode()}{fault}")  # psycopg2 may have written there as well
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
