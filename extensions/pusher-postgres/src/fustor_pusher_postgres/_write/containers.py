"""The containers above a path: every path has them, told or not."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from psycopg2 import sql

from fustor_event_model import MessageSource
from fustor_pusher_postgres._write import statements

if TYPE_CHECKING:
    from fustor_pusher_postgres._write.writer import Writer

__all__ = ["lacking", "make_containers"]


_IS_NO_CONTAINER = sql.SQL("NOT EXISTS (SELECT FROM {} t WHERE t.path = a.path AND t.is_directory)")
_IS_FILE = sql.SQL("EXISTS (SELECT FROM {} t WHERE t.path = a.path AND NOT t.is_directory)")
_LACKING = sql.SQL(
    "SELECT a.path FROM pg_catalog.unnest(%(above)s::text[]) AS a (path)"
    " WHERE a.path <> '/' AND {known} OR a.path = '/' AND ({root})"
)


def lacking(writer: Writer, above: Mapping[str, str]) -> sql.Composed:
    """The query for the paths of the parameter `above` that are no containers; the root is one if it is nothing."""
    holding = [writer.name(table) for table in writer.tables.holding(above.keys())]
    known: list[sql.Composable] = [_IS_NO_CONTAINER.format(name) for name in holding]
    root: list[sql.Composable] = [_IS_FILE.format(name) for name in holding]
    if not holding:
        known, root = [sql.SQL("true")], [sql.SQL("false")]
    return _LACKING.format(known=sql.SQL(" AND ").join(known), root=sql.SQL(" OR ").join(root))


def make_containers(writer: Writer, missing: set[str], above: Mapping[str, str], source: MessageSource) -> None:
    """Make these paths containers; one that nothing told of has no mtime.

    Args:
        writer: Where to.
        missing: What `lacking` found.
        above: The event_schema that each is told under.
        source: Of the rows below them.
    """
    if not missing:
        return
    made = {"/"}
    for table in writer.tables.holding(above.keys()):
        cleared = [sql.SQL(", {} = NULL").format(sql.Identifier(name)) for name, _ in table.columns]
        clear = sql.SQL(statements.CLEAR).format(t=writer.name(table), cleared=sql.SQL("").join(cleared))
        made.update(path for (path,) in writer.execute(clear, paths=list(missing), source=source))
    homes: dict[str, list[str]] = {}
    for path in sorted(missing - made):
        homes.setdefault(above[path], []).append(path)
    for event_schema, paths in homes.items():
        home = writer.home((event_schema, ""), paths)
        for place in writer.places(home):
            query = sql.SQL(statements.IMPLY).format(**place.parts("implied.path", "implied.path"))
            writer.execute(query, paths=paths, source=source)
