"""How a source is called by a task: as any other host calls it."""

import pytest

pytest.importorskip("pyspark", reason="pyspark is not installed; uv sync --group engines")

from pyspark_fustor._batch import BatchReader, Part
from pyspark_fustor._options import Phase, SourceOptions
from pyspark_fustor._stream import read_range

from fustor_driver.errors import NotConformant
from fustor_event_model import UpdateEvent

OPTIONS = SourceOptions(driver="try_blab", uri="x", batch_size=7)


def event():
    row = {"path": "/a", "mtime": 1.0, "size": 1}
    return UpdateEvent(fields=list(row), rows=[row] * 10_000, event_schema="s", table="t", message_source="snapshot")


@pytest.fixture
def called(blabbing, monkeypatch):
    """The keywords that the source was called with."""
    called = {}

    def iterate(_, *positions, **keywords):
        called.update(keywords, positions=positions)
        yield event()
        yield event()

    for name in ("get_snapshot_iterator", "get_message_iterator"):
        monkeypatch.setattr(blabbing.BlabSource, name, iterate)
    monkeypatch.setattr(blabbing.BlabSource, "is_position_available", lambda *_: True)
    return called


@pytest.mark.parametrize(("part", "said"), [(None, {}), (Part(), {}), (Part("p1"), {"partition": "p1"})])
def test_a_snapshot_is_asked_for_with_all_that_a_host_passes(called, part, said):
    assert sum(len(batch) for batch in BatchReader(OPTIONS).read(part)) == 20_000
    stop = called.pop("stop_event")
    assert called == {"positions": (), "batch_size": 7, "required_fields_tracker": None} | said
    assert stop.is_set()


def test_a_range_is_asked_for_with_all_that_a_host_passes(called):
    list(read_range(OPTIONS, 3, 5))
    stop = called.pop("stop_event")
    assert called == {"positions": (3,), "end_position": 5, "required_fields_tracker": None}
    assert stop.is_set()


@pytest.mark.parametrize("read", [lambda: BatchReader(OPTIONS).read(None), lambda: read_range(OPTIONS, 3, 5)])
def test_a_task_that_ends_early_stops_its_source(called, read):
    rows = read()
    next(rows)
    assert not called["stop_event"].is_set()
    rows.close()
    assert called["stop_event"].is_set()


def test_a_pair_in_an_audit_is_what_it_is_for_every_host(blabbing, monkeypatch):
    monkeypatch.setattr(blabbing.BlabSource, "get_audit_iterator", lambda _, **__: iter([(event(), {})]))
    with pytest.raises(NotConformant, match="yielded a pair"):
        list(BatchReader(OPTIONS.model_copy(update={"phase": Phase.AUDIT})).read(None))
