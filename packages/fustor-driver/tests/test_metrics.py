"""What a run says over HTTP."""

import json
import socket
from contextlib import contextmanager
from datetime import UTC, datetime
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest
from prometheus_client.parser import text_string_to_metric_families

from fustor_driver.errors import EnvironmentProblem, UsageProblem
from fustor_driver.hosts.counters import BatchSize, Progress
from fustor_driver.hosts.status import PhaseState, RunState
from fustor_driver.metrics import parse_address, serving
from fustor_driver.redaction import REDACTOR
from fustor_event_model import MessageSource

SNAPSHOT, AUDIT, REALTIME = MessageSource.SNAPSHOT, MessageSource.AUDIT, MessageSource.REALTIME


def progress(task_id="s:p"):
    made = Progress(task_id)
    made.runs()
    for phase in (REALTIME, SNAPSHOT, AUDIT):
        made.phases[phase].begin(lambda: (3, 1.5))
    made.phases[SNAPSHOT].add(BatchSize(2, 500, 7))
    made.phases[AUDIT].end(PhaseState.DONE)
    made.retries, made.dead_letters, made.refused_deletions, made.committed_index = 4, 5, 6, 7
    made.statistics = {"source": {"slot_bytes": 1024.0}, "pusher": {"batches": 9}}
    return made


@contextmanager
def served(*statuses):
    with serving("0", lambda: [made.status() for made in statuses]) as url:
        yield url


def get(url, method="GET"):
    with urlopen(Request(url, method=method), timeout=10) as answer:  # noqa: S310 - an address of our own
        return answer.status, answer.read().decode()


def samples(url):
    families = text_string_to_metric_families(get(f"{url}/metrics")[1])
    return {(sample.name, *_labels(sample.labels)): sample.value for family in families for sample in family.samples}


def _labels(labels):
    assert set(labels) <= {"task", "phase", "of", "state"}
    return [labels[name] for name in ("task", "phase", "of", "state") if name in labels]


def test_the_figures_of_a_run_are_metrics():
    with served(progress()) as url:
        found = samples(url)
    expected = {
        ("fustor_rows_total", "s:p", "snapshot"): 500,
        ("fustor_events_total", "s:p", "snapshot"): 2,
        ("fustor_queued_events", "s:p", "realtime"): 3,
        ("fustor_lag_seconds", "s:p", "realtime"): 1.5,
        ("fustor_runs_total", "s:p", "audit"): 1,
        ("fustor_retries_total", "s:p"): 4,
        ("fustor_dead_letters_total", "s:p"): 5,
        ("fustor_refused_deletions_total", "s:p"): 6,
        ("fustor_committed_index", "s:p"): 7,
        ("fustor_state", "s:p", "run", "running"): 1,
        ("fustor_source_slot_bytes", "s:p"): 1024,
        ("fustor_pusher_batches", "s:p"): 9,
    }
    assert {key: found.get(key) for key in expected} == expected
    age = datetime.now(UTC).timestamp() - found["fustor_last_complete_timestamp_seconds", "s:p", "audit"]
    assert 0 <= age < 60
    assert ("fustor_last_complete_timestamp_seconds", "s:p", "snapshot") not in found


def test_several_runs_are_told_apart_by_their_task():
    with served(progress("a"), progress("b")) as url:
        found = samples(url)
    assert {key[1] for key in found} == {"a", "b"}


def test_no_label_holds_a_secret():
    REDACTOR.add("a-very-secret-word")
    with served(progress("a-very-secret-word:p")) as url:
        assert "a-very-secret-word" not in get(f"{url}/metrics")[1] + get(f"{url}/healthz")[1]


def test_health_is_good_while_all_is_well():
    with served(progress()) as url:
        code, body = get(f"{url}/healthz")
    assert (code, json.loads(body)["status"]) == (200, "ok")
    assert json.loads(body)["tasks"]["s:p"]["realtime"] == "running"


def _phase_fails(made):
    made.phases[SNAPSHOT].end(PhaseState.FAILED)


def _run_fails(made):
    made.ended(RunState.FAILED, "a reason that is for the log")


@pytest.mark.parametrize("fault", [_phase_fails, _run_fails])
def test_health_is_bad_while_a_phase_or_a_run_has_failed_and_the_reason_is_kept_back(fault):
    unwell = progress("b")
    fault(unwell)
    with served(progress("a"), unwell) as url, pytest.raises(HTTPError) as answer:
        get(f"{url}/healthz")
    with answer.value:
        body = answer.value.read().decode()
    assert (answer.value.code, json.loads(body)["status"]) == (503, "unwell")
    assert "a reason" not in body


@pytest.mark.parametrize(("path", "method"), [("/", "GET"), ("/metrics/x", "GET"), ("/metrics", "POST")])
def test_nothing_else_is_served(path, method):
    with served(progress()) as url, pytest.raises(HTTPError) as answer:
        get(f"{url}{path}", method)
    with answer.value:
        assert answer.value.code == 404


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("9464", ("127.0.0.1", 9464)),
        (":9464", ("127.0.0.1", 9464)),
        ("0.0.0.0:1", ("0.0.0.0", 1)),  # noqa: S104 - asked for
        ("[::1]:9464", ("::1", 9464)),
    ],
)
def test_an_address_without_a_host_is_of_this_machine_only(text, address):
    assert parse_address(text) == address


@pytest.mark.parametrize("text", ["", "host", "host:", "1:x", "70000", "٣", "-1"])
def test_what_is_no_address_is_refused(text):
    with pytest.raises(UsageProblem, match="is not an address"):
        parse_address(text)


def test_a_port_that_is_taken_is_named():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with (
            pytest.raises(EnvironmentProblem, match="cannot be served at"),
            serving(str(taken.getsockname()[1]), list),
        ):
            pass


def test_a_port_is_free_again_at_once():
    with served(progress()) as url:
        pass
    with serving(url.removeprefix("http://"), list) as again:
        assert again == url
