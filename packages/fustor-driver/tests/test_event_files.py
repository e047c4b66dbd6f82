import json
import os

import pytest

from fustor_driver.errors import CheckFailed, EnvironmentProblem, UsageProblem
from fustor_driver.event_files import Batch, read_batches, read_events
from fustor_event_model import MessageSource, UpdateEvent
from fustor_try.scripted import event


def _paths(events):
    return [row["path"] for found in events for row in found.rows]


def test_plain_events_dead_letters_and_recordings_are_read_alike(tmp_path):
    file = tmp_path / "events.jsonl"
    recorded = Batch(
        session_id="s",
        phase=MessageSource.SNAPSHOT,
        is_snapshot_end=True,
        events=(event("/c", MessageSource.SNAPSHOT),),
    )
    letter = {"reason": "no", "session_id": "s", "event": json.loads(event("/b").model_dump_json())}
    file.write_text("\n".join([event("/a").model_dump_json(), "", json.dumps(letter), recorded.model_dump_json()]))
    batches = list(read_batches(file))
    assert [_paths(batch.events) for batch in batches] == [["/a"], ["/b"], ["/c"]]
    assert [batch.is_snapshot_end for batch in batches] == [False, False, True]
    assert batches[2] == recorded
    assert isinstance(batches[0].events[0], UpdateEvent)


@pytest.mark.parametrize(
    ("line", "word"),
    [
        ("{", "is not an event"),
        ("[1]", "is not an event"),
        ('{"event_type": "update"}', "not a valid event: fields: Field required"),
        ('{"event_type": "rename"}', "is not an event"),
        ('{"session_id": "s", "events": []}', "not a valid event: phase"),
    ],
)
def test_a_line_that_is_no_event_is_named_and_never_skipped(line, word, tmp_path):
    file = tmp_path / "events.jsonl"
    file.write_text(event("/a").model_dump_json() + "\n" + line + "\n")
    with pytest.raises(CheckFailed, match=f"Line 2 .*{word}"):
        list(read_events(file))


@pytest.mark.usefixtures("installed")
def test_a_file_of_another_package_is_read_by_the_reader_that_it_registered(tmp_path):
    for name in ("1.jsonl", "2.jsonl"):
        (tmp_path / name).write_text('{"fustor_try": 1}\n' + event(f"/{name}").model_dump_json() + "\n")
    assert _paths(read_events(tmp_path)) == ["/1.jsonl", "/2.jsonl"]
    assert _paths(read_events(tmp_path / "2.jsonl")) == ["/2.jsonl"]
    assert _paths(read_events(tmp_path.parent / tmp_path.name)) == ["/1.jsonl", "/2.jsonl"]


def test_segments_without_the_package_that_wrote_them_are_not_guessed_at(tmp_path):
    file = tmp_path / "1.jsonl"
    file.write_text('{"_segment": {}}\n')
    if not _has_reader("_segment"):
        with pytest.raises(EnvironmentProblem, match="install the one that wrote it"):
            list(read_events(file))


def _has_reader(name):
    from importlib.metadata import entry_points  # noqa: PLC0415 - for this question alone

    return bool(entry_points(group="fustor_driver.event_readers", name=name))


def test_a_directory_with_several_tasks_asks_for_one(tmp_path):
    for task in ("a", "b"):
        (tmp_path / task).mkdir()
        (tmp_path / task / "1.jsonl").write_text(event(f"/{task}").model_dump_json())
    with pytest.raises(UsageProblem, match="name one of its tasks: 'a', 'b'"):
        list(read_events(tmp_path))
    assert _paths(read_events(tmp_path / "a" / "1.jsonl")) == ["/a"]


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(UsageProblem, match="Cannot read events"):
        list(read_events(tmp_path / "nothing"))


@pytest.mark.parametrize("name", ["00000001.jsonl", "task/00000001.jsonl"])
def test_a_pipe_in_place_of_a_file_of_events_is_not_waited_for(tmp_path, name):
    place = tmp_path / name
    place.parent.mkdir(exist_ok=True)
    os.mkfifo(place)
    with pytest.raises(UsageProblem, match="not a regular file"):
        list(read_batches(tmp_path))
