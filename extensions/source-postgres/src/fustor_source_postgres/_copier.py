"""Run as a process of its own: copies one table to its standard output.

It starts with nothing but the standard library, since it is to start quickly. What to do comes as one JSON document on
standard input, so that no secret is in an argument; what failed goes as one to standard error, in its last line.
"""

import io
import json
import sys

_BUFFER_BYTES = 256 << 10
FAILED = 3
"""The exit status that announces a document about what failed."""


def main() -> int:
    """Copy; say that it begins, once nothing but the server can fail any more."""
    asked = json.load(sys.stdin)
    sys.path[:] = asked["path"]
    import psycopg2  # noqa: PLC0415 - it may be found from here on

    target = io.BufferedWriter(io.FileIO(1, "w", closefd=False), _BUFFER_BYTES)
    try:
        conn = psycopg2.connect(asked["dsn"])
        conn.autocommit = True
        with conn.cursor() as cur:
            for statement in asked["before"]:
                cur.execute(statement)
            target.write(asked["ready"].encode())
            target.flush()
            cur.copy_expert(asked["statement"], target)
        target.flush()
    except psycopg2.Error as err:
        fault = json.dumps({"pgcode": err.pgcode, "text": str(err)})
        sys.stderr.write(f"\n{fault}")  # psycopg2 may have written there as well
        return FAILED
    return 0


if __name__ == "__main__":
    sys.exit(main())
