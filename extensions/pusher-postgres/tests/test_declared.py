"""Columns have the types that a source declares, and give way where a value does not fit."""

import json
import logging

import pytest
from postgres_events import AUDIT, AUDIT_END, AUDIT_START, SNAPSHOT, record
from postgres_tables import declared, layout, letters, push, texts, types

from fustor_event_model import InsertEvent, MessageSource, TableLayout, UpdateEvent

pytestmark = pytest.mark.wide


def test_all_columns_are_there_before_the_first_value(run, database):
    told = layout(id="integer", at="timestamp with time zone", tags="text[]", odd="public.mood", nested="public.d[][]")
    push(run, [declared("1", {"id": 1, "at": None, "tags": None, "odd": None, "nested": None}, told)])
    assert types(database) == {"id": "integer", "at": "timestamp with time zone", "tags": "text[]", "odd": "text"}


def test_names_of_types_of_another_system_mean_nothing(run, database):
    push(run, [declared("1", {"id": 1, "name": "x"}, layout(system="mysql", id="int", name="date"))])
    assert types(database) == {"id": "bigint", "name": "text"}


@pytest.mark.parametrize(
    "kind",
    [
        "date",
        "numeric",
        "bytea",
        "integer[]",
        *(pytest.param(kind, marks=pytest.mark.full) for kind in ("uuid", "integer", "int4range", "inet")),
    ],
)
@pytest.mark.parametrize(("first", "model"), [(True, InsertEvent), (False, UpdateEvent)], ids=["at once", "later"])
def test_a_text_that_is_not_of_the_type_makes_it_text(run, database, kind, first, model):
    told = layout(id="integer", v=kind)
    good = {"date": "2024-02-29", "uuid": "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11", "numeric": "1.50", "integer": 7}
    good |= {"int4range": "[1,5)", "inet": "10.0.0.1", "bytea": "\\x00ff", "integer[]": [1, None]}
    more = {"model": model}
    bad = [declared("1", {"id": 1, "v": "so-so"}, told, **more), record("2", {"id": 2, "v": good[kind]}, **more)]
    before = [] if first else [[declared("0", {"id": 0, "v": good[kind]}, told, **more)]]
    push(run, *before, bad)
    shown = "{1,NULL}" if kind == "integer[]" else str(good[kind])
    found = texts(database, "v")
    if kind == "integer[]":  # what is a list has the form of a list in whatever column
        assert found[-2:] == ["so-so", shown]
    else:
        assert found == [*([] if first else [shown]), "so-so", shown]
    assert types(database) == {"id": "integer", "v": "text"}
    assert letters(database) == []


GOOD = {"smallint": 7, "integer": 7, "bigint": 7, "boolean": True, "double precision": 0.5, "date": "2024-02-29"}
GOOD |= {"integer[]": [1], "text[]": ["a"], "numeric": "1.50", "jsonb": {"a": 1}, "json": {"a": 1}}


@pytest.mark.parametrize(
    ("kind", "values", "expected"),
    [
        ("smallint", [70_000], "numeric"),
        ("integer", [2**31], "numeric"),
        ("bigint", [2**63, 2**200], "numeric"),
        ("integer", [0.5], "numeric"),
        ("integer", [True], "text"),
        ("integer", [[1]], "text"),
        ("boolean", [1, "t"], "text"),
        ("double precision", [2**60 + 1], "numeric"),
        ("double precision", ["1.0000000000000000001"], "text"),
        ("date", [5], "text"),
        ("integer[]", [5, "x", [[1], 2], ["x"], {"a": 1}, [2**40]], "text"),
        ("text[]", [["a", ["b"]], [1]], "text"),
        ("numeric", [2, 0.5, 2**100], "numeric"),
        ("jsonb", [1, "x", [None], True], "jsonb"),
        ("json", [1, "x", [None], True], "json"),
    ],
)
def test_a_value_of_another_kind_widens_the_column(run, database, kind, values, expected):
    told = layout(id="integer", v=kind)
    push(
        run,
        [declared("0", {"id": 0, "v": GOOD[kind]}, told)],
        *[[record(str(n + 1), {"id": n, "v": value})] for n, value in enumerate(values)],
    )
    assert types(database)["v"] == expected
    assert letters(database) == []
    assert len(texts(database, "v")) == len(values) + 1
    assert "" not in texts(database, "v")


def test_one_odd_row_of_many_costs_no_other_row(run, database):
    told = layout(id="integer", at="date", n="integer")
    rows = [record(f"{n:04}", {"id": n, "at": "2024-02-29", "n": n}) for n in range(300)]
    rows[150] = record("0150", {"id": 150, "at": "no date", "n": 2**40})
    rows[0].layout = told
    counted = push(run, rows)
    assert database.ask("SELECT count(*), count(at), count(n) FROM fustor.public_users") == [(300, 300, 300)]
    assert types(database) == {"id": "integer", "at": "text", "n": "numeric"}
    assert counted["refused_rows"] == 0


def test_a_row_that_has_no_form_is_refused_and_widens_nothing(run, database):
    told = layout(id="integer", at="date", name="text")
    push(
        run,
        [
            declared("1", {"id": 1, "at": "2024-02-29", "name": "\udc00"}, told),
            record("2", {"id": 2, "at": "2024-03-01"}),
        ],
    )
    assert letters(database) == ["/public/users/1"]
    assert types(database) == {"id": "integer", "at": "date", "name": "text"}


@pytest.mark.parametrize("source", [SNAPSHOT, MessageSource.REALTIME])
def test_columns_that_were_made_for_values_get_the_declared_types(run, database, source):
    told = {
        "id": 1,
        "price": "1.50",
        "at": "2024-02-29 10:00:00+00",
        "tags": ["a", None, 'q"\\'],
        "doc": {"a": [1]},
        "n": [1, None],
    }
    types_told = layout(
        id="integer", price="numeric", at="timestamp with time zone", tags="text[]", doc="json", n="integer[]"
    )
    push(run, [record("1", told)])
    assert types(database)["tags"] == "jsonb"
    push(run, [declared("2", told, types_told, source=source)])
    assert types(database) == dict(types_told.columns)
    for column in told:
        one, other = texts(database, column)
        assert one.replace(" ", "") == other.replace(" ", "")


def test_a_column_with_values_of_another_type_stays_what_it_is(run, database, caplog):
    push(run, [record("1", {"id": 1, "at": "2024-02-29"}), record("2", {"id": 2, "at": "soon"})])
    with caplog.at_level(logging.WARNING):
        push(run, [declared("3", {"id": 3, "at": "2024-03-01"}, layout(id="integer", at="date"))])
    assert types(database) == {"id": "integer", "at": "text"}
    assert texts(database, "at") == ["2024-02-29", "soon", "2024-03-01"]
    assert "'at' (date)" in caplog.text


def test_a_declared_type_never_cuts_what_is_there(run, database):
    push(
        run,
        [declared("1", {"id": 1, "at": "2024-02-29 12:00:00"}, layout(id="integer", at="timestamp without time zone"))],
    )
    push(run, [declared("2", {"id": 2, "at": "2024-02-29"}, layout(id="integer", at="date"))])
    assert texts(database, "at") == ["2024-02-29 12:00:00", "2024-02-29"]


def test_a_type_that_somebody_chose_stays(run, database):
    push(run, [record("1", {"id": 1, "n": 7, "at": "2024-02-29"})])
    database.ask("ALTER TABLE fustor.public_users ALTER n TYPE numeric(6,2), ALTER at TYPE date USING at::date")
    push(run, [declared("2", {"id": 2, "n": 8, "at": "2024-03-01"}, layout(id="integer", n="bigint", at="text"))])
    assert types(database) == {"id": "integer", "n": "numeric(6,2)", "at": "date"}


def test_a_table_with_a_view_goes_on(run, database):
    push(run, [record("1", {"id": 1, "at": "2024-02-29"})])
    database.ask("CREATE VIEW public.v AS SELECT at FROM fustor.public_users")
    push(run, [declared("2", {"id": 2, "at": "2024-03-01"}, layout(id="integer", at="date", more="uuid"))])
    assert types(database) == {"id": "bigint", "at": "text", "more": "uuid"}
    assert texts(database, "at") == ["2024-02-29", "2024-03-01"]


def test_what_realtime_declared_is_not_undone_by_the_snapshot(run, database):
    new, old = layout(id="integer", n="numeric"), layout(id="integer", n="integer")
    listed = [declared(str(n), {"id": n, "n": n}, old, source=SNAPSHOT) for n in (5, 6)]
    push(run, listed[:1], [declared("1", {"id": 1, "n": "1.50"}, new)], listed[1:], end=True)
    assert types(database)["n"] == "numeric"
    assert texts(database, "n") == ["1.50", "5", "6"]


def test_an_audit_declares_too(run, database):
    push(run, [record("1", {"id": 1, "at": "2024-02-29"})])
    more = {"source": AUDIT, "parent_path": "/public/users"}
    push(
        run,
        [AUDIT_START],
        [declared("1", {"id": 1, "at": "2024-02-29"}, layout(id="bigint", at="date"), **more)],
        [AUDIT_END],
    )
    assert types(database) == {"id": "bigint", "at": "date"}


def test_a_declared_column_keeps_a_value_that_is_not_told(run, database):
    told = layout(id="integer", at="date", tags="integer[]", doc="jsonb", raw="json")
    whole = {"id": 1, "at": "2024-02-29", "tags": [1, 2], "doc": {"a": None}, "raw": [1]}
    push(run, [declared("1", whole, told, model=InsertEvent)], [record("1", {"id": 2})], [record("1", {"at": None})])
    (row,) = database.ask("SELECT id, at, tags, doc, raw, record FROM fustor.public_users")
    assert row == (2, None, [1, 2], {"a": None}, [1], None)


@pytest.mark.parametrize("first", ["realtime", "snapshot"])
def test_a_declared_column_that_realtime_left_out_comes_from_the_snapshot(run, database, first):
    told = layout(id="integer", at="timestamp with time zone", tags="text[]", raw="json", doc="jsonb", n="integer")
    whole = {"id": 1, "at": "2024-02-29 10:00:00+00", "tags": ["a", 'b"'], "raw": {"b": 1, "a": 2}, "doc": "x", "n": 1}
    live = [declared("1", {"id": 1, "n": 2, "doc": None}, told, mtime=5.0)]
    listed = [declared("1", whole, told, source=SNAPSHOT)]
    push(run, *((live, listed) if first == "realtime" else (listed, live)), end=True)
    query = "SELECT id, at::text, tags, raw::text, doc, n, record FROM fustor.public_users"
    expected = (1, "2024-02-29 10:00:00+00", ["a", 'b"'], '{"b":1,"a":2}', None, 2, None)
    assert database.ask(query) == [expected]


CUT = [
    ("date", "2024-02-29", "2024-02-29 12:00:00"),
    ("timestamp without time zone", "2024-02-29 12:00:00.5", "2024-02-29 12:00:00.5+02"),
    ("timestamp without time zone", "0044-03-15 12:00:00 BC", "0044-03-15 12:00:00-08:30 BC"),
    ("time without time zone", "12:00:00", "12:00:00-03"),
    ("name", "x" * 63, "x" * 64),
    ('"char"', "x", "xy"),
    ('"char"', "\\303", "\\303x"),
    ("bytea", "\\x00ff", "plain \\134 text"),
    ("date[]", ["2024-02-29"], ["2024-02-29 12:00:00"]),
]


@pytest.mark.parametrize("model", [InsertEvent, pytest.param(UpdateEvent, marks=pytest.mark.full)])
@pytest.mark.parametrize("case", CUT, ids=lambda case: case[0])
def test_a_text_that_a_type_would_cut_is_stored_whole(run, database, model, case):
    kind, good, longer = case
    first = declared("1", {"id": 1, "v": good}, layout(id="integer", v=kind), model=model)
    push(run, [first], [record("2", {"id": 2, "v": longer}, model=model)])
    assert types(database)["v"] == "text"
    assert texts(database, "v") == (["{2024-02-29}", json.dumps(longer)] if kind == "date[]" else [good, longer])


@pytest.mark.parametrize("model", [InsertEvent, pytest.param(UpdateEvent, marks=pytest.mark.full)])
@pytest.mark.parametrize("before", [[], [record("0", {"id": 0})]], ids=["new", "known"])
def test_a_nul_in_a_document_is_kept(run, database, model, before):
    told = layout(id="integer", doc="jsonb", raw="json")
    value = {"a": "x\0y"}
    told_event = declared("0", {"id": 1, "doc": value, "raw": value}, told, model=model)
    push(run, *([before] if before else []), [told_event])
    text = '{"a":"x\\u0000y"}'
    assert database.ask("SELECT raw::text, doc FROM fustor.public_users") == [(text, text)]
    assert letters(database) == []


@pytest.mark.parametrize("value", ["x", 0.5, 2**40])
@pytest.mark.parametrize("is_declared", [True, False])
def test_a_view_on_a_column_refuses_what_does_not_fit_and_stops_nothing(run, database, value, is_declared):
    first = (
        declared("1", {"id": 1, "v": 7}, layout(id="integer", v="integer")) if is_declared else record("1", {"v": 7})
    )
    push(run, [first])
    database.ask("CREATE VIEW public.v AS SELECT v FROM fustor.public_users")
    push(run, [record("2", {"v": value}), record("3", {"v": 8})])
    fits = value == 2**40 and not is_declared
    assert letters(database) == ([] if fits else ["/public/users/2"])
    assert texts(database, "v") == (["7", str(value), "8"] if fits else ["7", "8"])


HOSTILE = [
    '"',
    "a b",
    "a.b",
    "select",
    "ü",
    "A",
    "a",
    "x" * 63,
    "{}",
    "'",
    ";",
    "a,b",
    "\\",
    "%",
    "%s",
    "_x",
    "path",
    "ctid",
]
HOSTILE += ["x" * 64, "ä" * 32, "a\nb", ""]


def test_columns_with_hostile_names_are_columns_or_stay_in_the_record(run, database):
    values = {name: f"2024-02-{number + 1:02}" for number, name in enumerate(HOSTILE)}
    told = TableLayout(system="postgresql", columns=dict.fromkeys(HOSTILE, "date"), key=tuple(HOSTILE[:3]))
    push(run, [declared("1", values, told)], [record("1", values)], key_index=True)
    (kept,) = database.ask("SELECT record FROM fustor.public_users")[0]
    found = {name: texts(database, name)[0] for name in types(database)}
    assert found | kept == values
    assert set(found) == set(HOSTILE[:13])
    assert letters(database) == []


WIDE = ("bigint", "uuid", "numeric", "timestamp with time zone", "jsonb")


@pytest.mark.parametrize(
    "kind", ["text", "box", "boolean", *(pytest.param(kind, marks=pytest.mark.full) for kind in WIDE)]
)
def test_a_wide_row_is_stored_whole(run, database, kind):
    values = {"text": "x" * 200, "bigint": 2**62, "uuid": "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11", "box": "(3,4),(1,2)"}
    values |= {
        "numeric": "9" * 30,
        "timestamp with time zone": "2024-02-29 10:00:00+00",
        "boolean": True,
        "jsonb": {"a": 1},
    }
    names = [f"c{number:04}" for number in range(1_600)]
    told = layout(key=("c0000",), **dict.fromkeys(names, kind))
    push(run, [declared("1", dict.fromkeys(names, values[kind]), told)], [record("1", {"c0001": values[kind]})])
    assert letters(database) == []
    (kept,) = database.ask("SELECT record FROM fustor.public_users")[0]
    assert len(types(database)) + len(kept) == 1_600
    assert len(types(database)) >= (1_000 if kind == "boolean" else 190)
    assert texts(database, "c0001") != [""]


@pytest.mark.full
def test_dropped_columns_take_room(run, database):
    push(run, [record("1", {"id": 1})])
    for _ in range(16):
        names = [f"d{number}" for number in range(98)]
        database.ask("ALTER TABLE fustor.public_users " + ", ".join(f"ADD {name} int" for name in names))
        database.ask("ALTER TABLE fustor.public_users " + ", ".join(f"DROP {name}" for name in names))
    keys = [f"k{number}" for number in range(50)]
    push(run, [declared("1", dict.fromkeys(keys, 5), layout(**dict.fromkeys(keys, "integer")))])
    push(run, [record("2", {f"x{number}": 1 for number in range(50)})])
    assert letters(database) == []
    assert len(texts(database, "id")) == 2


@pytest.mark.parametrize("is_declared", [True, False])
def test_many_known_rows_are_written_over_at_once_and_keep_what_an_update_lacks(run, database, is_declared):
    told = layout(id="integer", name="text", price="numeric", tags="text[]", doc="jsonb") if is_declared else None
    keys = range(50)

    def rows(version, names=("name", "price", "tags", "doc")):
        values = {"name": f"n{version}", "price": f"{version}.50", "tags": ["a", f'"{version}"'], "doc": {"v": version}}
        return [(key, {"id": key} | {name: values[name] for name in names}) for key in keys]

    def event(some, **more):
        made = declared("", {}, told, **more)
        (row,) = made.rows
        made.rows = [row | {"path": f"{row['path']}{key}", "record": told} for key, told in some]
        return made

    older, newer = rows(1), rows(3, ["price"])[:20] + rows(3, ["tags", "doc"])[20:40]
    batches = [[event(older[:1])], [event(older)], [event(rows(2), model=InsertEvent)], [event(newer)]]
    assert push(run, *batches)["rows"] == 141
    found = database.ask("SELECT id, name, price::text, tags::text, doc->>'v' FROM fustor.public_users ORDER BY id")
    versions = [(2, 3, 2, 2)] * 20 + [(2, 2, 3, 3)] * 20 + [(2, 2, 2, 2)] * 10
    tags = '{{a,"\\"{}\\""}}' if is_declared else '["a", "\\"{}\\""]'
    assert found == [
        (key, f"n{name}", f"{price}.50", tags.format(tag), f"{doc}")
        for key, (name, price, tag, doc) in enumerate(versions)
    ]
