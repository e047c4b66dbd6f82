"""Names and patterns of tables as users write them: `schema.table`, a part with a dot of its own in double quotes."""

from __future__ import annotations

import re
from dataclasses import dataclass
from fnmatch import translate

_CLASS = re.compile(r"\[!?\]?[^]]*\]")
_WILDCARDS = frozenset("*?[")
_NEEDS_QUOTES = re.compile(r'[."*?\[]|^$')
_PARTS = 2


@dataclass(frozen=True, slots=True)
class Pattern:
    """A schema and a table, each with the wildcards `*`, `?` and `[...]`; what is quoted stands for itself."""

    text: str
    schema: re.Pattern[str]
    table: re.Pattern[str]

    @classmethod
    def parse(cls, text: str) -> Pattern:
        """The pattern `text`.

        Raises:
            ValueError: it is not written `schema.table`.
        """
        schema, table = (re.compile(translate("".join(map(_escaped, part)))) for part in _split(text))
        return cls(text, schema, table)

    def matches(self, schema: str, table: str) -> bool:
        """Whether it stands for this table."""
        return self.schema.match(schema) is not None and self.table.match(table) is not None


def parse_name(text: str) -> tuple[str, str]:
    """The one table that `text` names.

    Raises:
        ValueError: it is not written `schema.table`, or has a wildcard outside quotes.
    """
    parts = _split(text)
    if any(not quoted and piece[0] in _WILDCARDS for part in parts for piece, quoted in part):
        raise ValueError(f"{text!r} has a wildcard; name one table, or write the name in double quotes")
    schema, table = ("".join(piece for piece, _ in part) for part in parts)
    return schema, table


def split_pattern(text: str) -> tuple[str | None, str]:
    """The schema that a pattern names, or None where that has a wildcard, and the pattern of its tables as it reads.

    Raises:
        ValueError: it is not written `schema.table`.
    """
    schema, table = _split(text)
    is_named = all(quoted or piece[0] not in _WILDCARDS for piece, quoted in schema)
    return "".join(piece for piece, _ in schema) if is_named else None, "".join(piece for piece, _ in table)


def written(schema: str, table: str) -> str:
    """A table as a user writes it; no two tables are written alike."""
    return ".".join(map(_quoted, (schema, table)))


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"' if _NEEDS_QUOTES.search(name) else name


def _escaped(token: tuple[str, bool]) -> str:
    piece, quoted = token
    return f"[{piece}]" if quoted and piece in _WILDCARDS else piece


def _split(text: str) -> list[list[tuple[str, bool]]]:
    """Schema and table as pieces, each with whether it was quoted."""
    parts: list[list[tuple[str, bool]]] = [[]]
    position, quoted = 0, False
    while position < len(text):
        piece = text[position]
        if piece == '"' and quoted and text.startswith('""', position):
            position += 1
            parts[-1].append((piece, True))
        elif piece == '"':
            quoted = not quoted
        elif piece == "." and not quoted:
            parts.append([])
        else:
            found = None if quoted else _CLASS.match(text, position)
            piece = found[0] if found else piece
            position += len(piece) - 1
            parts[-1].append((piece, quoted))
        position += 1
    _require_two(text, parts, quoted=quoted)
    return parts


def _require_two(text: str, parts: list[list[tuple[str, bool]]], *, quoted: bool) -> None:
    if quoted:
        raise ValueError(f"{text!r} has a double quote without its end; a quote in a name is written twice, in quotes")
    if len(parts) > _PARTS:
        raise ValueError(
            f'{text!r} has more than one dot; write a name with a dot in double quotes, as in public."a.b"'
        )
    if len(parts) < _PARTS or not all(parts):
        raise ValueError(f"{text!r} is not written `schema.table`; give it a schema and a name")
