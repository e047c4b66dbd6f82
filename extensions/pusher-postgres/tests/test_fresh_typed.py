"""Copied rows of tables with typed columns: they say the same as those that are brought from the stage."""

import pytest
from postgres_events import SNAPSHOT, record

from fustor_event_model import InsertEvent

pytestmark = pytest.mark.wide


@pytest.mark.parametrize("source", [None, SNAPSHOT])
def test_values_of_typed_columns_are_stored_as_told(run, database, source):
    """Many at once, in parts of different sizes, some of them None."""
    wholes = [0, None, -1, 2**63 - 1, -(2**63)]
    ratios = [0.1, -0.0, 1e16, None, 1.7976931348623157e308, 5e-324, 1e-7]
    docs = [None, {"a": 'q"\\ \t\n é\u2028'}, ["\\u0000", {}], {"b": [1.5, 2**70]}]
    rows = [
        {"n": number, "whole": wholes[number % 5], "ratio": ratios[number % 7], "doc": docs[number % 4]}
        for number in range(300)
    ]
    more = {} if source is None else {"source": source}

    async def scenario(driver):
        session = (await driver.create_session("task"))["session_id"]
        await driver.push([record("made", {"n": -1, "whole": 1, "ratio": 0.5, "doc": {}}, **more)], session_id=session)
        events = [record(str(row["n"]), row, **more) for row in rows]
        events[0].rows = [row for event in events for row in event.rows]
        await driver.push(events[:1], session_id=session)
        assert driver.statistics()["refused_batches"] == 0

    run(scenario, typed_tables=["*"])
    found = database.ask("SELECT n, whole, ratio, doc FROM fustor.public_users WHERE n >= 0 ORDER BY n")
    assert [repr(row) for row in found] == [repr(tuple(row.values())) for row in rows]


VALUES = {
    "flag": [True, False, None],
    "count": [2**63 - 1, -(2**63), None],
    "amount": [10**30, 0.1, None],
    "ratio": [1e300, -0.0, None],
    "text": ["plain", None, ""],
    "hostile": ['back\\slash "tab\t" \r é\u2028 \\N', "\\.", None],
    "lines": ["one\ntwo", None, None],
    "doc": [{"x": 'a"\\b'}, [1, None, "\t"], None],
    "never": [None, None, None],
    "path": ["kept in the record", None, None],
}


def test_typed_rows_are_the_same_copied_or_brought_from_the_stage(run, database):
    """The same values twice: in rows that are new, and over rows that are known."""
    told = [{key: values[n] for key, values in VALUES.items()} for n in range(3)]
    narrow = {
        "flag": True,
        "count": 1,
        "amount": 10**30,
        "ratio": 0.5,
        "text": "",
        "hostile": "",
        "lines": "",
        "doc": {},
    }

    async def scenario(driver):
        session = (await driver.create_session("task"))["session_id"]
        await driver.push(
            [record("first", narrow), *(record(f"known{n}", narrow) for n in range(3))], session_id=session
        )
        for name in ("new", "known"):
            await driver.push([record(f"{name}{n}", told[n], model=InsertEvent) for n in range(3)], session_id=session)
        assert driver.statistics()["refused_batches"] == 0

    run(scenario, typed_tables=["*"])
    query = (
        "SELECT flag, count, amount, ratio, text, hostile, lines, doc, record FROM fustor.public_users"
        " WHERE path LIKE %s ORDER BY path"
    )
    new, known = (database.ask(query, f"/public/users/{name}%") for name in ("new", "known"))
    assert new == known
    typed = list(VALUES)[:8]
    for row, values in zip(new, told, strict=True):
        assert [str(value) for value in row[:2]] == [str(values[key]) for key in typed[:2]]
        assert [None if value is None else float(value) for value in row[2:4]] == [
            None if values[key] is None else float(values[key]) for key in typed[2:4]
        ]
        assert list(row[4:8]) == [values[key] for key in typed[4:8]]
        assert row[8] == {"never": None, "path": values["path"]}
