"""Hosts by the dozen: everything is imported once, then each line on stdin forks a host that waits to be killed."""

from __future__ import annotations

import json
import os
import sys

from fustor_try.running import run_forever


def main() -> None:
    arguments = json.loads(sys.argv[1])
    for _ in sys.stdin:
        child = os.fork()
        if child == 0:
            run_forever(**arguments)
            os._exit(0)
        print(child, flush=True)
        print(os.waitpid(child, 0)[1], flush=True)


if __name__ == "__main__":
    main()
