"""What runs do, over HTTP: `/metrics` for Prometheus, and `/healthz` for whoever asks whether all is well."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from socketserver import ThreadingMixIn
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

from prometheus_client import CollectorRegistry, make_wsgi_app
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from fustor_driver.errors import UsageProblem, system_allows
from fustor_driver.hosts.status import PhaseStatus, Status
from fustor_driver.redaction import clean, safe_logger

__all__ = ["described", "parse_address", "serving"]

_log = safe_logger("fustor_driver.run")
_LOOPBACK = "127.0.0.1"
_MAX_PORT = 65_535
_CLIENT_SEC = 5.0
_UNWELL = frozenset({"failed", "aborted", "retrying"})
_Kind = type[CounterMetricFamily] | type[GaugeMetricFamily]
_Statuses = Callable[[], Iterable[Status]]
_Value = tuple[tuple[str, ...], float | None]
_OF_PHASES: tuple[tuple[_Kind, str, str, Callable[[PhaseStatus], float | None]], ...] = (
    (CounterMetricFamily, "fustor_events", "Events pushed", lambda phase: phase.events),
    (CounterMetricFamily, "fustor_rows", "Rows pushed", lambda phase: phase.rows),
    (CounterMetricFamily, "fustor_runs", "Complete runs of the phase", lambda phase: phase.runs),
    (GaugeMetricFamily, "fustor_queued_events", "Events read and not yet pushed", lambda phase: phase.queued),
    (
        GaugeMetricFamily,
        "fustor_lag_seconds",
        "How long the oldest of them has waited",
        lambda phase: phase.lag_sec,
    ),
    (
        GaugeMetricFamily,
        "fustor_last_complete_timestamp_seconds",
        "When the phase, such as an audit, was complete last, in seconds since 1970",
        lambda phase: phase.completed_at.timestamp() if phase.completed_at else None,
    ),
)
_OF_TASKS: tuple[tuple[_Kind, str, str, Callable[[Status], float]], ...] = (
    (GaugeMetricFamily, "fustor_uptime_seconds", "Seconds since the run has begun", lambda status: status.uptime_sec),
    (GaugeMetricFamily, "fustor_committed_index", "Index to resume from", lambda status: status.committed_index),
    (CounterMetricFamily, "fustor_retries", "Attempts that failed", lambda status: status.retries),
    (
        CounterMetricFamily,
        "fustor_dead_letters",
        "Rows or events refused by the destination",
        lambda status: status.dead_letters,
    ),
    (
        CounterMetricFamily,
        "fustor_refused_deletions",
        "Deletions that the guard refused",
        lambda status: status.refused_deletions,
    ),
)


def described() -> list[Metric]:
    """Every metric of a run, without values; what the drivers count of themselves comes beside them."""
    return list(_Runs(lambda: ()).collect())


def parse_address(text: str) -> tuple[str, int]:
    """Host and port of `HOST:PORT`, `:PORT` or `PORT`; without a host, only this machine is served.

    Raises:
        UsageProblem: it is not one.
    """
    host, _, port = text.rpartition(":")
    if not (port.isascii() and port.isdigit() and int(port) <= _MAX_PORT):
        raise UsageProblem(f"--metrics {text!r} is not an address; give a port, or HOST:PORT")
    return host.removeprefix("[").removesuffix("]") or _LOOPBACK, int(port)


@contextmanager
def serving(address: str, statuses: _Statuses) -> Iterator[str]:
    """Serve until the block is left; the address that is served, as a URL.

    Raises:
        UsageProblem: it is not an address.
        EnvironmentProblem: nothing can listen there.
    """
    host, port = parse_address(address)
    registry = CollectorRegistry()
    registry.register(_Runs(statuses))
    kind = type("Server", (_Server,), {"address_family": socket.AF_INET6 if ":" in host else socket.AF_INET})
    with system_allows(f"Metrics cannot be served at {address!r}"):
        server: WSGIServer = make_server(host, port, _app(registry, statuses), server_class=kind, handler_class=_Quiet)
    thread = threading.Thread(target=server.serve_forever, args=(0.1,), name="fustor-metrics", daemon=True)
    thread.start()
    try:
        yield f"http://{f'[{host}]' if ':' in host else host}:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


def _app(registry: CollectorRegistry, statuses: _Statuses) -> Callable[..., Iterable[bytes]]:
    metrics = make_wsgi_app(registry)
    answers = {"/metrics": metrics, "/healthz": lambda _, start: _healthz(statuses(), start)}

    def app(environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
        answer = answers.get(environ.get("PATH_INFO", ""))
        if answer is not None and environ["REQUEST_METHOD"] in ("GET", "HEAD"):
            return answer(environ, start)
        start("404 Not Found", [("Content-Type", "text/plain; charset=utf-8")])
        return [b"/metrics and /healthz\n"]

    return app


def _healthz(statuses: Iterable[Status], start: Callable[..., Any]) -> Iterable[bytes]:
    """200 while every run is well, 503 while one failed, or tries again: words that name a state, no error texts."""
    tasks = {clean(status.task_id): _states(status) for status in statuses}
    is_well = not any(_UNWELL & set(states.values()) for states in tasks.values())
    body = json.dumps({"status": "ok" if is_well else "unwell", "tasks": tasks}).encode() + b"\n"
    start("200 OK" if is_well else "503 Service Unavailable", [("Content-Type", "application/json")])
    return [body]


def _states(status: Status) -> dict[str, str]:
    return {"run": status.state.value} | {phase.value: state.state.value for phase, state in status.phases.items()}


class _Runs(Collector):
    """The statuses as metrics. Labels are task, phase and state; statistics of a driver are metrics of their own."""

    def __init__(self, statuses: _Statuses) -> None:
        self._statuses = statuses

    def collect(self) -> Iterator[Metric]:
        statuses = {clean(status.task_id): status for status in self._statuses()}
        for kind, name, text, value in _OF_TASKS:
            yield _family(kind, name, text, ("task",), [((task,), value(status)) for task, status in statuses.items()])
        for kind, name, text, of_phase in _OF_PHASES:
            values = [
                ((task, phase.value), of_phase(state))
                for task, status in statuses.items()
                for phase, state in status.phases.items()
            ]
            yield _family(kind, name, text, ("task", "phase"), values)
        states = [
            ((task, which, state), 1.0) for task, status in statuses.items() for which, state in _states(status).items()
        ]
        yield _family(
            GaugeMetricFamily,
            "fustor_state",
            "1 for what the run or phase is now",
            ("task", "of", "state"),
            states,
        )
        yield from _statistics(statuses)


def _statistics(statuses: Mapping[str, Status]) -> Iterator[Metric]:
    """`fustor_source_slot_bytes` for `slot_bytes` of a source, and so on."""
    by_name: dict[tuple[str, str], list[_Value]] = {}
    for task, status in statuses.items():
        for side, figures in status.statistics.items():
            for name, value in figures.items():
                by_name.setdefault((side, name), []).append(((task,), value))
    for (side, name), values in sorted(by_name.items()):
        yield _family(GaugeMetricFamily, f"fustor_{side}_{name}", f"{name} of the {side}", ("task",), values)


def _family(kind: _Kind, name: str, text: str, labels: tuple[str, ...], values: Iterable[_Value]) -> Metric:
    family = kind(name, text, labels=labels)
    for of, value in values:
        if value is not None:
            family.add_metric(of, value)
    return family


class _Server(ThreadingMixIn, WSGIServer):
    daemon_threads = True


class _Quiet(WSGIRequestHandler):
    """Requests are no news, and a client that says nothing is not waited for."""

    timeout = _CLIENT_SEC

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the name of the base class
        _log.debug("Metrics: %s", format % args)
