"""Run as a script: open a World and a stream on it, let nothing happen for long, then change something.

The job comes as one line of JSON on standard input: `path` (sys.path), `driver` and `world` (module:class), `name`,
`seconds`, `patience_sec`. The answer is one line of JSON. When standard input ends, everything is cleaned up.
"""

import json
import select
import sys
import time
from pkgutil import resolve_name
from typing import Any

_LOOK_SEC = 0.2


def _idle(stream: Any, seconds: float) -> bool:
    """Whether the time is over and nobody has lost interest."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if select.select([sys.stdin], [], [], 0)[0]:
            return False
        if stream.wait_for_end(_LOOK_SEC):
            return True
    return True


def _watch(job: dict[str, Any]) -> dict[str, Any]:
    from fustor_conformance.outcome import Broken  # noqa: PLC0415 - importable only once sys.path is set
    from fustor_conformance.rules import Kind  # noqa: PLC0415 - importable only once sys.path is set
    from fustor_conformance.subject import Options, subject_of_class  # noqa: PLC0415 - as above

    options = Options(patience_sec=job["patience_sec"])
    cls, factory = resolve_name(job["driver"]), resolve_name(job["world"])
    subject: Any = subject_of_class(Kind.SOURCE, cls, factory, name=job["name"], options=options)
    with subject.world() as world, subject.driver(world) as driver, subject.stream(driver) as stream:
        began = time.monotonic()
        try:
            if not _idle(stream, job["seconds"]):
                return {"error": "Nobody waits any more"}
            rested = time.monotonic() - began
            if stream.wait_for_end(0):
                return {"broken": f"The stream ended by itself after less than {rested:.1f} s of nothing"}
            stream.require([world.create("kit-after-a-rest")])
        except Broken as broken:
            return {"broken": f"After {job['seconds']:g} s of nothing: {broken}"}
        except Exception as err:  # noqa: BLE001 - told to the parent, which judges it
            return {"broken": f"While nothing happens the stream raises {type(err).__name__}: {err}"}
        return {"seconds": rested}


def main() -> None:
    """Do the job."""
    job = json.loads(sys.stdin.readline())
    sys.path[:] = job["path"]
    try:
        answer = _watch(job)
    except Exception as err:  # noqa: BLE001 - the parent then watches by itself
        answer = {"error": f"{type(err).__name__}: {err}"}
    print("\n" + json.dumps(answer))  # noqa: T201 - the parent reads it


if __name__ == "__main__":
    main()
