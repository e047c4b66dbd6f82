"""What a pusher-postgres has stored."""

from psycopg2 import errors, sql


def stored(ask, column="record"):
    """A column of the rows by path."""
    rows = {}
    for (relation,) in ask("select distinct relation from fustor._fustor_tables"):
        table = sql.Identifier("fustor", relation)
        rows |= dict(ask(sql.SQL("select path, {} from {}").format(sql.Identifier(column), table)))
    return rows


def records(ask):
    """Those that are not containers."""
    return {path: record for path, record in stored(ask).items() if record is not None}


def count(ask):
    """How many there are, none before the first push."""
    try:
        return len(stored(ask))
    except (errors.UndefinedTable, errors.InvalidSchemaName):
        return 0
