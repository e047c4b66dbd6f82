"""A row that another table tells of moves there: what is known of it stands in that table's own columns."""

import pytest
from postgres_events import AUDIT, AUDIT_START, SNAPSHOT, record
from postgres_tables import declared, layout, letters, push, texts, types

from fustor_event_model import InsertEvent

pytestmark = pytest.mark.wide

PATH = "/public/old/1"
WHOLE = {"id": 1, "n": 5, "t": "old", "at": "2024-02-29", "tags": ["a", 'q"'], "doc": {"x": [1]}, "ratio": 0.1}
DECLARED = layout(id="integer", n="bigint", t="text", at="date", tags="text[]", doc="json", ratio="real")
FORMS = {"jsonb": (), "typed": ("*",), "to typed": ("public.new",), "from typed": ("public.old",)}


def told_in(table, told, *, declared_as=None, **more):
    """An event of a table that tells of the path, wherever that is."""
    event = record("1", told, home=("public", table), **more)
    (row,) = event.rows
    event.rows = [row | {"path": PATH}]
    event.layout = declared_as
    return event


def stored(database, *, typed):
    """The row of the table that it has moved to: its record, and what stands in columns, as JSON has them."""
    assert database.ask("SELECT path FROM fustor.public_old") == []
    ((row,),) = database.ask("SELECT to_jsonb(new) FROM fustor.public_new new")
    return row["record"], {name: row[name] for name in types(database, "fustor.public_new")} if typed else {}


@pytest.mark.parametrize("is_declared", [True, False], ids=["declared", "by values"])
@pytest.mark.parametrize("apart", [True, False], ids=["two pushes", "one push"])
@pytest.mark.parametrize("form", FORMS)
def test_what_an_update_in_another_table_leaves_out_is_in_its_columns(run, database, form, apart, is_declared):
    told = DECLARED if is_declared else None
    first = told_in("old", WHOLE, declared_as=told, model=InsertEvent)
    then = told_in("new", {"n": 6, "t": None}, declared_as=told, mtime=2.0)
    push(run, *([[first], [then]] if apart else [[first, then]]), typed_tables=FORMS[form])
    is_typed = form in ("typed", "to typed")
    expected = WHOLE | {"n": 6, "t": None}
    assert stored(database, typed=is_typed) == ((None, expected) if is_typed else (expected, {}))
    assert letters(database) == []


def test_a_key_that_can_be_no_column_stays_in_the_record(run, database):
    first = told_in("old", {"id": 1, "path": "kept", "_x": 1}, model=InsertEvent)
    push(run, [first], [told_in("new", {"id": 2, "_x": 2})], typed_tables=["*"])
    assert stored(database, typed=True) == ({"path": "kept", "_x": 2}, {"id": 2})


def test_a_row_that_is_younger_than_what_moves_it_is_in_the_columns(run, database):
    """The snapshot's row is ignored, but its table is the one that has the row."""
    live = told_in("old", WHOLE, mtime=5.0, model=InsertEvent)
    push(run, [live], [told_in("new", {"id": 0, "n": 0}, source=SNAPSHOT)], typed_tables=["*"])
    assert stored(database, typed=True) == (None, WHOLE)


@pytest.mark.parametrize("typed", [("*",), ("public.new",)], ids=["from typed", "from jsonb"])
def test_a_row_that_awaits_what_it_lacks_gets_it_in_the_columns(run, database, typed):
    live = told_in("old", {"id": 1, "n": 6}, mtime=5.0)
    push(run, [live], [told_in("new", WHOLE, source=SNAPSHOT)], typed_tables=typed)
    assert stored(database, typed=True) == (None, WHOLE | {"n": 6})


def test_an_audits_row_replaces_what_moved(run, database):
    first = told_in("old", WHOLE, source=SNAPSHOT)
    audited = told_in("new", {"id": 1, "n": 7}, source=AUDIT)
    push(run, [first], [AUDIT_START, audited], typed_tables=["*"])
    rest, columns = stored(database, typed=True)
    assert rest is None
    assert {name: value for name, value in columns.items() if value is not None} == {"id": 1, "n": 7}


@pytest.mark.parametrize("value", ["no date", 5, [1], {"a": "b"}])
def test_a_value_that_does_not_fit_where_it_moves_widens_the_column(run, database, value):
    told = layout(id="integer", at="date", n="integer")
    other = declared("2", {"id": 2, "at": "2024-02-29", "n": 1}, told, home=("public", "new"))
    push(
        run,
        [told_in("old", {"id": 1, "at": value, "n": 2**40}, model=InsertEvent), other],
        [told_in("new", {"id": 3})],
        typed_tables=["*"],
    )
    assert letters(database) == []
    name = "fustor.public_new"
    assert types(database, name) == {"id": "integer", "at": "text", "n": "numeric"}
    assert texts(database, "n", name) == ["1", str(2**40)]
    shown = {"no date": "no date", 5: "5"}.get(value) if isinstance(value, str | int) else None
    assert texts(database, "at", name)[1] == (shown or ("[1]" if value == [1] else '{"a": "b"}'))


@pytest.mark.parametrize("number", [2**70, 1e300, 0.1, -0.0, 10**400])
def test_a_number_moves_whole(run, database, number):
    push(
        run,
        [told_in("old", {"id": 1, "n": number}, model=InsertEvent)],
        [told_in("new", {"id": 2})],
        typed_tables=["public.new"],
    )
    ((same, kept),) = database.ask("SELECT n = %s::numeric, record FROM fustor.public_new", repr(number))
    assert (same, kept) == (True, None)


def test_a_record_that_is_no_object_moves(run, database):
    push(
        run,
        [told_in("old", ["x"], model=InsertEvent, mtime=5.0)],
        [told_in("new", {"id": 1}, source=SNAPSHOT)],
        typed_tables=["public.new"],
    )
    rest, _ = stored(database, typed=True)
    assert rest == ["x"]


def test_a_null_that_stood_in_the_record_goes_when_its_column_is_told(run, database):
    """Until a value came there was no column for the key."""
    first = [record(str(key), {"id": key, "v": None, "path": "kept"}, model=InsertEvent) for key in (1, 2)]
    first += [record("3", {"id": 3, "v": None}, model=InsertEvent)]
    push(run, first, [record("4", {"v": 5})], [record("1", {"v": 7}), record("3", {"v": 8})], typed_tables=["*"])
    assert database.ask("SELECT v, record FROM fustor.public_users ORDER BY path") == [
        (7, {"path": "kept"}),
        (None, {"path": "kept", "v": None}),
        (8, None),
        (5, None),
    ]
