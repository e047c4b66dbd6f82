"""Pushers that change a value on its way, or take two paths, tables or columns for one."""

from __future__ import annotations

import unicodedata

from kit_pusher import KeyedDriver, LogDriver

from kit_mutants.pusher import keyed, log


class _Changes(LogDriver):
    """Changes every value of a record."""

    def value(self, value):
        return value

    def stored_row(self, row, event):
        stored = super().stored_row(row, event)
        record = stored.get("record")
        return {**stored, "record": {name: self.value(value) for name, value in record.items()}} if record else stored


@log("U30", "U17", "U24", "U26")
class CutsLongTexts(_Changes):
    def value(self, value):
        return value[:1_000] if isinstance(value, str) else value


@log("U30", "U24")
class NumbersThroughADouble(_Changes):
    def value(self, value):
        return float(value) if isinstance(value, int) and not isinstance(value, bool) else value


@log("U30", "U24", "U31")
class TrueIsOne(_Changes):
    def value(self, value):
        return int(value) if isinstance(value, bool) else value


@log("U30", "U21", "U24")
class EmptyIsNull(_Changes):
    def value(self, value):
        return value or None if isinstance(value, str) else value


@log("U30", "U24")
class FoldsAccents(_Changes):
    def value(self, value):
        return unicodedata.normalize("NFC", value) if isinstance(value, str) else value


@log("U30", "U21", "U24", "U31")
class NestedBecomesText(_Changes):
    def value(self, value):
        return str(value) if isinstance(value, dict | list) else value


@log("U30", "U24")
class RoundsFractions(_Changes):
    def value(self, value):
        return round(value, 6) if isinstance(value, float) else value


@log("U30", "U24")
class WholeSeconds(LogDriver):
    def stored_row(self, row, event):
        return {**super().stored_row(row, event), "mtime": int(row["mtime"])}


@log("U30")
class RefusesWhatIsEmpty(LogDriver):
    def store(self, state, session, event):
        kept = [row for row in event.rows if row.get("record", {"v": 1}).get("v", 1) != ""]
        self._refused += len(event.rows) - len(kept)
        super().store(state, session, event.model_copy(update={"rows": kept}))

    async def push(self, events, **kwargs):
        self._refused = 0
        return {**await super().push(events, **kwargs), "refused_rows": self._refused}


class _FoldsPaths(KeyedDriver):
    def folded(self, path):
        return path

    def store(self, state, session, event):
        rows = [{**row, "path": self.folded(row["path"])} for row in event.rows]
        super().store(state, session, event.model_copy(update={"rows": rows}))


@keyed("U30", "U21", "U24", "U31")
class PathsWithoutCase(_FoldsPaths):
    def folded(self, path):
        return path.lower()


@keyed("U30", "U21", "U24")
class PathsWithoutBlanks(_FoldsPaths):
    def folded(self, path):
        return path.rstrip()


@keyed("U30", "U18", "U21", "U24", "U35")
class PathsOf255(_FoldsPaths):
    def folded(self, path):
        return path[:255]


@keyed("U30", "U21", "U24")
class PathsComposed(_FoldsPaths):
    def folded(self, path):
        return unicodedata.normalize("NFC", path)


@keyed("U31", "U21", "U24")
class TablesWithoutCase(_FoldsPaths):
    def folded(self, path):
        return path.lower() if path.count("/") > 1 else path


@log("U31")
class ColumnsOfTheFirstRow(LogDriver):
    def stored_row(self, row, event):
        stored = super().stored_row(row, event)
        if not event.table or "record" not in row:
            return stored
        columns = self.columns.setdefault((event.event_schema, event.table), list(row["record"]))
        return {**stored, "record": {name: value for name, value in row["record"].items() if name in columns}}

    def __init__(self, id, config):
        super().__init__(id, config)
        self.columns = {}


@log("U31")
class TypesOfTheFirstRow(ColumnsOfTheFirstRow):
    def stored_row(self, row, event):
        stored = LogDriver.stored_row(self, row, event)
        record = stored.get("record") if event.table else None
        if not record:
            return stored
        types = self.columns.setdefault((event.event_schema, event.table), {})
        for name, value in record.items():
            types.setdefault(name, type(value))
        return {**stored, "record": {name: v if type(v) is types[name] else None for name, v in record.items()}}
