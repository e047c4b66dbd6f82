"""Events as flat rows, and flat rows as events."""

import json

import pytest

from fustor_driver.engines import COLUMNS, FlatRow, events_of, flat_rows
from fustor_event_model import DeleteEvent, InsertEvent, MessageSource, TableLayout, UpdateEvent

LAYOUT = TableLayout(system="postgresql", columns={"id": "integer"}, key=("id",))


def event(kind=UpdateEvent, rows=3, index=7, source=MessageSource.REALTIME, layout=None, **more):
    told = [
        {"path": f"/t/{at}", "mtime": 1.5, "size": 3, "record": {"id": at, "none": None}} | more for at in range(rows)
    ]
    return kind(
        fields=list(told[0]),
        rows=told,
        index=index,
        event_schema="public",
        table="t",
        message_source=source,
        layout=layout,
    )


def through_json(rows):
    return [FlatRow(*json.loads(json.dumps(row))) for row in rows]


@pytest.mark.parametrize(
    "told",
    [
        [event()],
        [event(InsertEvent), event(DeleteEvent, index=8, size=None)],
        [event(layout=LAYOUT), event(index=8)],
        [event(index=8, layout=LAYOUT), event(index=9, layout=LAYOUT)],
        [event(rows=1, parent_mtime=2.5), event(rows=1, index=9, is_directory=True)],
        [event(rows=2_500)],
    ],
    ids=["one", "kinds", "layout", "layouts", "other keys", "large"],
)
def test_events_come_back_as_they_were(told):
    rows = [row for one in told for row in flat_rows(one)]
    assert list(events_of(through_json(rows))) == told


def test_a_row_is_told_by_name():
    (row,) = flat_rows(event(rows=1, layout=LAYOUT, parent_mtime=2.0))
    assert row._asdict().keys() == set(COLUMNS)
    assert (row.position, row.path, row.parent_mtime, row.layout["key"]) == (7, "/t/0", 2.0, ["id"])
    assert row.row["record"] == {"id": 0, "none": None}


def test_an_event_of_the_log_is_never_split_and_a_snapshot_is():
    rows = list(flat_rows(event(rows=10)))
    assert [len(one.rows) for one in events_of(rows, max_rows=4)] == [10]
    listed = list(flat_rows(event(rows=10, source=MessageSource.SNAPSHOT)))
    assert [len(one.rows) for one in events_of(listed, max_rows=4)] == [4, 4, 2]


def test_an_event_without_rows_has_none():
    assert list(flat_rows(UpdateEvent(fields=[], rows=[], event_schema="", table=""))) == []


def test_what_is_not_a_row_of_an_event_is_refused():
    (row,) = flat_rows(event(rows=1))
    with pytest.raises(ValueError, match="MessageSource"):
        list(events_of([row._replace(message_source="elsewhere")]))
