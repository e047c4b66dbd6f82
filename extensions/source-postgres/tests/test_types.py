"""Every type has one JSON form, the same from a snapshot and from the stream."""

import asyncio
import json

import pytest

BIG = "1" + "0" * 5000
SETUP = """
create type mood as enum ('sad', 'ok "quoted"');
create type pair as (a int, b text);
create domain positive as int check (value > 0);
create domain tags as text[];
create schema "Odd, Schema";
create type "Odd, Schema"."Type" as enum ('x');
"""
CASES = [
    ("smallint", "'-32768'", -32768),
    ("int", "'2147483647'", 2147483647),
    ("bigint", "'9223372036854775807'", 9223372036854775807),
    ("oid", "'4294967295'", 4294967295),
    ("real", "'0.1'", 0.1),
    ("double precision", "'1.7976931348623157e308'", 1.7976931348623157e308),
    ("double precision", "'-0'", -0.0),
    ("double precision", "'3'", 3.0),
    ("double precision", "'0'", 0.0),
    ("double precision", "'-1e-300'", -1e-300),
    ("double precision", "'NaN'", "NaN"),
    ("double precision", "'-Infinity'", "-Infinity"),
    ("real", "'Infinity'", "Infinity"),
    ("boolean", "true", True),
    ("boolean", "false", False),
    ("numeric", "'12345678901234567890.1234567890'", "12345678901234567890.1234567890"),
    ("numeric(10,2)", "'1.5'", "1.50"),
    ("numeric", "'NaN'", "NaN"),
    ("numeric", "'-Infinity'", "-Infinity"),
    ("money", "'1234.5'", "$1,234.50"),
    ("text", "''", ""),
    ("text", r"E'tab\tnewline\nreturn\rback\\slash\b\f\x0b'", "tab\tnewline\nreturn\rback\\slash\b\f\v"),
    ("text", r"E'\x0b'", "\v"),
    ("text", r"'\N'", "\\N"),
    ("text", r"E'\x01'", "\x01"),
    ("text", "'grüße 🐘 ,{}\"'", 'grüße 🐘 ,{}"'),
    ("varchar(5)", "'abc'", "abc"),
    ("char(5)", "'abc'", "abc  "),
    ('"char"', "'x'", "x"),
    ("name", "'a name'", "a name"),
    ("bytea", r"'\x00ff5c0b'", "\\x00ff5c0b"),
    ("date", "'2024-02-29'", "2024-02-29"),
    ("date", "'infinity'", "infinity"),
    ("date", "'20000-01-01'", "20000-01-01"),
    ("date", "'0044-03-15 BC'", "0044-03-15 BC"),
    ("time", "'23:59:60'", "24:00:00"),
    ("timetz", "'12:00:00+05:30'", "12:00:00+05:30"),
    ("timestamp", "'2024-02-29 12:00:00.123456'", "2024-02-29 12:00:00.123456"),
    ("timestamptz", "'2024-02-29 12:00:00+02'", "2024-02-29 10:00:00+00"),
    ("timestamptz", "'-infinity'", "-infinity"),
    ("timestamptz", "'12345-01-01 00:00:00+00'", "12345-01-01 00:00:00+00"),
    ("interval", "'1 year 2 months 3 days 04:05:06.7'", "P1Y2M3DT4H5M6.7S"),
    ("interval", "'-1 day'", "P-1D"),
    ("uuid", "'A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11'", "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"),
    ("inet", "'192.168.0.1/24'", "192.168.0.1/24"),
    ("macaddr", "'08:00:2b:01:02:03'", "08:00:2b:01:02:03"),
    ("bit varying(8)", "B'101'", "101"),
    ("point", "'(1,2)'", "(1,2)"),
    ("tsvector", "'a fat cat'", "'a' 'cat' 'fat'"),
    ("json", '\'{"a": 1.50, "b": [null, true]}\'', {"a": 1.5, "b": [None, True]}),
    ("json", "'1e400'", "1e400"),
    ("json", "'0.1234567890123456789'", "0.1234567890123456789"),
    ("json", "'\"\\ud83d\\ude00\"'", "😀"),
    ("json", '\'{"a": "\\ud800"}\'', '{"a": "\\ud800"}'),
    ("jsonb", '\'{"b": 12345678901234567890123, "a": "ü"}\'', {"a": "ü", "b": 12345678901234567890123}),
    ("jsonb", "'null'", None),
    ("jsonb", f"'{BIG}'", BIG),
    ("jsonb", "'[1.50, -0.5, 0, 1e3]'", [1.5, -0.5, 0, 1000]),
    ("jsonb", "'{\"n\": -1234567890.1234567891}'", {"n": "-1234567890.1234567891"}),
    ("jsonb", "'[1234567890.1234567891]'", ["1234567890.1234567891"]),
    ("jsonb", "'-0.1234567890123456789'", "-0.1234567890123456789"),
    ("jsonb", "'12345678901234567'", 12345678901234567),
    (
        "jsonb",
        '\'{"12345678901234567.5": "in 12345678901234567.5"}\'',
        {"12345678901234567.5": "in 12345678901234567.5"},
    ),
    ("jsonb", '\'{"a": "\\u0001 \\"\\\\"}\'', {"a": '\x01 "\\'}),
    ("int[]", "'{1,NULL,3}'", [1, None, 3]),
    ("int[]", "'{}'", []),
    ("int[]", "'[0:1]={1,2}'", [1, 2]),
    ("int[]", "'{{1,2},{3,4}}'", [[1, 2], [3, 4]]),
    (
        "text[]",
        "array['a,b', '', 'NULL', null, 'q\"uo\\te', ' s ', '{x}']",
        ["a,b", "", "NULL", None, 'q"uo\\te', " s ", "{x}"],
    ),
    ("numeric[]", "'{1.10,NaN}'", ["1.10", "NaN"]),
    ("float8[]", "'{1.5,NaN}'", [1.5, "NaN"]),
    ("boolean[]", "'{t,f}'", [True, False]),
    ("jsonb[]", 'array[\'{"a": [1, "x"]}\'::jsonb]', [{"a": [1, "x"]}]),
    ("timestamptz[]", "array['2024-01-01 00:00:00+00'::timestamptz]", ["2024-01-01 00:00:00+00"]),
    ("box[]", "'{(1,1),(0,0);(2,2),(1,1)}'", ["(1,1),(0,0)", "(2,2),(1,1)"]),
    ("int4range", "'[1,5)'", "[1,5)"),
    ("tstzrange", "'[2024-01-01 00:00:00+00,)'", '["2024-01-01 00:00:00+00",)'),
    ("int4multirange", "'{[1,3),[5,7)}'", "{[1,3),[5,7)}"),
    ("int2vector", "'1 2'", "1 2"),
    ("mood", "'ok \"quoted\"'", 'ok "quoted"'),
    ("mood[]", "array['ok \"quoted\"']::mood[]", ['ok "quoted"']),
    ("pair", "row(1, 'b,c')", '(1,"b,c")'),
    ("pair[]", "array[row(1, 'b')::pair]", ["(1,b)"]),
    ("positive", "7", 7),
    ("positive[]", "'{7}'", [7]),
    ("tags", "'{a,b}'", ["a", "b"]),
    ('"Odd, Schema"."Type"', "'x'", "x"),
    ("text", "null", None),
    ("int[]", "null", None),
]


@pytest.fixture(scope="module")
def records(module_database):
    """The records of one row with every case, by phase; and their sizes."""
    database = module_database
    database.run(SETUP)
    columns = ", ".join(f"c{n} {kind}" for n, (kind, _, _) in enumerate(CASES))
    values = ", ".join(value for _, value, _ in CASES)
    database.run(f"create table cases (id int primary key, {columns})")
    rows = f"(1, {values}), (2{', null' * len(CASES)}), (3, {values})"
    database.run(f"insert into cases values {rows}")  # noqa: S608 - the cases above
    driver = database.driver()
    stream = driver.get_message_iterator(-1)
    database.run("update cases set id = id + 10")
    (snapshot,) = driver.get_snapshot_iterator()
    events = [next(stream) for _ in range(2)]
    asyncio.run(driver.close())
    return {"snapshot": snapshot.rows, "stream": events[1].rows}


@pytest.mark.parametrize("phase", ["snapshot", "stream"])
@pytest.mark.parametrize("number", range(len(CASES)), ids=lambda n: f"{n}-{CASES[n][0]}")
def test_value(records, phase, number):
    first, empty, third = (row["record"] for row in records[phase])
    expected = CASES[number][2]
    assert repr(first[f"c{number}"]) == repr(expected)
    assert repr(third[f"c{number}"]) == repr(expected)
    assert empty[f"c{number}"] is None


def test_sizes_agree_and_everything_is_json(records):
    sizes = {phase: [row["size"] for row in rows] for phase, rows in records.items()}
    assert [size + 1 for size in sizes["snapshot"]] == sizes["stream"]  # the key grew by one digit
    for rows in records.values():
        json.dumps(rows, allow_nan=False).encode()
        json.dumps(rows, allow_nan=False, ensure_ascii=False).encode()


@pytest.mark.parametrize("kind", ["json", "jsonb"])
@pytest.mark.parametrize(("depth", "is_read"), [(100, True), (101, False), (1_000, False), (5_000, False)])
def test_a_document_that_is_nested_deeply_stays_text(database, make_driver, kind, depth, is_read):
    database.run(f"create table t (id int primary key, v {kind})")
    driver = make_driver()
    driver.get_message_iterator(-1)
    start = driver.get_latest_position()
    text, flat = "[" * depth + "]" * depth, '["' + "[" * 200 + '"]'
    database.run("insert into t values (1, %s), (2, %s)", text, flat)
    streamed = driver.get_message_iterator(start, end_position=driver.get_latest_position())
    snapshot = make_driver(slot="other").get_snapshot_iterator()
    for events in (streamed, snapshot):
        (event,) = events
        values = [row["record"]["v"] for row in event.rows]
        assert values == [json.loads(text) if is_read else text, ["[" * 200]]
        event.model_dump_json()
