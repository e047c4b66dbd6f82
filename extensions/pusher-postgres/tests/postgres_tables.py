"""Typed tables, made and looked at."""

from postgres_events import record

from fustor_event_model import TableLayout
from fustor_pusher_postgres._tables.columns import PUBLIC


def layout(key=("id",), labels=None, system="postgresql", **columns):
    return TableLayout(system=system, columns=columns, key=key, labels=labels or {})


def declared(key, told, declared_as, **more):
    event = record(key, told, **more)
    event.layout = declared_as
    return event


def push(run, *batches, end=False, **params):
    async def scenario(driver):
        session = (await driver.create_session("task"))["session_id"]
        for batch in batches:
            await driver.push(batch, session_id=session)
        if end:
            await driver.push([], session_id=session, is_snapshot_end=True)
        return driver.statistics()

    return run(scenario, **{"typed_tables": ["public.*"], **params})


def types(database, table="fustor.public_users"):
    """The columns that the keys of records became, with their types."""
    query = "SELECT attname, format_type(atttypid, atttypmod) FROM pg_attribute WHERE attrelid = %s::regclass"
    found = dict(database.ask(query + " AND attnum > %s AND NOT attisdropped", table, len(PUBLIC)))
    return {name: kind for name, kind in found.items() if not name.startswith("_")}


def texts(database, column, table="fustor.public_users"):
    name = column.replace('"', '""')
    return [text for (text,) in database.ask(f"SELECT format('%s', \"{name}\") FROM {table} ORDER BY path")]  # noqa: S608


def letters(database):
    return [path for (path,) in database.ask("SELECT path FROM fustor._fustor_dead_letters ORDER BY path")]
