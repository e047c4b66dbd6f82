"""Names and patterns of tables as users write them: `schema.table`, a part with a dot of its own in double quotes."""

from __future__ import annotations

import re
from dataclasses import dataclass
from fnmatch import translate

_TOKEN = re.compile(r'"((?:[^"]|"")*)"|(\[!?\]?[^]]*\]|.)', re.DOTALL)
"""A quoted piece without its quotes, or else a class of letters or a single one."""
_WILDCARDS = frozenset("*?[")
_NEEDS_QUOTES = re.compile(r'[."*?\[]|^$')
_PARTS = 2


@dataclass(frozen=True, slots=True)
class Pattern:
    """A schema and a table, each with the wildcards `*`, `?` and `[...]`; what is quoted stands for itself."""

    text: str
    schema: re.Pattern[str]
    table: re.Pattern[str]
    schema_name: str | None
    """The one schema that it stands for; None where that has a wildcard."""
    table_name: str | None
    """The same of its table."""

    @classmethod
    def parse(cls, text: str) -> Pattern:
        """The pattern `text`.

        Raises:
            ValueError: it is not written `schema.table`.
        """
        parts = _split(text)
        schema, table = (re.compile(translate("".join(map(_escaped, part)))) for part in parts)
        return cls(text, schema, table, *map(_name, parts))

    @property
    def name(self) -> tuple[str, str] | None:
        """The one table that it stands for; None where it has a wildcard."""
        return None if self.schema_name is None or self.table_name is None else (self.schema_name, self.table_name)

    def matches(self, schema: str, table: str) -> bool:
        """Whether it stands for this table."""
        return self.schema.match(schema) is not None and self.table.match(table) is not None


def parse_name(text: str) -> tuple[str, str]:
    """The one table that `text` names.

    Raises:
        ValueError: it is not written `schema.table`, or has a wildcard outside quotes.
    """
    name = Pattern.parse(text).name
    if name is None:
        raise ValueError(f"{text!r} has a wildcard; name one table, or write the name in double quotes")
    return name


def written(schema: str, table: str) -> str:
    """A table as a user writes it; no two tables are written alike."""
    return ".".join(map(_quoted, (schema, table)))


def in_sql(*parts: str) -> str:
    """A name as SQL has it, each part of it in double quotes."""
    return ".".join('"' + part.replace('"', '""') + '"' for part in parts)


def _quoted(name: str) -> str:
    return in_sql(name) if _NEEDS_QUOTES.search(name) else name


def _name(part: list[tuple[str, bool]]) -> str | None:
    """The one name that these pieces stand for."""
    is_one = all(quoted or piece[0] not in _WILDCARDS for piece, quoted in part)
    return "".join(piece for piece, _ in part) if is_one else None


def _escaped(token: tuple[str, bool]) -> str:
    piece, quoted = token
    return f"[{piece}]" if quoted and piece in _WILDCARDS else piece


def _split(text: str) -> list[list[tuple[str, bool]]]:
    """Schema and table as pieces, each with whether it was quoted."""
    parts: list[list[tuple[str, bool]]] = [[]]
    for quoted, piece in _TOKEN.findall(text):
        if piece == '"':
            raise ValueError(
                f"{text!r} has a double quote without its end; a quote in a name is written twice, in quotes"
            )
        if piece == ".":
            parts.append([])
        elif piece:
            parts[-1].append((piece, False))
        else:
            parts[-1] += [(letter, True) for letter in quoted.replace('""', '"')]
    if len(parts) > _PARTS:
        raise ValueError(
            f'{text!r} has more than one dot; write a name with a dot in double quotes, as in public."a.b"'
        )
    if len(parts) < _PARTS or not all(parts):
        raise ValueError(f"{text!r} is not written `schema.table`; give it a schema and a name")
    return parts
