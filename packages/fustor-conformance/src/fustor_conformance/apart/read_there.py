"""Run as a script: build a source from its class and its configuration, read it in a thread, print the rows.

The job comes as JSON on standard input: `path` (sys.path), `driver` (module:class), `config`, `patience_sec`, `jobs`.
"""

import asyncio
import json
import sys
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from pkgutil import resolve_name
from typing import Any


def _rows(events: Iterable[Any]) -> Iterator[dict[str, Any]]:
    for event in events:
        yield from event.model_dump(mode="json")["rows"]


def _stream(driver: Any, job: dict[str, Any], patience_sec: float) -> Iterator[dict[str, Any]]:
    stop, wanted = threading.Event(), set(job["paths"])
    alarm = threading.Timer(patience_sec, stop.set)
    alarm.start()
    for event in driver.get_message_iterator(job["start"], stop_event=stop):
        yield from ({**row, "event_type": str(event.event_type)} for row in event.model_dump(mode="json")["rows"])
        wanted -= {row["path"] for row in event.rows}
        if not wanted:
            break
    alarm.cancel()


def _fields(driver: Any) -> dict[str, Any]:
    config = driver.config
    asked = {"uri": config.uri, "credential": config.credential, "driver_params": config.driver_params}
    found: dict[str, Any] = asyncio.run(type(driver).get_available_fields(**asked))
    return found


def _read(driver: Any, job: dict[str, Any], patience_sec: float) -> list[dict[str, Any]]:
    if "fields" in job:
        return [_fields(driver)]
    if "start" in job:
        return list(_stream(driver, job, patience_sec))
    return list(_rows(driver.get_audit_iterator() if "audit" in job else driver.get_snapshot_iterator(**job)))


def _answer(task: dict[str, Any]) -> dict[str, Any]:
    from fustor_core.models.config import SourceConfig  # noqa: PLC0415 - importable only once sys.path is set

    driver = resolve_name(task["driver"])("kit", SourceConfig.model_validate(task["config"]))
    try:
        plain = [row["path"] for row in _rows(driver.get_snapshot_iterator())]
        return {"plain": plain, "rows": [_read(driver, job, task["patience_sec"]) for job in task["jobs"]]}
    except Exception as err:  # noqa: BLE001 - told to the parent, which judges it
        return {"error": f"{type(err).__name__}: {err}"}
    finally:
        asyncio.run(driver.close())


def _left_behind(task: dict[str, Any]) -> list[str]:
    """What is another in this process once its main thread has used the driver, in words."""
    from fustor_conformance.monitor.process import ProcessState  # noqa: PLC0415 - importable only once sys.path is set
    from fustor_core.models.config import SourceConfig  # noqa: PLC0415 - the same

    driver_class = resolve_name(task["driver"])
    before = ProcessState()
    driver = driver_class("kit", SourceConfig.model_validate(task["config"]))
    stop = threading.Event()
    stop.set()
    uses: list[Callable[[], object]] = [
        lambda: next(iter(driver.get_snapshot_iterator()), None),
        lambda: list(driver.get_message_iterator(-1, stop_event=stop)),
        lambda: next(iter(driver.get_audit_iterator()), None),
        lambda: asyncio.run(driver.close()),
    ]
    for use in uses:
        with suppress(Exception):  # why one fails is for other checks to say
            use()
    return list(before.changes(ProcessState()).values())


def main() -> None:
    """Do the job."""
    task = json.load(sys.stdin)
    sys.path[:] = task["path"]
    if task.get("in_main_thread"):
        print("\n" + json.dumps({"left": _left_behind(task)}))  # noqa: T201 - the parent reads it
        return
    answers: list[dict[str, Any]] = []
    reader = threading.Thread(target=lambda: answers.append(_answer(task)))
    reader.start()
    reader.join()
    print("\n" + json.dumps(answers[0]))  # noqa: T201 - the parent reads it


if __name__ == "__main__":
    main()
