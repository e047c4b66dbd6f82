"""What a pusher refused for good is kept, whatever is in it, and whatever became of the lines before it."""

import json
import os

import pytest

from fustor_core.exceptions import DriverError
from fustor_driver.errors import EnvironmentProblem, NotConformant, UsageProblem
from fustor_driver.event_files import read_batches, read_events
from fustor_driver.hosts.deadletter import DeadLetterFile
from fustor_event_model import MessageSource
from fustor_try.scripted import event, raising

REALTIME = MessageSource.REALTIME


class _Shy:
    def __repr__(self):
        raise RuntimeError("not to be shown")


def _deep(levels):
    value = []
    for _ in range(levels):
        value = [value]
    return value


def _endless():
    value = {}
    value["itself"] = value
    return value


POISON = {
    "lone surrogate": ("a\ud800b", r"'a\ud800b'"),
    "bytes": (b"\xff", r"b'\xff'"),
    "text as bytes": (b"text", "b'text'"),
    "object": (_Shy(), "<_Shy, which cannot be shown: RuntimeError>"),
    "not a number": (float("nan"), "nan"),
    "infinity": (float("-inf"), "-inf"),
    "recursion": (_endless(), "{'itself': ...}"),
    "depth": (_deep(100_000), "[" * 100_001),
    "number as key": ({1: 2}, "{1: 2}"),
    "surrogate as key": ({"\udfff": 2}, r"{'\udfff': 2}"),
    "set": ({"a"}, "{'a'}"),
    "huge integer": (10**5000, hex(10**5000)),
}


def _poisoned(path, value, index=-1):
    made = event(path, index=index)
    made.rows[0]["value"] = value
    return made


@pytest.fixture
def keeper(tmp_path):
    """The file of dead letters of the task that `run` runs."""
    return DeadLetterFile(tmp_path / "t.dead-letters.jsonl", "t")


def _keep(keeper, refused, reason="no"):
    keeper.keep(refused, session_id="s", phase=REALTIME, reason=reason)


def _letters(tmp_path):
    return [json.loads(line) for line in (tmp_path / "t.dead-letters.jsonl").read_bytes().splitlines()]


@pytest.mark.parametrize("name", POISON)
def test_an_event_that_json_cannot_carry_is_kept_as_text_and_the_run_goes_on(name, run, source, pusher, tmp_path):
    value, text = POISON[name]

    pusher.answer = raising(DriverError("JSON cannot carry it"), lambda batch: "/bad" in batch.paths)
    source.changes.put(_poisoned("/bad", value, 1))
    source.changes.put(event("/good", index=2))
    run(lambda: pusher.paths("realtime") == ["/good"] and pusher.ends())
    (letter,) = _letters(tmp_path)
    assert letter["reason"] == "JSON cannot carry it"
    assert letter["not_json"]
    assert text in letter["event_as_text"]
    assert "event" not in letter


@pytest.mark.parametrize("raised", [TypeError, ValueError, RecursionError, UnicodeError])
def test_a_pusher_that_trips_over_such_an_event_has_not_a_bug(raised, run, source, pusher, tmp_path):
    pusher.answer = raising(raised("tripped"), lambda batch: "/bad" in batch.paths)
    source.changes.put(event("/good", index=1))
    source.changes.put(_poisoned("/bad", b"\xff", 2))
    run(lambda: pusher.paths("realtime") == ["/good"] and pusher.ends() and _kept(tmp_path))
    assert [letter["reason"] for letter in _letters(tmp_path)] == [f"{raised.__name__}: tripped"]


def _kept(tmp_path):
    return (tmp_path / "t.dead-letters.jsonl").exists()


def test_a_pusher_that_trips_over_an_ordinary_event_has_a_bug(run, source, pusher):
    pusher.answer = raising(TypeError("tripped"), lambda batch: batch.paths)
    source.changes.put(event("/good", index=1))
    with pytest.raises(TypeError, match="tripped"):
        run(lambda: False)


def test_an_ordinary_event_is_kept_as_it_is(keeper):
    made = _poisoned("/a", {"text": "\u00e9\u2028", "deep": _deep(100), "none": None, "number": 1e300})
    _keep(keeper, made)
    assert list(read_events(keeper.path)) == [made]


def test_a_reason_that_is_no_text_is_kept_escaped(keeper, tmp_path):
    _keep(keeper, event("/a"), reason="no \ud800")
    assert _letters(tmp_path)[0]["reason"] == r"no \ud800"


@pytest.mark.parametrize("torn", [b'{"refused_at":"2026-01-01T00:00:00Z","reas', b"{", b'"', b"\xff\xfe", b'{"a":"\\'])
def test_a_torn_line_loses_only_itself(torn, keeper, caplog):
    _keep(keeper, event("/before"))
    with keeper.path.open("ab") as file:
        file.write(torn)
    for path in ("/after", "/later"):
        _keep(keeper, event(path))
    assert [row["path"] for kept in read_events(keeper.path) for row in kept.rows] == ["/before", "/after", "/later"]
    assert "Line 2" in caplog.text


def test_a_letter_that_was_written_behind_a_torn_one_is_found(keeper):
    """As hosts did that did not end a torn line."""
    _keep(keeper, event("/a"))
    line = keeper.path.read_bytes()
    keeper.path.write_bytes(line[:50] + line + line)
    assert len(list(read_events(keeper.path))) == 2


def test_a_letter_that_cannot_be_pushed_is_passed_over_and_named(keeper, caplog):
    _keep(keeper, _poisoned("/bad", float("nan")))
    _keep(keeper, event("/good"))
    assert [row["path"] for kept in read_events(keeper.path) for row in kept.rows] == ["/good"]
    assert "Line 1" in caplog.text
    assert "the number nan" in caplog.text


def _link(path):
    path.symlink_to(path.with_name("elsewhere"))


@pytest.mark.parametrize("make", [os.mkfifo, os.mkdir, _link])
def test_what_is_no_file_is_an_error_at_once(make, keeper, tmp_path):
    make(keeper.path)
    with pytest.raises(OSError, match="dead-letters"):
        _keep(keeper, event("/a"))
    assert not (tmp_path / "elsewhere").exists()


def test_a_refused_event_that_cannot_be_kept_ends_the_run_and_is_not_acknowledged(run, source, pusher, tmp_path):
    (tmp_path / "t.dead-letters.jsonl").mkdir()
    pusher.answer = raising(DriverError("no"), lambda batch: batch.paths)
    source.changes.put(event("/a", index=1))
    with pytest.raises(EnvironmentProblem, match=r"cannot be kept.*nothing is lost"):
        run(lambda: False)
    assert source.acknowledged == []


def test_what_is_no_event_is_named(run, source):
    source.changes.put({"path": "/a"})
    with pytest.raises(NotConformant, match="gave a dict that is not an event"):
        run(lambda: False)


def test_a_pipe_among_the_files_of_a_directory_is_named_and_not_waited_for(tmp_path):
    (tmp_path / "a.jsonl").write_text(event("/a").model_dump_json())
    os.mkfifo(tmp_path / "b.jsonl")
    with pytest.raises(UsageProblem, match="not a regular file"):
        list(read_batches(tmp_path))
