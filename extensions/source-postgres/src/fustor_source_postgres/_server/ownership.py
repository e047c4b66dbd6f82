"""Whose a replication slot is: a slot that this source did not make is neither read nor dropped.

A server notes of a slot its name, its plugin and its database, and not who made it. The name that a source's slot has
by default holds a digest of the source's id, which no other source's has. A slot with a name that the user chose is
noted by a comment on an empty large object: every role may make one, it lives in the slot's database, and holds nothing
back.
"""

from __future__ import annotations

import logging
import re
from dataclasses import dataclass
from typing import Self

from psycopg2 import errors, sql
from psycopg2.extensions import connection

from fustor_core.exceptions import ConfigError
from fustor_source_postgres._server import slots
from fustor_source_postgres._server.connection import clean, fetch_all, fetch_first, fetch_one, run
from fustor_source_postgres._server.slots import OWN_PREFIX, PLUGIN, Slot

_log = logging.getLogger(__name__)
_DEFAULT_NAME = re.compile(rf"{OWN_PREFIX}([a-z0-9_]+_)?[0-9a-f]{{8}}")
_NOT_SHOWN = re.compile(r"[^ -~]")
_LONGEST_APPLICATION = 63
_NOTES = """
select m.oid, d.description
  from pg_catalog.pg_largeobject_metadata m join pg_catalog.pg_description d on d.objoid = m.oid
 where d.classoid = 'pg_catalog.pg_largeobject'::pg_catalog.regclass and d.description like 'Fustor: slot %'
   and pg_catalog.pg_has_role(m.lomowner, 'usage')
"""
_NOTE = re.compile(r"Fustor: slot (\S+) of source (.*)", re.DOTALL)
_READER = "select application_name, usename from pg_catalog.pg_stat_activity where pid = %s"


@dataclass(frozen=True, slots=True)
class Owner:
    """One source, as the owner of a slot: its id, the name its slot has by default, and that of its connections."""

    id: str
    default_slot: str
    application: str

    @classmethod
    def of(cls, source_id: str, database: str) -> Self:
        """A source of a database. Servers show no other characters of an application's name than ASCII's."""
        application = f"fustor {_NOT_SHOWN.sub('?', source_id)}"[:_LONGEST_APPLICATION]
        return cls(source_id, slots.name_for(source_id, database), application)

    def require(self, conn: connection, slot: Slot) -> None:
        """Raise a ConfigError unless the slot is this source's, and read by nobody else.

        A slot whose name begins like this project's and that nobody has noted is taken for made in advance.
        """
        require_ours(conn, slot)
        self._require_no_other_reader(conn, slot)
        if slot.name == self.default_slot:
            return
        owner = owner_of(conn, slot.name)
        if owner is not None and owner != self.id:
            raise ConfigError(f"Slot {slot.name!r} belongs to source {owner!r}; give source {self.id!r} its own `slot`")
        if owner is None and (_DEFAULT_NAME.fullmatch(slot.name) or not slot.name.startswith(OWN_PREFIX)):
            raise ConfigError(
                f"Nothing says that source {self.id!r} has made slot {slot.name!r}: give the source another `slot`; "
                "or drop this one, if nothing needs it, with `select pg_drop_replication_slot('...')`"
            )

    def may_be_of_another_sync(self, slot: Slot) -> bool:
        """Whether the slot's name is that of a reader `ID:PUSHER`, as a host names the further syncs of a source."""
        stem = self.default_slot.rpartition("_")[0] + "_"
        return stem != OWN_PREFIX and slot.name.startswith(stem) and _DEFAULT_NAME.fullmatch(slot.name) is not None

    def note(self, conn: connection, name: str) -> None:
        """Note that a slot is this source's."""
        if name == self.default_slot or owner_of(conn, name) == self.id:
            return
        forget(conn, name)
        try:
            run(conn, "begin")
            (oid,) = fetch_one(conn, "select pg_catalog.lo_create(0)")
            comment = sql.SQL("comment on large object {} is {}")
            run(conn, comment.format(sql.Literal(oid), sql.Literal(f"Fustor: slot {name} of source {self.id}")))
            run(conn, "commit")
        except (errors.ReadOnlySqlTransaction, errors.InsufficientPrivilege, errors.FeatureNotSupported) as err:
            run(conn, "rollback")
            _log.warning("Slot %s cannot be marked as this source's: %s", name, clean(err))

    def _require_no_other_reader(self, conn: connection, slot: Slot) -> None:
        if slot.active_pid is None:
            return
        reader = fetch_first(conn, _READER, (slot.active_pid,))
        if reader is not None and reader[0] != self.application:
            raise ConfigError(
                f"Slot {slot.name!r} is read by process {slot.active_pid}, application {reader[0]!r} of user "
                f"{reader[1]!r}: two sources cannot share one; give source {self.id!r} its own `slot`"
            )


def require_ours(conn: connection, slot: Slot) -> None:
    """Raise a ConfigError unless the slot is of this database, and of the plugin that this project reads."""
    database = slots.database_of(conn)
    if slot.plugin != PLUGIN:
        raise ConfigError(f"Slot {slot.name!r} belongs to plugin {slot.plugin!r}; choose another `slot`")
    if slot.database != database:
        raise ConfigError(
            f"Slot {slot.name!r} belongs to database {slot.database!r}, not to {database!r}; choose another `slot`"
        )


def require_known(conn: connection, slot: Slot) -> None:
    """Raise a ConfigError unless the slot is known to be this project's."""
    require_ours(conn, slot)
    if not slot.name.startswith(OWN_PREFIX) and owner_of(conn, slot.name) is None:
        raise ConfigError(f"Nothing says that a source of this project has made slot {slot.name!r}; drop it by SQL")


def owner_of(conn: connection, name: str) -> str | None:
    """The id of the source that has noted a slot as its own; None where no source has."""
    return next((source for _, slot, source in _notes(conn) if slot == name), None)


def noted_slots(conn: connection) -> set[str]:
    """The names of slots in this database that sources have noted as their own."""
    return {slot for _, slot, _ in _notes(conn)}


def forget(conn: connection, name: str) -> None:
    """Remove what is noted of a slot that is gone."""
    for oid, slot, _ in _notes(conn):
        if slot == name:
            run(conn, "select pg_catalog.lo_unlink(%s)", (oid,))


def _notes(conn: connection) -> list[tuple[int, str, str]]:
    """The notes in this database: the object that has it, the slot, and the source."""
    return [(oid, found[1], found[2]) for oid, note in fetch_all(conn, _NOTES) if (found := _NOTE.fullmatch(note))]
